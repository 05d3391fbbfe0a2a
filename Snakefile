# TREX: the best training-data mixture for a multilingual tokenizer. See README.md and docs/contracts.md.
from snakemake.utils import min_version

min_version("9.27")


# A --configfile replaces the embedded default; it is never mixed with it.
if "corpora" not in config:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


# seconds of work, which a cluster's queue would only delay
localrules:
    all,
    proxies,
    report,
    export,
    sample_mixtures,
    collect_proxies,
    choose_finalists,
    choose_vocab_size,
    choose_mixture,
    write_summary,
    rank_mixtures,
    plan_language_models,
    compare_language_models,
    check_gates,
    pass_gates,
    language_models,
    write_provenance,
    write_model_cards,
    write_page,


include: "workflow/rules/common.smk"
include: "workflow/rules/counting.smk"
include: "workflow/rules/hygiene.smk"
include: "workflow/rules/mixtures.smk"
include: "workflow/rules/proxies.smk"
include: "workflow/rules/surfaces.smk"
include: "workflow/rules/inference.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/tokenizer.smk"
include: "workflow/rules/validation.smk"
include: "workflow/rules/language_model.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/run.smk"


# every file that people read: one that was deleted or damaged is made again
rule all:
    default_target: True
    input:
        rules.write_summary.output,
        rules.write_hygiene.output,
        rules.plot_figures.output,
        rules.write_vocabulary.output,
        rules.write_provenance.output,
        rules.write_page.output,
        rules.pass_gates.output,
        SEARCHED,
        rules.choose_vocab_size.output,
        rules.choose_mixture.output,
        rules.validate.output,
        rules.rank_mixtures.output if GRID_BATCHES else [],
        expand(rules.write_tokenizer.output, name=TOKENIZERS),
        rules.write_model_cards.output,
        INFERRED,
        LANGUAGE_MODELS,


# partial targets
rule proxies:
    input:
        rules.collect_proxies.output if SEARCHES else needs_search,


rule report:
    input:
        rules.write_summary.output,
        rules.write_vocabulary.output,
        rules.write_hygiene.output,
        rules.plot_figures.output,
        rules.write_page.output,


# the chosen tokenizer for tiktoken, llama.cpp and programs that read vocab.json and merges.txt
rule export:
    input:
        exports,


# bits per byte of small language models; language_model.check.seeds says how many of each
rule language_models:
    input:
        LANGUAGE_MODELS or needs_seeds,
