# The mixtures of existing tokenizers that are baselines, inferred from their merges.
from trex.corpora import source_files

TO_INFER = {
    name: spec["infer"]
    for name, spec in config["baselines"].items()
    if isinstance(spec, dict) and "infer" in spec
}
INFERRED = [FILES.inferred(name) for name in TO_INFER]


# Memory: to infer from 20 corpora of 8 MB took 1.0 GB, counting one less; 10 MB a MB is for words that are rarer.
rule infer_mixture:
    input:
        files=lambda wildcards: [
            file
            for source in sampled_sources(wildcards).values()
            for file in source_files(source, BASE)
        ],
        tokenizer=lambda wildcards: tokenizer_files(
            TO_INFER[wildcards.name]["tokenizer"]
        ),
    output:
        summary=FILES.inferred("{name}"),
        shares=FILES.inferred_shares("{name}"),
    log:
        LOGS / "infer_mixture/{name}.log",
    benchmark:
        BENCHMARKS / "infer_mixture/{name}.tsv"
    wildcard_constraints:
        name=one_of(TO_INFER),
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: (
            (1000 + 10 * TO_INFER[wildcards.name]["bytes"] * len(CORPORA) // 10**6)
            * 2 ** (attempt - 1)
        ),
        runtime=lambda wildcards, attempt: 60 * 2 ** (attempt - 1),
    params:
        code=code_of("infer_mixture"),
        seed=config["seed"],
        sources=sampled_sources,
        max_document_bytes=config["counting"]["max_document_bytes"],
        settings=lambda wildcards: TO_INFER[wildcards.name],
    message:
        "Inferring the training mixture of {params.settings[tokenizer]}"
    script:
        "../scripts/infer_mixture.py"
