# What the finished tokenizers are worth: encoded by `tokenizers` itself, on the test half of the evaluation text, which
# nothing was chosen on, beside existing ones;
# and whether mixtures rank at the scale of the proxies as they do at full scale.
from trex.validation.scales import grid_scales, scales, vocab_sizes

INSPECTED = [
    *(("tokenizers", name) for name in TOKENIZERS),
    *(("existing", name) for name in EXISTING),
]
SCALES = scales(config)
GRID = grid_scales(config)
# their numbers of training bytes: "all" or a number
GRID_BYTES = list(dict.fromkeys(str(scale.n_bytes or "all") for scale in GRID))
GRID_BATCHES = batches(config["validation"]["mixtures"], PER_JOB, full=False)


rule validate_tokenizer:
    input:
        tokenizer=FILES.tokenizer("{name}"),
        test=TEST_HALF,
    output:
        corpora=FILES.tokenizer_quality("{name}", "corpora"),
        documents=FILES.tokenizer_quality("{name}", "documents"),
        scripts=FILES.tokenizer_quality("{name}", "scripts"),
        entries=FILES.tokenizer_quality("{name}", "entries"),
        words=FILES.tokenizer_quality("{name}", "words"),
    log:
        LOGS / "validate_tokenizer/{name}.log",
    benchmark:
        BENCHMARKS / "validate_tokenizer/{name}.tsv"
    wildcard_constraints:
        name=one_of(TOKENIZERS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 2.0),
        runtime=minutes(10, 0.1),
    params:
        code=code_of("validate_tokenizer"),
        evaluation=EVALUATION,
        alphabet=TOKENIZER["alphabet"],
    message:
        "Encoding the test half with the tokenizer of {wildcards.name}"
    script:
        "../scripts/validate_tokenizer.py"


rule validate:
    input:
        choice=FILES.choice,
        corpora=expand(rules.validate_tokenizer.output.corpora, name=TOKENIZERS)
        + [FILES.existing_quality(name, "corpora") for name in EXISTING],
        documents=expand(rules.validate_tokenizer.output.documents, name=TOKENIZERS)
        + [FILES.existing_quality(name, "documents") for name in EXISTING],
        scripts=expand(rules.validate_tokenizer.output.scripts, name=TOKENIZERS)
        + [FILES.existing_quality(name, "scripts") for name in EXISTING],
    output:
        validation=FILES.validation,
        scripts=FILES.scripts,
    log:
        LOGS / "validate.log",
    benchmark:
        BENCHMARKS / "validate.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 10.0),
        runtime=minutes(10),
    params:
        code=code_of("validate"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        tokenizers=[*TOKENIZERS, *EXISTING],
    message:
        "Comparing the full-scale tokenizers"
    script:
        "../scripts/validate.py"


rule train_grid:
    input:
        **TRAINED_ON,
    output:
        compression=FILES.grid_compression("{n_bytes}", "{batch}"),
    log:
        LOGS / "train_grid/{n_bytes}/{batch}.log",
    benchmark:
        BENCHMARKS / "train_grid/{n_bytes}/{batch}.tsv"
    wildcard_constraints:
        n_bytes=one_of(GRID_BYTES),
        batch=BATCH,
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            700, bytes_of_scale, max((scale.vocab_size for scale in GRID), default=0)
        ),
        runtime=minutes(5 + PER_JOB, 0.05 * PER_JOB),
    params:
        code=code_of("train_grid"),
        seed=config["seed"],
        corpora=CORPORA,
        sampling=SAMPLING,
        mixtures=batch_mixtures,
        n_bytes=bytes_of_scale,
        vocab_sizes=lambda wildcards: vocab_sizes(GRID, bytes_of_scale(wildcards)),
        tokenizer=verbatim(TOKENIZER),
    message:
        "Training batch {wildcards.batch} of the proxies' mixtures on {wildcards.n_bytes} bytes"
    script:
        "../scripts/train_grid.py"


rule rank_mixtures:
    input:
        training_set=FILES.training_set,
        grid=expand(rules.train_grid.output, n_bytes=GRID_BYTES, batch=GRID_BATCHES),
    output:
        ranks=FILES.ranks,
        values=FILES.scales,
    log:
        LOGS / "rank_mixtures.log",
    benchmark:
        BENCHMARKS / "rank_mixtures.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1000, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("rank_mixtures"),
        corpora=CORPORA,
        objective=OBJECTIVE,
        mixtures=list(sampled(config["validation"]["mixtures"])),
        scales=[(scale.n_bytes, scale.vocab_size) for scale in SCALES],
        proxy_bytes=config["proxies"]["bytes"],
    message:
        "Comparing the order of mixtures at {params.scales}"
    script:
        "../scripts/rank_mixtures.py"


rule inspect_vocabulary:
    input:
        tokenizer=FILES.tokenizer("{name}"),
        corpora=FILES.inspected("tokenizers", "{name}", "corpora"),
        entries=FILES.inspected("tokenizers", "{name}", "entries"),
        test=TEST_HALF,
        words=list(config["validation"]["words"].values()),
        morphemes=list(config["validation"]["morphemes"].values()),
    output:
        gates=FILES.inspected("tokenizers", "{name}", "gates"),
        vocabulary=FILES.inspected("tokenizers", "{name}", "vocabulary"),
        composition=FILES.inspected("tokenizers", "{name}", "composition"),
    log:
        LOGS / "inspect_vocabulary/{name}.log",
    benchmark:
        BENCHMARKS / "inspect_vocabulary/{name}.tsv"
    wildcard_constraints:
        name=one_of(TOKENIZERS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(2500, 4.0),
        runtime=minutes(10, 0.1),
    params:
        code=code_of("inspect_vocabulary"),
        evaluation=EVALUATION,
        alphabet=TOKENIZER["alphabet"],
        tokenizer=None,
        words=list(config["validation"]["words"]),
        morphemes=list(config["validation"]["morphemes"]),
    message:
        "Trying the gates with {wildcards.name}, and what its vocabulary is made of"
    script:
        "../scripts/inspect_vocabulary.py"


rule check_gates:
    input:
        gates=[FILES.inspected(kind, name, "gates") for kind, name in INSPECTED],
        composition=[
            FILES.inspected(kind, name, "composition") for kind, name in INSPECTED
        ],
    output:
        gates=FILES.gates,
        composition=FILES.composition,
    log:
        LOGS / "check_gates.log",
    benchmark:
        BENCHMARKS / "check_gates.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(500, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("check_gates"),
        tokenizers=[name for _, name in INSPECTED],
    message:
        "Putting the gates of all tokenizers in one table"
    script:
        "../scripts/check_gates.py"
