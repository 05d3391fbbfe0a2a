# Existing tokenizers on the test half of the evaluation text, to compare with: the same for all recipes of
# a run that normalize text alike (recipes.smk).
if "FILES" not in globals():  # a module has names of its own

    include: "common.smk"


# Nothing waits for them until all is validated: they fill processors that the search leaves idle.
rule validate_existing:
    input:
        test=TEST_HALF,
        tokenizer=lambda wildcards: tokenizer_files(EXISTING[wildcards.name]),
    output:
        corpora=FILES.existing_quality("{name}", "corpora"),
        documents=FILES.existing_quality("{name}", "documents"),
        scripts=FILES.existing_quality("{name}", "scripts"),
        entries=FILES.existing_quality("{name}", "entries"),
        words=FILES.existing_quality("{name}", "words"),
    log:
        LOGS / "validate_existing/{name}.log",
    benchmark:
        BENCHMARKS / "validate_existing/{name}.tsv"
    wildcard_constraints:
        name=one_of(EXISTING),
    priority: BEHIND
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 2.0),
        runtime=minutes(10, 0.1),
    params:
        code=code_of("validate_existing"),
        evaluation=EVALUATION,
        alphabet=TOKENIZER["alphabet"],
        tokenizer=lambda wildcards: EXISTING[wildcards.name],
    message:
        "Encoding the test half with {wildcards.name}"
    script:
        "../scripts/validate_existing.py"


rule inspect_existing:
    input:
        tokenizer=lambda wildcards: tokenizer_files(EXISTING[wildcards.name]),
        corpora=FILES.inspected("existing", "{name}", "corpora"),
        entries=FILES.inspected("existing", "{name}", "entries"),
        test=TEST_HALF,
        words=list(config["validation"]["words"].values()),
        morphemes=list(config["validation"]["morphemes"].values()),
    output:
        gates=FILES.inspected("existing", "{name}", "gates"),
        vocabulary=FILES.inspected("existing", "{name}", "vocabulary"),
        composition=FILES.inspected("existing", "{name}", "composition"),
    log:
        LOGS / "inspect_existing/{name}.log",
    benchmark:
        BENCHMARKS / "inspect_existing/{name}.tsv"
    wildcard_constraints:
        name=one_of(EXISTING),
    priority: BEHIND
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(2500, 4.0),
        runtime=minutes(10, 0.1),
    params:
        code=code_of("inspect_vocabulary"),
        evaluation=EVALUATION,
        alphabet=TOKENIZER["alphabet"],
        tokenizer=lambda wildcards: EXISTING[wildcards.name],
        words=list(config["validation"]["words"]),
        morphemes=list(config["validation"]["morphemes"]),
    message:
        "Trying the gates with {wildcards.name}, and what its vocabulary is made of"
    script:
        "../scripts/inspect_vocabulary.py"
