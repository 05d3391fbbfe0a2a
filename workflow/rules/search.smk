# Candidates of every strategy, the baselines that they must beat, and the choice among them. The strategy adaptive
# trains rounds of proxies, each where those before promise most; direct trains one after another. All ids are known
# before anything runs: a round that has too little to gain trains none.
from trex.config import limiting_tokenizers
from trex.layout import full_scale_draws, round_name
from trex.run.code_version import PACKAGE
from trex.tokenizer.sizes import planned_size

SEARCHES = [name for name in STRATEGIES if name in config["search"]["strategies"]]
ADAPTIVE = {
    key: config["search"][key]
    for key in ("per_round", "tolerance", "floors", "ceilings")
}
ROUNDS = [round_name(number) for number in range(config["search"]["rounds"])]
ROUNDS = ROUNDS if any(STRATEGIES[name].needs == "rounds" for name in SEARCHES) else []
# strategies that need no surface
ALONE = [name for name in SEARCHES if STRATEGIES[name].needs == "space"]


# the text that the objective is measured on
OBJECTIVE_SETS = [
    (name, corpus)
    for name, corpus in EVALUATION
    if name in OBJECTIVE["evaluation_sets"]
]
# existing tokenizers that limits of the objective compare with, by name
LIMITING = limiting_tokenizers(config)
LIMITS = [FILES.limits] if LIMITING else []


# They are held at full scale. The searches, if there are any, need to know what that means for proxies, before there is
# any tokenizer of full scale: one is trained here for it.
rule measure_limits:
    input:
        **TRAINED_ON,
        inference=INFERRED,
        documents=[FILES.selection_documents(*at) for at in OBJECTIVE_SETS],
        tokenizers=[
            file for spec in LIMITING.values() for file in tokenizer_files(spec)
        ],
    output:
        limits=FILES.limits,
    log:
        LOGS / "measure_limits.log",
    benchmark:
        BENCHMARKS / "measure_limits.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=(
            training_megabytes(
                1500, config["training"]["bytes"], planned_size(config["training"])
            )
            if SEARCHES
            else megabytes(1500, 2.0, of="documents")
        ),
        runtime=minutes(30, 0.1),
    params:
        code=code_of("measure_limits"),
        seed=config["seed"],
        corpora=CORPORA,
        evaluation=OBJECTIVE_SETS,
        tokenizers=verbatim(LIMITING),
        objective={**OBJECTIVE, "max_loss": {}},
        sampling=SAMPLING,
        search={key: config["search"][key] for key in ("floors", "ceilings")},
        baselines=config["baselines"],
        vocab_size=config["proxies"]["vocab_size"],
        full_scale=[config["training"]["bytes"], [planned_size(config["training"])]],
        searched=bool(SEARCHES),
        tokenizer=verbatim(TOKENIZER),
    message:
        "Measuring the existing tokenizers that limits compare with"
    script:
        "../scripts/measure_limits.py"


