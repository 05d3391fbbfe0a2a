# A proxy tokenizer for each mixture. A job trains a batch of proxies.per_job mixtures, in one process that shares
# the index: the batch 00008-00015 holds the mixtures 8 to 15, an explicit mixture is a batch of its own. New
# mixtures make new batches and leave the others alone. Its tokenizer.json files are kept if the config asks for them.
PER_JOB = config["proxies"]["per_job"]
BATCHES = [
    f"{first:05d}-{first + PER_JOB - 1:05d}"
    for first in range(0, config["proxies"]["count"], PER_JOB)
]
BATCHES += list(config["proxies"]["mixtures"])


rule train_proxies:
    input:
        word_index=INDEX,
    output:
        **(
            {"tokenizers": directory(RESULTS / "proxies/{batch}.tokenizers")}
            if config["proxies"]["keep_tokenizers"]
            else {}
        ),
        compression=RESULTS / "proxies/{batch}.parquet",
        ledger=RESULTS / "proxies/{batch}.ledger.parquet",
    log:
        LOGS / "train_proxies/{batch}.log",
    benchmark:
        BENCHMARKS / "train_proxies/{batch}.tsv"
    wildcard_constraints:
        batch="|".join([r"\d+-\d+", *config["proxies"]["mixtures"]]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(700, 1.5),
        runtime=minutes(5 + PER_JOB // 2, 0.01 * PER_JOB),
    params:
        code=code_of("train_proxies"),
        seed=config["seed"],
        corpora=CORPORA,
        sampling=SAMPLING,
        mixtures=batch_mixtures,
        vocab_size=config["proxies"]["vocab_size"],
        vocab_grid=config["proxies"]["vocab_grid"],
        tokenizer=lambda wildcards: TOKENIZER,
    message:
        "Training the proxies of batch {wildcards.batch}"
    script:
        "../scripts/train_proxies.py"


rule collect_proxies:
    input:
        compression=expand(RESULTS / "proxies/{batch}.parquet", batch=BATCHES),
        ledgers=expand(RESULTS / "proxies/{batch}.ledger.parquet", batch=BATCHES),
        mixtures=RESULTS / "mixtures.parquet",
    output:
        training_set=RESULTS / "training_set.parquet",
        ledger=RESULTS / "training_ledger.parquet",
    log:
        LOGS / "collect_proxies.log",
    benchmark:
        BENCHMARKS / "collect_proxies.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1000, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("collect_proxies"),
        corpora=CORPORA,
        vocab_grid=config["proxies"]["vocab_grid"],
    message:
        "Collecting the training set of the regression"
    script:
        "../scripts/collect_proxies.py"
