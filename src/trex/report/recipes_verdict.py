"""What pages say first of recipes side by side: the best choices, and what to know before they are believed."""

from trex.objective.comparisons import FEWEST_DOCUMENTS
from trex.recipes.choose import Choice, as_good, better_existing, choices, eligible
from trex.recipes.compare import AVERAGE, COST, FAIRNESS, WORST, Compared
from trex.recipes.finished import Finished, normalizer
from trex.report import markdown

SAME = 1e-9  # NSL of two corpora that differ by less are equal: those of the reference itself
TITLES = {
    AVERAGE: "Best average",
    WORST: "Best worst corpus",
    COST: "Least cost",
    FAIRNESS: "Fairest on parallel text",
}
# why one difference has two intervals on the page
OF_PAIRS = "others than those of the table, which compare every tokenizer with the first recipe alone"
SAVED = {
    AVERAGE: "fewer tokens in the mean of the corpora",
    WORST: "fewer tokens in the worst corpus",
    COST: "fewer operations of training and serving",
    FAIRNESS: "less inequality",
}


def best_choices(compared: Compared) -> list[str]:
    """The best recipe by each objective and what can be claimed of it, in Markdown."""
    in_doubt = [of.name for of in compared.recipes if of.doubts]
    said = []
    for choice in choices(compared):
        named = [name for name in in_doubt if name in (choice.best, choice.simplest)]
        verb = "are" if len(named) > 1 else "is"
        doubt = f" {markdown.names(named)} {verb} in doubt." if named else ""
        said.append(f"**{TITLES[choice.goal]}:** {_sentence(compared, choice)}{doubt}")
    return said


def _sentence(compared: Compared, choice: Choice) -> str:
    best = f"`{choice.best}`, {_value(compared, choice)}"
    if choice.runner_up is None:
        return f"{best}, the only recipe to choose from."
    other, gain = choice.runner_up
    amount = f"{gain.percent:.2f} % {SAVED[choice.goal]}"
    span = markdown.interval(gain.low, gain.high)
    existing = better_existing(compared, choice)
    also = f" Better still, of existing tokenizers: {markdown.names(existing)}." if existing else ""
    if gain.percent == 0:
        return f"{best}, the same as {markdown.names(as_good(compared, choice))}.{also}"
    if choice.too_few:
        return f"{best}, {amount} than `{other}`. {_too_few(choice.too_few)}{also}"
    if choice.is_claimed:
        return f"{best}: {amount} than the runner-up, `{other}` ({span}).{also}"
    if choice.simplest == choice.best:
        simplest = f"Of the {len(choice.equal)} that are as good as can be measured it is the simplest."
    else:
        simplest = f"**`{choice.simplest}` is the simplest** of the {len(choice.equal)} that are not measurably worse."
    return f"{best}; no difference from the runner-up, `{other}`, can be claimed ({amount}, {span}). {simplest}{also}"


def _value(compared: Compared, choice: Choice) -> str:
    at = compared.names.index(choice.best)
    if choice.goal == COST:
        return f"{compared.costs[at].all_gpu_hours:,.0f} GPU hours of training and serving"
    if choice.goal == FAIRNESS:
        return f"a Gini coefficient of tokens of {choice.value:.3f} on `{compared.parallel_set}`"
    if choice.goal == WORST:
        return f"NSL {markdown.nsl(choice.value)} ({worst_corpus_in_words(compared, choice.best)})"
    return f"macro NSL {markdown.nsl(choice.value)}"


def worst_corpus_in_words(compared: Compared, name: str) -> str:
    """Its name in Markdown, and the evaluation set if there are several."""
    corpus = worst_corpus(compared, name)
    if corpus is None:
        return "all equal"
    row = compared.table.filter(tokenizer=name, metric="worst_corpus").row(0, named=True)
    several = f" in `{row['evaluation_set']}`" if len(compared.sets) > 1 else ""
    return f"`{corpus}`{several}"


def worst_corpus(compared: Compared, name: str) -> str | None:
    """The corpus with the largest NSL; None if all have the same, as the reference tokenizer has."""
    macro, worst = (
        compared.measures[metric].draws[0, compared.names.index(name)] for metric in (AVERAGE, WORST)
    )
    if worst - macro < SAME:
        return None
    return compared.table.filter(tokenizer=name, metric="worst_corpus")["corpus"].item()


def doubts(compared: Compared) -> list[str]:
    """What to know before the numbers, in Markdown: recipes that are not fit for use or in doubt, too little text, and
    who counts text after another normalization."""
    said = []
    for of in compared.recipes:
        if of.failed_gates:
            said.append(
                f"**`{of.name}` is not fit for use:** it fails the gates {markdown.names(of.failed_gates)}; its "
                f"{_page(of, 'vocabulary.md')} shows what was found."
            )
        if of.over_limits:
            said.append(
                f"**`{of.name}` does not keep all limits of its objective;** it exceeds them by "
                f"{markdown.percent(of.over_limits)}."
            )
    if few := compared.too_few(compared.sets):
        said.append(_too_few(few[0], len(few)))
    if said and len(eligible(compared)) < len(compared.recipes):
        said.append("The best choices are among the other recipes.")
    for of in compared.recipes:
        if of.doubts:
            said.append(
                f"**`{of.name}` is in doubt:** its {_page(of, 'summary.md')} says not to trust its result yet. "
                f"{' '.join(of.doubts)} What is said of it here is measured, but another mixture may be better for it."
            )
        if of.better_mixture:
            said.append(
                f"**`{of.name}` is compared with its recommended mixture `{of.mixture}`, but at full scale "
                f"`{of.better_mixture}` is better,** says its {_page(of, 'summary.md')}."
            )
    first = normalizer(compared.first)
    others: dict[str, list[str]] = {}
    for of in compared.recipes:
        if normalizer(of) != first:
            others.setdefault(normalizer(of), []).append(of.name)
    for other, names in others.items():
        said.append(
            f"{markdown.names(names)} {'normalize' if len(names) > 1 else 'normalizes'} text by `{other}`, "
            f"`{compared.first.name}` by `{first}`: the tokens are those of the same documents, after another "
            f"normalization. Their NSL is tokens / reference tokens of the text by `{first}`."
        )
    return said


def _page(of: Finished, page: str) -> str:
    """A page of a recipe, as a link if it is known where it lies."""
    return markdown.link(page, of.pages[page]) if page in of.pages else page


def _too_few(few: tuple[int, str, str], texts: int = 1) -> str:
    n, evaluation_set, corpus = few
    documents = "1 document" if n == 1 else f"{n} documents"
    more = f", and few of {texts - 1} other texts" if texts > 1 else ""
    return (
        f"Nothing can be claimed: the test half has {documents} of `{corpus}` in `{evaluation_set}`{more}, where "
        f"{FEWEST_DOCUMENTS} are needed."
    )