rule search_round:
    input:
        **TRAINED_ON,
        inference=INFERRED,
        limits=LIMITS,
        models=FILES.models,
        compression=lambda wildcards: [
            FILES.training_set,
            *rounds_before(FILES.round_compression)(wildcards),
        ],
        ledgers=lambda wildcards: [
            FILES.training_ledger,
            *rounds_before(FILES.round_ledger)(wildcards),
        ],
        rounds=rounds_before(FILES.round_notes),
    output:
        compression=FILES.round_compression("{round}"),
        ledger=FILES.round_ledger("{round}"),
        notes=FILES.round_notes("{round}"),
    log:
        LOGS / "search_round/{round}.log",
    benchmark:
        BENCHMARKS / "search_round/{round}.tsv"
    wildcard_constraints:
        round=ROUND,
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            1500, config["proxies"]["bytes"], config["proxies"]["vocab_grid"][-1]
        ),
        runtime=minutes(20, 0.02),
    params:
        code=code_of("search_round"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        sampling=SAMPLING,
        search=ADAPTIVE,
        baselines=config["baselines"],
        vocab_grid=config["proxies"]["vocab_grid"],
        tokenizer=verbatim(TOKENIZER),
    message:
        "Round {wildcards.round} of the adaptive search"
    script:
        "../scripts/search_round.py"


rule search_alone:
    input:
        **TRAINED_ON,
        inference=INFERRED,
        limits=LIMITS,
    output:
        found=FILES.found("{strategy}"),
    log:
        LOGS / "search_alone/{strategy}.log",
    benchmark:
        BENCHMARKS / "search_alone/{strategy}.tsv"
    wildcard_constraints:
        strategy=one_of(ALONE),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            700, config["proxies"]["bytes"], config["proxies"]["vocab_size"]
        ),
        runtime=minutes(10 + config["search"]["direct_rounds"] // 2, 0.05),
    params:
        code=code_of("search_alone"),
        # the script imports its strategy by name
        code_of_strategy=lambda wildcards: code_of(
            PACKAGE / "search/strategies" / wildcards.strategy
        ),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        sampling=SAMPLING,
        search=settings_of_strategy,
        baselines=config["baselines"],
        vocab_size=config["proxies"]["vocab_size"],
        tokenizer=verbatim(TOKENIZER),
    message:
        "Searching with the strategy {wildcards.strategy}, which needs no surface"
    script:
        "../scripts/search_alone.py"


# Strategies run side by side: paper and surrogate beside the rounds that adaptive waits for.
rule search_on_surface:
    input:
        **TRAINED_ON,
        inference=INFERRED,
        limits=LIMITS,
        models=FILES.models,
        compression=lambda wildcards: [
            FILES.training_set,
            *map(FILES.round_compression, rounds_for(wildcards)),
        ],
        ledgers=lambda wildcards: [
            FILES.training_ledger,
            *map(FILES.round_ledger, rounds_for(wildcards)),
        ],
        rounds=lambda wildcards: [*map(FILES.round_notes, rounds_for(wildcards))],
    output:
        found=FILES.found("{strategy}"),
    log:
        LOGS / "search_on_surface/{strategy}.log",
    benchmark:
        BENCHMARKS / "search_on_surface/{strategy}.tsv"
    wildcard_constraints:
        strategy=one_of([name for name in SEARCHES if name not in ALONE]),
    conda:
        ENVIRONMENT
    threads: threads_of_strategy
    resources:
        mem_mb=training_megabytes(
            1800, config["proxies"]["bytes"], config["proxies"]["vocab_size"]
        ),
        runtime=minutes(10 + config["search"]["draws"] // 1_000_000),
    params:
        code=code_of("search_on_surface"),
        # the script imports its strategy by name
        code_of_strategy=lambda wildcards: code_of(
            PACKAGE / "search/strategies" / wildcards.strategy
        ),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        sampling=SAMPLING,
        search=settings_of_strategy,
        baselines=config["baselines"],
        vocab_size=config["proxies"]["vocab_size"],
        tokenizer=verbatim(TOKENIZER),
    message:
        "Searching with the strategy {wildcards.strategy}"
    script:
        "../scripts/search_on_surface.py"


rule search_mixture:
    input:
        **TRAINED_ON,
        inference=INFERRED,
        limits=LIMITS,
        models=FILES.models,
        training_set=FILES.training_set,
        ledger=FILES.training_ledger,
        found=[FILES.found(name) for name in SEARCHES],
    output:
        candidates=FILES.candidates,
        pareto=FILES.pareto,
        notes=FILES.search_notes,
        tables=FILES.search_tables,
    log:
        LOGS / "search_mixture.log",
    benchmark:
        BENCHMARKS / "search_mixture.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            1800, config["proxies"]["bytes"], config["proxies"]["vocab_size"]
        ),
        runtime=minutes(10),
    params:
        code=code_of("search_mixture"),
        strategies=SEARCHES,
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        sampling=SAMPLING,
        search={
            key: config["search"][key]
            for key in ("kappa", "within_support", "floors", "ceilings")
        },
        baselines=config["baselines"],
        vocab_size=config["proxies"]["vocab_size"],
        tokenizer=verbatim(TOKENIZER),
    message:
        "Collecting the candidates of all searches, and the front"
    script:
        "../scripts/search_mixture.py"


if not SEARCHES:

    # Without a search: no proxies and nothing that is made of them. These mixtures are all trained at full scale.
    rule take_baselines:
        input:
            word_index=INDEX,
            inference=INFERRED,
        output:
            candidates=FILES.candidates,
            finalists=FILES.finalists,
        log:
            LOGS / "take_baselines.log",
        benchmark:
            BENCHMARKS / "take_baselines.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        resources:
            mem_mb=megabytes(800, 0.5),
            runtime=minutes(5),
        params:
            code=code_of("take_baselines"),
            corpora=CORPORA,
            objective=config["objective"],
            sampling=SAMPLING,
            search={key: config["search"][key] for key in ("floors", "ceilings")},
            baselines=config["baselines"],
        message:
            "Taking the baselines and the matched mixture, without a search"
        script:
            "../scripts/take_baselines.py"

    ruleorder: take_baselines > search_mixture
    ruleorder: take_baselines > choose_finalists


# Proxies of the candidates and the baselines: those that may be the best are trained at full scale.
MIXTURES = [name for search in SEARCHES for name in STRATEGIES[search].candidates]
MIXTURES += ["matched", *config["baselines"]]
# the tokenizers at full scale: mixture and draw of text
DRAWS = full_scale_draws(config["training"])
FULL_SCALE = [(name, draw) for name in MIXTURES for draw in DRAWS]


rule train_candidate:
    input:
        **TRAINED_ON,
        candidates=FILES.candidates,
        selection=[FILES.selection_documents(*at) for at in OBJECTIVE_SETS],
    output:
        compression=FILES.candidate_compression("{name}"),
        ledger=FILES.candidate_ledger("{name}"),
        documents=FILES.candidate_documents("{name}"),
    log:
        LOGS / "train_candidate/{name}.log",
    benchmark:
        BENCHMARKS / "train_candidate/{name}.tsv"
    wildcard_constraints:
        name=one_of(MIXTURES),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            700, config["proxies"]["bytes"], config["proxies"]["vocab_grid"][-1]
        ),
        runtime=minutes(10, 0.02),
    params:
        code=code_of("train_candidate"),
        corpora=CORPORA,
        replicates=config["choice"]["replicates"],
        n_bytes=config["proxies"]["bytes"],
        vocab_grid=config["proxies"]["vocab_grid"],
        tokenizer=verbatim(TOKENIZER),
        evaluation=OBJECTIVE_SETS,
    message:
        "Measuring candidate {wildcards.name}"
    script:
        "../scripts/train_candidate.py"


