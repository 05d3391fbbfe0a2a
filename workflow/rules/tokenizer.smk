# The full-scale tokenizers: one of every candidate and baseline and each draw of text, by which one mixture is chosen, and
# those that are written for use, in a folder for transformers and for other programs. Which mixtures are finalists is known
# when the jobs run; those of others train nothing.
from trex.tokenizer.formats import export_files
from trex.tokenizer.sizes import compared_sizes, curve_sizes, needed_size
from trex.tokenizer.special import added_ends, folder_files

TOKENIZERS = [CHOSEN] + (
    list(config["baselines"]) + ["matched"] if config["training"]["baselines"] else []
)
# the sizes at which compression is measured; trained to the last
VOCAB_SIZES = curve_sizes(config)
LADDER = config["training"]["ladder"]

RELEASE = {
    key: value
    for key, value in config["release"].items()
    if key not in ("license", "exports")
}
CHAT_TEMPLATE = [RELEASE["chat_template"]] if RELEASE["chat_template"] else []
FOLDER_FILES = folder_files(RELEASE)  # tokenizer.json first
# the folders of all finished tokenizers, each from the name of a file to its path
FOLDERS = [partial(FILES.tokenizer_file, name) for name in TOKENIZERS] + [
    partial(FILES.ladder_file, name, size) for name in TOKENIZERS for size in LADDER
]


if BASE_TOKENIZER:

    # As a tokenizer.json: the merges of a tiktoken encoding have to be found, which takes a quarter of a minute.
    rule load_base:
        input:
            tokenizer=tokenizer_files(TOKENIZER["base"]),
        output:
            base=FILES.base,
        log:
            LOGS / "load_base.log",
        benchmark:
            BENCHMARKS / "load_base.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=megabytes(1500, 20.0),
            runtime=minutes(10),
        params:
            code=code_of("load_base"),
            tokenizer=verbatim(TOKENIZER["base"]),
            keep=TOKENIZER["keep"],
        message:
            "Loading the tokenizer that is extended"
        script:
            "../scripts/load_base.py"


rule train_tokenizer:
    input:
        **TRAINED_ON,
        candidates=FILES.candidates,
        finalists=FILES.finalists,
    output:
        tokenizer=FILES.trained_tokenizer("{name}", "{draw}"),
        compression=FILES.full_scale("{name}", "{draw}", "compression"),
        uses=FILES.full_scale("{name}", "{draw}", "uses"),
        ledger=FILES.full_scale("{name}", "{draw}", "ledger"),
    log:
        LOGS / "train_tokenizer/{name}/{draw}.log",
    benchmark:
        BENCHMARKS / "train_tokenizer/{name}/{draw}.tsv"
    wildcard_constraints:
        name=one_of(MIXTURES),
        draw=one_of(map(str, DRAWS)),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(1000, config["training"]["bytes"], VOCAB_SIZES[-1]),
        runtime=minutes(240 if TOKENIZER["algorithm"] == "unigram" else 15, 0.05),
    params:
        code=code_of("train_tokenizer"),
        corpora=CORPORA,
        n_bytes=config["training"]["bytes"],
        vocab_sizes=VOCAB_SIZES,
        needed=needed_size(config),
        tokenizer=verbatim(TOKENIZER),
    message:
        "Training the full-scale tokenizer of {wildcards.name}, draw {wildcards.draw}"
    script:
        "../scripts/train_tokenizer.py"


# One for the run, whether the config says it or the language model's cost decides.
rule choose_vocab_size:
    input:
        finalists=FILES.finalists,
        compression=[FILES.full_scale(*of, "compression") for of in FULL_SCALE],
        uses=[FILES.full_scale(*of, "uses") for of in FULL_SCALE],
    output:
        vocab_size=FILES.vocab_size,
        curve=FILES.vocab_curve,
    log:
        LOGS / "choose_vocab_size.log",
    benchmark:
        BENCHMARKS / "choose_vocab_size.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(600, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("choose_vocab_size"),
        corpora=CORPORA,
        language_model={
            key: value
            for key, value in config["language_model"].items()
            if key != "check"
        },
        objective=config["objective"],
        asked=config["training"]["vocab_size"],
        sizes=compared_sizes(config),
    message:
        "Choosing the vocabulary size"
    script:
        "../scripts/choose_vocab_size.py"


