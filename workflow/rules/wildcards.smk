# What the wildcards of the rules stand for: batches, rounds, strategies, tokenizers and views; and inputs that are errors.
from trex.layout import mixtures_of_batch, round_name
from trex.run.packages import version
from trex.tokenizer.formats import PACKAGES, export_files, why_not


def batch_mixtures(wildcards):
    """What a batch trains, by mixture id: the number of a sampled mixture, or the shares of an explicit one."""
    return mixtures_of_batch(wildcards.batch, config["proxies"]["mixtures"])


def rounds_before(file):
    """Files of the rounds of the adaptive search before the one in wildcards; file: a method of Layout."""
    return lambda wildcards: [
        file(round_name(number)) for number in range(int(wildcards.round))
    ]


def rounds_for(wildcards):
    """The rounds whose proxies the strategy in wildcards waits for."""
    return ROUNDS if STRATEGIES[wildcards.strategy].needs == "rounds" else []


def threads_of_strategy(wildcards):
    """The paper's 50 million draws take minutes; a million, as by default, do not need more than one thread."""
    if STRATEGIES[wildcards.strategy].needs_paper:
        return min(1 + config["search"]["draws"] // 10_000_000, 4)
    return 1


def settings_of_strategy(wildcards):
    """Of the section `search`, what the strategy in wildcards reads, and what every search space does."""
    keys = (*STRATEGIES[wildcards.strategy].settings, "floors", "ceilings")
    return {key: config["search"][key] for key in keys}


def mixtures_of_tokenizer(wildcards):
    """The mixtures whose tokenizer is written: any may be the chosen one."""
    return MIXTURES if wildcards.name == CHOSEN else [wildcards.name]


def trained_tokenizers(wildcards):
    """Their tokenizers, trained on the first draw of text."""
    return [
        FILES.trained_tokenizer(mixture, 0)
        for mixture in mixtures_of_tokenizer(wildcards)
    ]


def view_tokenizer(wildcards):
    """The tokenizer of a view of the language models' text, where it is a file; none for raw bytes."""
    if wildcards.view == RAW_BYTES:
        return []
    if wildcards.view in EXISTING:
        return tokenizer_files(EXISTING[wildcards.view])
    of_recipe, mixture = recipe_of_view(wildcards.view)
    return [Layout.of(of_recipe).tokenizer(mixture)]


def view_normalizer(wildcards):
    """What the tokenizer of a view does to text before it splits it; none, which nothing may be lost of, where it is not
    ours.
    """
    if wildcards.view == RAW_BYTES or wildcards.view in EXISTING:
        return "none"
    of_recipe, _ = recipe_of_view(wildcards.view)
    return of_recipe["tokenizer"]["normalizer"]


def recipe_of_view(view):
    """The config that one of our tokenizers is made by, and the name of its mixture."""
    if not RECIPES:
        return config, view
    recipe, mixture = recipe_and_mixture(view)
    return RECIPES[recipe], mixture


def views_of_row(file):
    """A file of every view that the models of the row in wildcards read; file: a function of the view."""
    return lambda wildcards: [file(view) for view in views_of(wildcards.row)]


def exports(wildcards):
    """The input of the target `export`, or an error that says what keeps the chosen tokenizer from being exported."""
    formats = config["release"]["exports"]
    for one in formats:
        reason = why_not(
            one,
            (TOKENIZER["superwords"] or TOKENIZER)["pattern"],
            TOKENIZER["alphabet"],
            config["release"]["eos_token"],
            TOKENIZER["algorithm"],
        )
        if reason:
            raise WorkflowError(f"release.exports: {one} cannot be made: {reason}")
        package = PACKAGES.get(one)
        if package and not (WITH_CONDA or version(package)):
            raise WorkflowError(
                f"release.exports: {one} needs the package {package}; run ./install.sh --export"
            )
    return [FILES.export(CHOSEN, file) for file in export_files(formats)]


def needs_search(wildcards):
    """The input of the target `proxies` without a search: an error that says why there are none."""
    raise WorkflowError(
        "proxies: there are none, for search.strategies is []; name one or more strategies, such as [surrogate]"
    )


def needs_seeds(wildcards):
    """The input of the target `language_models` while the check is turned off: an error that says how to turn it on."""
    raise WorkflowError(
        "language_models: there are none, for language_model.check.seeds is 0; write a number of seeds such as 3. A check "
        "of several recipes (language_model.check.recipes) is the target language_models of the whole run"
    )
