# Small language models, trained with the tokenizers: what compression is worth to a model, in bits per byte. One job a
# row (a tokenizer, or raw bytes) and seed; off unless language_model.check.seeds says how many. Where the check names
# recipes, it is one check of the whole run, as all rows share a budget; all read the text of the first recipe.
from trex.language_model.documents import bytes_by_corpus
from trex.language_model.rows import (
    RAW_BYTES,
    recipe_and_mixture,
    row_names,
    views_of,
)

CHECK = config["language_model"]["check"]
# a run of several recipes has a check of its own only if that names recipes; otherwise every recipe has one
ROWS = row_names(CHECK) if CHECK["recipes"] or not RECIPES else []
VIEWS = list(dict.fromkeys(view for row in ROWS for view in views_of(row)))
# keys of the check that decide which models are trained, and nothing about one of them
NOT_OF_A_MODEL = (
    "seeds",
    "mixtures",
    "recipes",
    "existing",
    "raw_bytes",
    "proxy_compression",
    "bytes",
    "evaluation_bytes",
)
OF_A_MODEL = {key: value for key, value in CHECK.items() if key not in NOT_OF_A_MODEL}
SEEDS = list(range(1, CHECK["seeds"] + 1))
BYTES_BY_CORPUS = bytes_by_corpus(
    CHECK["bytes"], config["language_model"]["training_bytes"], CORPORA
)
WITH_JAX = "../../envs/language_model.yaml"
# the documents that models are measured on: no model and no tokenizer is trained on them, and no mixture chosen by them
MEASURED_ON = {at: FILES.test_documents(*at) for at in EVALUATION}


rule collect_language_model_text:
    input:
        files=corpus_files,
        documents=FILES.document_hashes("{corpus}"),
    output:
        text=FILES.language_model_text("{corpus}"),
    log:
        LOGS / "collect_language_model_text/{corpus}.log",
    benchmark:
        BENCHMARKS / "collect_language_model_text/{corpus}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1000, 0.05),
        runtime=minutes(5, 0.01),
    params:
        code=code_of("collect_language_model_text"),
        sources=corpus_sources,
        max_document_bytes=config["counting"]["max_document_bytes"],
        seed=config["seed"],
        normalizer=TOKENIZER["normalizer"],
        n_bytes=lambda wildcards: BYTES_BY_CORPUS[wildcards.corpus],
    message:
        "Collecting the text of {wildcards.corpus} for language models"
    script:
        "../scripts/collect_language_model_text.py"


rule encode_language_model_text:
    input:
        text=[FILES.language_model_text(corpus) for corpus in CORPORA],
        documents=list(MEASURED_ON.values()),
        tokenizer=view_tokenizer,
    output:
        training=FILES.language_model_ids("{view}", "training"),
        measured=FILES.language_model_ids("{view}", "measured"),
        about=FILES.language_model_view("{view}"),
    log:
        LOGS / "encode_language_model_text/{view}.log",
    benchmark:
        BENCHMARKS / "encode_language_model_text/{view}.tsv"
    wildcard_constraints:
        view=one_of(VIEWS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 20.0),
        runtime=minutes(10, 0.2),
    params:
        code=code_of("encode_language_model_text"),
        measured_on=list(MEASURED_ON),
        evaluation_bytes=CHECK["evaluation_bytes"],
        existing=lambda wildcards: EXISTING.get(wildcards.view),
        normalizer=view_normalizer,
    message:
        "Encoding the language models' text with {wildcards.view}"
    script:
        "../scripts/encode_language_model_text.py"


rule plan_language_models:
    input:
        views=[FILES.language_model_view(view) for view in VIEWS],
    output:
        budget=FILES.language_model_budget,
        plans=[FILES.language_model_plan(row) for row in ROWS],
    log:
        LOGS / "plan_language_models.log",
    benchmark:
        BENCHMARKS / "plan_language_models.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(500, 1.0),
        runtime=minutes(5),
    params:
        code=code_of("plan_language_models"),
        check=OF_A_MODEL,
        views=VIEWS,
        rows=ROWS,
    message:
        "Finding what all language models can spend"
    script:
        "../scripts/plan_language_models.py"


# On a cluster with GPUs, ask for one in the profile (docs/language-model.md). Memory: a window's logits in float32,
# three times, for every token of a step; the largest vocabularies have 256,000 entries.
rule train_language_model:
    input:
        plan=FILES.language_model_plan("{row}"),
        training=views_of_row(lambda view: FILES.language_model_ids(view, "training")),
        measured=views_of_row(lambda view: FILES.language_model_ids(view, "measured")),
        views=views_of_row(FILES.language_model_view),
    output:
        bits=FILES.language_model("{row}", "{seed}", "bits"),
        curve=FILES.language_model("{row}", "{seed}", "curve"),
        about=FILES.language_model_about("{row}", "{seed}"),
    log:
        LOGS / "train_language_model/{row}/{seed}.log",
    benchmark:
        BENCHMARKS / "train_language_model/{row}/{seed}.tsv"
    wildcard_constraints:
        row=one_of(ROWS),
        seed=r"\d+",
    conda:
        WITH_JAX
    resources:
        mem_mb=megabytes(
            2500 + CHECK["batch"] * CHECK["context"] * 256_000 * 12 // 10**6 // 4, 20.0
        ),
        runtime=minutes(240, 1.0),
    params:
        code=code_of("train_language_model", WITH_JAX),
        check=lambda wildcards: {
            key: value
            for key, value in OF_A_MODEL.items()
            if key != "byte_share" or len(views_of(wildcards.row)) > 1
        },
    message:
        "Training the language model of {wildcards.row}, seed {wildcards.seed}"
    script:
        "../scripts/train_language_model.py"


rule compare_language_models:
    input:
        budget=FILES.language_model_budget,
        bits=[FILES.language_model(row, seed, "bits") for row in ROWS for seed in SEEDS],
        curves=[
            FILES.language_model(row, seed, "curve") for row in ROWS for seed in SEEDS
        ],
        about=[FILES.language_model_about(row, seed) for row in ROWS for seed in SEEDS],
    output:
        bits_per_byte=FILES.bits_per_byte,
        page=report(
            FILES.page("language_models"),
            caption="../report/language_models.rst",
            category="Summary",
            labels={"figure": "language models"},
        ),
        gains=report(
            FILES.figure("language_model_bits"),
            caption="../report/language_model_bits.rst",
            category="Figures",
            labels={"figure": "language models: bits per byte"},
        ),
        curves=report(
            FILES.figure("language_model_curves"),
            caption="../report/language_model_curves.rst",
            category="Figures",
            labels={"figure": "language models: loss curves"},
        ),
    log:
        LOGS / "compare_language_models.log",
    benchmark:
        BENCHMARKS / "compare_language_models.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 30.0),
        runtime=minutes(10),
    params:
        code=code_of("compare_language_models"),
        check=CHECK,
        rows=ROWS,
        seeds=SEEDS,
        seed=config["seed"],
    message:
        "Comparing the language models"
    script:
        "../scripts/compare_language_models.py"


LANGUAGE_MODELS = rules.compare_language_models.output if ROWS else []