rule encode_selection:
    input:
        **BASE_TOKENIZER,
        vocab_size=FILES.vocab_size,
        tokenizer=FILES.trained_tokenizer("{name}", "{draw}"),
        compression=FILES.full_scale("{name}", "{draw}", "compression"),
        selection=[FILES.selection_documents(*at) for at in EVALUATION],
    output:
        documents=FILES.full_scale("{name}", "{draw}", "documents"),
    log:
        LOGS / "encode_selection/{name}/{draw}.log",
    benchmark:
        BENCHMARKS / "encode_selection/{name}/{draw}.tsv"
    wildcard_constraints:
        name=one_of(MIXTURES),
        draw=one_of(map(str, DRAWS)),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 2.0),
        runtime=minutes(10, 0.1),
    params:
        code=code_of("encode_selection"),
        evaluation=EVALUATION,
        keep=TOKENIZER["keep"],
    message:
        "Encoding the selection half with the tokenizer of {wildcards.name}, draw {wildcards.draw}"
    script:
        "../scripts/encode_selection.py"


rule write_tokenizer:
    input:
        **BASE_TOKENIZER,
        trained=trained_tokenizers,
        vocab_size=FILES.vocab_size,
        choice=lambda wildcards: [FILES.choice] if wildcards.name == CHOSEN else [],
    output:
        tokenizer=FILES.tokenizer("{name}"),
        ladder=[FILES.ladder_file("{name}", size, FOLDER_FILES[0]) for size in LADDER],
    log:
        LOGS / "write_tokenizer/{name}.log",
    benchmark:
        BENCHMARKS / "write_tokenizer/{name}.tsv"
    wildcard_constraints:
        name=one_of(TOKENIZERS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(500, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("write_tokenizer"),
        mixtures=mixtures_of_tokenizer,
        ladder=LADDER,
        ends=verbatim(added_ends(RELEASE)),
        pad_to=config["training"]["pad_to"],
        keep=TOKENIZER["keep"],
    message:
        "Writing the tokenizer of {wildcards.name}"
    script:
        "../scripts/write_tokenizer.py"


# Apart from tokenizer.json, so that another length of text or chat template does not encode and judge anything again.
rule write_tokenizer_configs:
    input:
        tokenizers=[path_of(FOLDER_FILES[0]) for path_of in FOLDERS],
        chat_template=CHAT_TEMPLATE,
    output:
        files=[path_of(file) for path_of in FOLDERS for file in FOLDER_FILES[1:]],
    log:
        LOGS / "write_tokenizer_configs.log",
    benchmark:
        BENCHMARKS / "write_tokenizer_configs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(500, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("write_tokenizer_configs"),
        release=verbatim(RELEASE),
    message:
        "Writing the configs of the tokenizers"
    script:
        "../scripts/write_tokenizer_configs.py"


# Only made when asked for, as `snakemake export`: it needs packages of ./install.sh --export.
rule export_tokenizer:
    input:
        folder=[FILES.tokenizer_file("{name}", file) for file in FOLDER_FILES],
        documents=[FILES.selection_documents(*at) for at in EVALUATION]
        + [FILES.test_documents(*at) for at in EVALUATION],
    output:
        files=[
            FILES.export("{name}", file)
            for file in export_files(config["release"]["exports"])
        ],
    log:
        LOGS / "export_tokenizer/{name}.log",
    benchmark:
        BENCHMARKS / "export_tokenizer/{name}.tsv"
    wildcard_constraints:
        name=one_of(TOKENIZERS),
    conda:
        EXPORT_ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 2.0),
        runtime=minutes(10, 0.3),
    params:
        code=code_of("export_tokenizer", EXPORT_ENVIRONMENT),
        formats=config["release"]["exports"],
        alphabet=TOKENIZER["alphabet"],
    message:
        "Exporting the tokenizer of {wildcards.name} and encoding all evaluation text with every export"
    script:
        "../scripts/export_tokenizer.py"
