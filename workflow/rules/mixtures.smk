# The sampled mixtures as a table, for people and for collect_proxies. The proxies do not read it: each draws its
# own mixture, a pure function of the config and its number, so that asking for more trains only the new ones.


rule sample_mixtures:
    input:
        word_index=INDEX,
    output:
        mixtures=FILES.mixtures,
        support=FILES.support,
    log:
        LOGS / "sample_mixtures.log",
    benchmark:
        BENCHMARKS / "sample_mixtures.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(800, 0.5),
        runtime=minutes(5),
    params:
        code=code_of("sample_mixtures"),
        seed=config["seed"],
        corpora=CORPORA,
        sampling=SAMPLING,
        n_mixtures=config["proxies"]["count"],
        explicit=config["proxies"]["mixtures"],
    message:
        "Sampling {params.n_mixtures} mixtures"
    script:
        "../scripts/sample_mixtures.py"