# The front is a prediction, so its ends and its knee are measured, as candidates are.
rule measure_front:
    input:
        **TRAINED_ON,
        pareto=FILES.pareto,
    output:
        measured=FILES.front_point("{point}"),
    log:
        LOGS / "measure_front/{point}.log",
    benchmark:
        BENCHMARKS / "measure_front/{point}.tsv"
    wildcard_constraints:
        point=one_of(FRONT_POINTS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            700, config["proxies"]["bytes"], config["proxies"]["vocab_size"]
        ),
        runtime=minutes(10, 0.02),
    params:
        code=code_of("measure_front"),
        corpora=CORPORA,
        objective=OBJECTIVE,
        replicates=config["choice"]["replicates"],
        n_bytes=config["proxies"]["bytes"],
        vocab_size=config["proxies"]["vocab_size"],
        tokenizer=verbatim(TOKENIZER),
    message:
        "Measuring {wildcards.point}"
    script:
        "../scripts/measure_front.py"


rule choose_finalists:
    input:
        candidates=FILES.candidates,
        limits=LIMITS,
        compression=[FILES.candidate_compression(name) for name in MIXTURES],
        ledgers=[FILES.candidate_ledger(name) for name in MIXTURES],
        documents=[FILES.candidate_documents(name) for name in MIXTURES],
    output:
        compression=FILES.choice_compression,
        ledger=FILES.choice_ledger,
        finalists=FILES.finalists,
    log:
        LOGS / "choose_finalists.log",
    benchmark:
        BENCHMARKS / "choose_finalists.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(800, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("choose_finalists"),
        seed=config["seed"],
        corpora=CORPORA,
        mixtures=MIXTURES,
        baselines=config["baselines"],
        floors=config["search"]["floors"],
        ceilings=config["search"]["ceilings"],
        objective=OBJECTIVE,
    message:
        "Choosing the mixtures that are trained at full scale"
    script:
        "../scripts/choose_finalists.py"


# By their tokenizers at full scale (tokenizer.smk), of the mixtures that are finalists.
rule choose_mixture:
    input:
        candidates=FILES.candidates,
        finalists=FILES.finalists,
        vocab_size=FILES.vocab_size,
        limits=LIMITS,
        compression=[FILES.full_scale(*of, "compression") for of in FULL_SCALE],
        documents=[FILES.full_scale(*of, "documents") for of in FULL_SCALE],
        # of a baseline, which is a finalist: which draws of text were trained on
        notes=[FILES.trained_tokenizer("matched", draw) for draw in DRAWS],
    output:
        choice=FILES.choice,
    log:
        LOGS / "choose_mixture.log",
    benchmark:
        BENCHMARKS / "choose_mixture.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(800, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("choose_mixture"),
        seed=config["seed"],
        corpora=CORPORA,
        mixtures=MIXTURES,
        draws=DRAWS,
        baselines=config["baselines"],
        floors=config["search"]["floors"],
        ceilings=config["search"]["ceilings"],
        objective=config["objective"],
    message:
        "Choosing the simplest mixture that is not measurably worse than the best"
    script:
        "../scripts/choose_mixture.py"
