# Candidates of every strategy, and the baselines that they must beat. The strategy adaptive trains rounds of proxies, each
# where those before promise most; direct trains one after another. All ids are known before anything runs: a round that
# has too little to gain trains none.
STRATEGIES = config["search"]["strategies"]
ADAPTIVE = {
    key: config["search"][key]
    for key in ("per_round", "tolerance", "floors", "ceilings")
}
DIRECT = {key: config["search"][key] for key in ("direct_rounds", "floors", "ceilings")}
ROUNDS = list(range(config["search"]["rounds"])) if "adaptive" in STRATEGIES else []


rule search_round:
    input:
        word_index=INDEX,
        inference=INFERRED,
        models=RESULTS / "regression/models.json",
        training_set=RESULTS / "training_set.parquet",
        training_ledger=RESULTS / "training_ledger.parquet",
        round_compression=rounds_before(".parquet"),
        round_ledgers=rounds_before(".ledger.parquet"),
        rounds=rounds_before(".json"),
    output:
        compression=RESULTS / "search/rounds/{round}.parquet",
        ledger=RESULTS / "search/rounds/{round}.ledger.parquet",
        notes=RESULTS / "search/rounds/{round}.json",
    log:
        LOGS / "search_round/{round}.log",
    benchmark:
        BENCHMARKS / "search_round/{round}.tsv"
    wildcard_constraints:
        round=r"\d\d",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 1.5),
        runtime=minutes(20, 0.02),
    params:
        code=code_of("search_round"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        sampling=SAMPLING,
        search=ADAPTIVE,
        baselines=config["baselines"],
        vocab_size=config["proxies"]["vocab_size"],
        vocab_grid=config["proxies"]["vocab_grid"],
        tokenizer=lambda wildcards: TOKENIZER,
    message:
        "Round {wildcards.round} of the adaptive search"
    script:
        "../scripts/search_round.py"


rule search_directly:
    input:
        word_index=INDEX,
        inference=INFERRED,
    output:
        candidate=RESULTS / "search/direct.parquet",
        notes=RESULTS / "search/direct.json",
    log:
        LOGS / "search_directly.log",
    benchmark:
        BENCHMARKS / "search_directly.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(700, 1.5),
        runtime=minutes(10 + config["search"]["direct_rounds"] // 2, 0.05),
    params:
        code=code_of("search_directly"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        sampling=SAMPLING,
        search=DIRECT,
        baselines=config["baselines"],
        vocab_size=config["proxies"]["vocab_size"],
        tokenizer=lambda wildcards: TOKENIZER,
    message:
        "Searching directly, with {params.search[direct_rounds]} proxies one after another"
    script:
        "../scripts/search_directly.py"


rule search_mixture:
    input:
        **(
            {
                "direct": RESULTS / "search/direct.parquet",
                "direct_notes": RESULTS / "search/direct.json",
            }
            if "direct" in STRATEGIES
            else {}
        ),
        word_index=INDEX,
        inference=INFERRED,
        models=RESULTS / "regression/models.json",
        training_set=RESULTS / "training_set.parquet",
        ledger=RESULTS / "training_ledger.parquet",
        rounds=[RESULTS / f"search/rounds/{number:02d}.json" for number in ROUNDS],
        round_compression=[
            RESULTS / f"search/rounds/{number:02d}.parquet" for number in ROUNDS
        ],
        round_ledgers=[
            RESULTS / f"search/rounds/{number:02d}.ledger.parquet" for number in ROUNDS
        ],
    output:
        candidates=RESULTS / "search/candidates.parquet",
        pareto=RESULTS / "search/pareto.parquet",
        notes=RESULTS / "search/notes.json",
        tables=RESULTS / "search/tables.json",
    log:
        LOGS / "search_mixture.log",
    benchmark:
        BENCHMARKS / "search_mixture.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=megabytes(1800, 1.5),
        runtime=minutes(10 + config["search"]["draws"] // 1_000_000),
    params:
        code=code_of("search_mixture"),
        benchmarks=str(BENCHMARKS / "search_mixture"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        sampling=SAMPLING,
        search=config["search"],
        baselines=config["baselines"],
        vocab_size=config["proxies"]["vocab_size"],
        tokenizer=lambda wildcards: TOKENIZER,
    message:
        "Searching the mixture space"
    script:
        "../scripts/search_mixture.py"
