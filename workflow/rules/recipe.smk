# From the words of the corpora to a tokenizer and its pages: all of a run that has one recipe, or a module, of which
# recipes.smk makes one for each of several.
if "FILES" not in globals():  # a module has names of its own

    include: "common.smk"


include: "mixtures.smk"
include: "proxies.smk"
include: "surfaces.smk"
include: "inference.smk"
include: "search.smk"
include: "tokenizer.smk"
include: "validation.smk"
include: "language_model.smk"
include: "report.smk"
include: "provenance.smk"


# up to the finalists
SEARCHED = (
    [
        *rules.sample_mixtures.output,
        *rules.collect_proxies.output,
        *rules.fit_surfaces.output,
        *rules.search_mixture.output,
        *rules.choose_finalists.output,
    ]
    if SEARCHES
    else [*rules.take_baselines.output]
)
# every file that people read: one that was deleted or damaged is made again
COMPLETE = [
    *rules.write_summary.output,
    *rules.plot_figures.output,
    *rules.write_vocabulary.output,
    *rules.write_provenance.output,
    *rules.write_page.output,
    *rules.pass_gates.output,
    *SEARCHED,
    *rules.choose_vocab_size.output,
    *rules.choose_mixture.output,
    *rules.validate.output,
    *(rules.rank_mixtures.output if GRID_BATCHES else []),
    *expand(rules.write_tokenizer.output, name=TOKENIZERS),
    *rules.write_model_cards.output,
    *INFERRED,
    *LANGUAGE_MODELS,
]


# partial targets
rule proxies:
    input:
        rules.collect_proxies.output if SEARCHES else needs_search,
    localrule: True


rule report:
    input:
        rules.write_summary.output,
        rules.write_vocabulary.output,
        FILES.hygiene_page,
        rules.plot_figures.output,
        rules.write_page.output,
    localrule: True


# the chosen tokenizer for tiktoken, llama.cpp and programs that read vocab.json and merges.txt
rule export:
    input:
        exports,
    localrule: True


# bits per byte of small language models, and the pages that tell of them; language_model.check.seeds says how many of
# each tokenizer
rule language_models:
    input:
        [*LANGUAGE_MODELS, *rules.write_summary.output]
        if LANGUAGE_MODELS
        else needs_seeds,
    localrule: True
