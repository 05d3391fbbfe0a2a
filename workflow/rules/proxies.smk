# A proxy tokenizer for each mixture. A job trains a batch of proxies.per_job mixtures, in one process that shares
# the index: the batch 00008-00015 holds the mixtures 8 to 15, an explicit mixture is a batch of its own. New
# mixtures make new batches and leave the others alone. Its tokenizer.json files are kept if the config asks for them.
from trex.layout import proxy_batches

PER_JOB = config["proxies"]["per_job"]
BATCHES = proxy_batches(config["proxies"])


rule train_proxies:
    input:
        **TRAINED_ON,
    output:
        **(
            {"tokenizers": directory(FILES.proxy_tokenizers("{batch}"))}
            if config["proxies"]["keep_tokenizers"]
            else {}
        ),
        compression=FILES.proxy_compression("{batch}"),
        ledger=FILES.proxy_ledger("{batch}"),
    log:
        LOGS / "train_proxies/{batch}.log",
    benchmark:
        BENCHMARKS / "train_proxies/{batch}.tsv"
    wildcard_constraints:
        batch=one_of([BATCH, *config["proxies"]["mixtures"]]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            700, config["proxies"]["bytes"], config["proxies"]["vocab_grid"][-1]
        ),
        runtime=minutes(5 + PER_JOB // 2, 0.01 * PER_JOB),
    params:
        code=code_of("train_proxies"),
        seed=config["seed"],
        corpora=CORPORA,
        sampling=SAMPLING,
        mixtures=batch_mixtures,
        vocab_grid=config["proxies"]["vocab_grid"],
        tokenizer=verbatim(TOKENIZER),
    message:
        "Training the proxies of batch {wildcards.batch}"
    script:
        "../scripts/train_proxies.py"


rule collect_proxies:
    input:
        compression=[FILES.proxy_compression(batch) for batch in BATCHES],
        ledgers=[FILES.proxy_ledger(batch) for batch in BATCHES],
        mixtures=FILES.mixtures,
    output:
        training_set=FILES.training_set,
        ledger=FILES.training_ledger,
    log:
        LOGS / "collect_proxies.log",
    benchmark:
        BENCHMARKS / "collect_proxies.tsv"
    localrule: True
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
