"""The page about finished recipes side by side, in Markdown, and its table of corpora as csv."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from trex.counting.patterns import PATTERNS
from trex.objective.comparisons import FEWEST_DOCUMENTS, TIE
from trex.recipes.choose import Choice, as_good, better_existing, choices, eligible
from trex.recipes.compare import (
    ALL_TEXT,
    AVERAGE,
    COMMON,
    COST,
    FAIRNESS,
    FEWER,
    MORE,
    WORST,
    Compared,
    differences,
)
from trex.recipes.finished import Finished, beyond_plain_bpe, normalizer
from trex.report import by_corpus, markdown
from trex.report.language_models import recipes_section
from trex.scripts import SCRIPTS

COLUMNS = 8  # tokenizers that a table by corpus has room for
SAME = 1e-9  # NSL of two corpora that differ by less are equal: those of the reference itself
LARGEST = 3  # corpora of a mixture, and of the differences, that are named
MARKS = {FEWER: "▼", MORE: "▲", None: ""}
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


def write_recipes(
    compared: Compared, scripts: Mapping[str, str], bits_per_byte: pl.DataFrame | None = None
) -> str:
    """The page. scripts: the main script of each corpus, by which corpora are sorted. bits_per_byte: of
    `trex.language_model.compare`, where language models were trained with the recipes' tokenizers."""
    sections = (
        _intro(compared),
        markdown.bullets(doubts(compared)),
        _choices(compared),
        _all(compared),
        _by_objective(compared),
        _by_corpus(compared, scripts),
        None if bits_per_byte is None else recipes_section(bits_per_byte),
        _recipes(compared),
    )
    return "\n\n".join(filter(None, sections)) + "\n"


def main_scripts(hygiene: Mapping[str, Any]) -> dict[str, str]:
    """The script of most letters of each corpus, "" where there are no letters. hygiene: of hygiene.json."""
    by_corpus = {corpus: facts["text"]["scripts"] for corpus, facts in hygiene.items()}
    return {corpus: max(shares, key=shares.get, default="") for corpus, shares in by_corpus.items()}


def sorted_by_script(corpora: Sequence[str], scripts: Mapping[str, str]) -> list[str]:
    """Corpora of one script together, in the order of `trex.scripts.SCRIPTS`, others last."""
    order = {script: i for i, script in enumerate(SCRIPTS)}
    return sorted(corpora, key=lambda corpus: order.get(scripts.get(corpus, ""), len(order)))


def corpora_table(compared: Compared, scripts: Mapping[str, str]) -> pl.DataFrame:
    """One row a corpus, sorted by script: corpus, script, and of each tokenizer tokens, difference (%), low, high,
    claim, and share in a recipe's mixture."""
    corpora = sorted_by_script(compared.corpora, scripts)
    found = pl.DataFrame({"corpus": corpora, "script": [scripts.get(corpus, "") for corpus in corpora]})
    table = compared.table.filter(pl.col("evaluation_set").is_null(), pl.col("corpus").is_not_null())
    for of in compared.tokenizers:
        rows = table.filter(tokenizer=of.name)
        tokens = rows.filter(metric="tokens").select("corpus", pl.col("value").alias(f"{of.name}_tokens"))
        found = found.join(tokens, on="corpus", how="left", maintain_order="left")
        if of is not compared.first:
            names = {"value": "difference", "low": "low", "high": "high", "claim": "claim"}
            columns = [pl.col(column).alias(f"{of.name}_{name}") for column, name in names.items()]
            more = rows.filter(metric="tokens_difference").select("corpus", *columns)
            found = found.join(more, on="corpus", how="left", maintain_order="left")
        if of.shares:
            share = pl.Series(f"{of.name}_share", [of.shares[corpus] for corpus in corpora], pl.Float64)
            found = found.with_columns(share)
    return found


# --- Sections -----------------------------------------------------------------------------------------------


def _intro(compared: Compared) -> str:
    first = compared.first
    n_documents = sum(n for at, n in compared.n_documents.items() if at[0] in compared.sets)
    return "# Recipes side by side\n\n" + markdown.paragraph(
        f"{len(compared.recipes)} recipes, each with the tokenizer of its recommended mixture at its own vocabulary "
        f"size, on the {n_documents:,} documents of {markdown.names(compared.sets)} in the test half of the evaluation "
        "text, which nothing was chosen on.",
        f"*NSL* is tokens / tokens of the reference tokenizer, {markdown.reference(first.config['reference'])}, on the "
        f"same documents: 0.9 is 10 % fewer. Differences are from the first recipe, `{first.name}`: below 0 is fewer "
        "tokens. Their 95 % intervals are paired by document and hold for all tokenizers of a column together. ▼ and "
        "▲: fewer and more, as far as can be claimed.",
    )


def doubts(compared: Compared) -> list[str]:
    """What to know before the numbers, in Markdown: recipes that are not fit for use, too little text, and who counts
    text after another normalization."""
    said = []
    for of in compared.recipes:
        if of.failed_gates:
            said.append(
                f"**`{of.name}` is not fit for use:** it fails the gates {markdown.names(of.failed_gates)}; its "
                "vocabulary.md shows what was found."
            )
        if of.over_limits:
            said.append(
                f"**`{of.name}` keeps not all limits of its objective;** it exceeds them by "
                f"{markdown.percent(of.over_limits)}."
            )
    if few := compared.too_few(compared.sets):
        said.append(_too_few(few[0], len(few)))
    if said and len(eligible(compared)) < len(compared.recipes):
        said.append("The best choices are among the other recipes.")
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


def _too_few(few: tuple[int, str, str], texts: int = 1) -> str:
    n, evaluation_set, corpus = few
    documents = "1 document" if n == 1 else f"{n} documents"
    more = f", and few of {texts - 1} other texts" if texts > 1 else ""
    return (
        f"Nothing can be claimed: the test half has {documents} of `{corpus}` in `{evaluation_set}`{more}, where "
        f"{FEWEST_DOCUMENTS} are needed."
    )


def _choices(compared: Compared) -> str:
    rule = markdown.paragraph(
        "Claims about the best hold although it is the best of several, as all pairs of recipes are compared at once: "
        f"their intervals are {OF_PAIRS}. "
        f"*Measurably worse*: the best gains more than {TIE} % and more than the noise. The simplest is that with the "
        "fewest kinds of training beside BPE on words, then the simplest mixture, then the first in the config."
    )
    return f"## The best choices\n\n{markdown.bullets(best_choices(compared))}\n\n{rule}"


def best_choices(compared: Compared) -> list[str]:
    """The best recipe by each objective and what can be claimed of it, in Markdown."""
    return [f"**{TITLES[choice.goal]}:** {_sentence(compared, choice)}" for choice in choices(compared)]


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
        return f"NSL {markdown.nsl(choice.value)} ({_worst_corpus(compared, choice.best)})"
    return f"macro NSL {markdown.nsl(choice.value)}"


def _worst_corpus(compared: Compared, name: str) -> str:
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


def _all(compared: Compared) -> str:
    table = compared.table
    macro, pooled, cost = (differences(table, metric) for metric in (AVERAGE, ALL_TEXT, COST))
    values = {
        (name, metric): value
        for name, metric, value in table.filter(
            pl.col("corpus").is_null(), pl.col("evaluation_set").is_null()
        )
        .select("tokenizer", "metric", "value")
        .iter_rows()
    }
    premiums = largest_premiums(table)
    first = compared.first.name
    rows = []
    for i in np.argsort(compared.measures[AVERAGE].draws[0], kind="stable"):
        of, price = compared.tokenizers[i], compared.costs[i]
        hours = f"{price.all_gpu_hours:,.0f}"
        rows.append(
            (
                f"`{of.name}`",
                f"{of.vocab_size:,}",
                f"`{of.mixture}`" if of.mixture else "existing",
                markdown.nsl(values[of.name, AVERAGE]),
                *_difference(macro.get(of.name)),
                markdown.gain(pooled[of.name]["value"]) if of.name in pooled else "",
                f"{markdown.nsl(values[of.name, WORST])} ({_worst_corpus(compared, of.name)})",
                *_fairness(compared, table, of.name, premiums),
                f"{hours} ({markdown.signed(cost[of.name]['value'], 1, ' %')})" if of.name in cost else hours,
                _gates(of),
            )
        )
    fairness = (
        (f"Gini on `{compared.parallel_set}`", "largest premium")
        if compared.parallel_set
        else ("Gini of NSL",)
    )
    header = (
        "tokenizer", "V", "mixture", "macro NSL", f"tokens against `{first}`", "95 % interval", "of all text",
        "worst NSL", *fairness, "GPU hours", "gates failed",
    )  # fmt: skip
    premium = (
        f"*Gini*: of the tokens of the parallel text, 0 where all languages need as many; *premium*: tokens / those "
        f"of `{premiums[first][2]}`."
        if compared.parallel_set
        else "*Gini*: of NSL over corpora, 0 where all pay the same."
    )
    intro = markdown.paragraph(
        "Best average first. *Tokens against* the first: in the mean of the corpora, each counting alike (macro NSL); "
        f"*of all text*: of all tokens together. {premium} *GPU hours*: of training and serving the language model of "
        "the config's section `language_model`, and how they compare with the first recipe. Existing tokenizers keep "
        "their own vocabularies."
    )
    figures = (
        "![Differences](figures/recipes_differences.svg)\n\n![Trade-offs](figures/recipes_tradeoffs.svg)"
    )
    return f"## All tokenizers\n\n{intro}\n\n{markdown.table(header, rows)}\n\n{figures}"


def _difference(row: Mapping[str, Any] | None) -> tuple[str, str]:
    if row is None:
        return "", ""
    return _percent_and_mark(row), markdown.interval(row["low"], row["high"])


def _percent_and_mark(row: Mapping[str, Any]) -> str:
    return markdown.signed(row["value"], 2, " %") + _mark(row["value"], row["claim"], 2)


def _mark(value: float, claim: str | None, digits: int) -> str:
    """None beside a value that is shown as 0, as a mark would contradict it."""
    return MARKS[claim] if round(value, digits) else ""


def largest_premiums(table: pl.DataFrame) -> dict[str, tuple[float, str, str]]:
    """(premium, corpus, pivot) by tokenizer."""
    rows = table.filter(metric="premium").sort("value", maintain_order=True)
    return {
        row["tokenizer"]: (row["value"], row["corpus"], row["against"]) for row in rows.iter_rows(named=True)
    }


def _fairness(
    compared: Compared, table: pl.DataFrame, name: str, premiums: Mapping[str, tuple[float, str, str]]
) -> tuple[str, ...]:
    if compared.parallel_set:
        at = compared.names.index(name)
        value, corpus, _ = premiums[name]
        return f"{compared.measures[FAIRNESS].draws[0, at]:.3f}", f"{value:.2f} (`{corpus}`)"
    gini = table.filter(tokenizer=name, metric="gini", evaluation_set=compared.sets[0])["value"].item()
    return (f"{gini:.3f}",)


def _gates(of: Finished) -> str:
    failed = [*of.failed_gates, *(f"{gate} (accepted)" for gate in of.waived_gates)]
    return ", ".join(failed) or "none"


def _by_objective(compared: Compared) -> str:
    """Every recipe by the objectives that recipes were searched with, and the common ones."""
    own = {of.name: compared.own_objective(of) for of in compared.recipes}
    metrics = list(compared.objectives)
    rows = []
    of_metric = {metric: differences(compared.table, metric) for metric in metrics}
    for i, of in enumerate(compared.tokenizers):
        cells = []
        for metric in metrics:
            if i:
                row = of_metric[metric][of.name]
                cell = _percent_and_mark(row)
            else:
                cell = markdown.nsl(compared.measures[metric].draws[0, 0])
            cells.append(f"**{cell}**" if own.get(of.name) == metric else cell)
        rows.append((f"`{of.name}`", *cells))
    others = [metric for metric in metrics if metric not in COMMON]
    why = (
        "Recipes differ in what their searches minimised."
        if len(set(own.values())) > 1
        else "All recipes have the same objective."
    )
    weights = "; ".join(f"*{metric}*: {_objective(compared, metric)}" for metric in others)
    intro = markdown.paragraph(
        f"{why} A recipe's own objective is bold. The first recipe's values are NSL, the others differences from it. "
        "*Macro* is the mean of the corpora, *pooled* all tokens / all reference tokens, *worst* the largest of any "
        "corpus.",
        f"{weights}." if weights else "",
    )
    return f"## By objective\n\n{intro}\n\n{markdown.table(('tokenizer', *metrics), rows)}"


def _objective(compared: Compared, name: str) -> str:
    objective = compared.objectives[name]
    aggregate, text = objective.aggregate, f"on {markdown.names(objective.counted_sets)}"
    if aggregate.kind != "weighted":
        return f"{aggregate.kind.replace('_', ' ')} NSL {text}"
    shares = dict(zip(objective.corpora, aggregate.weights / aggregate.weights.sum(), strict=True))
    return f"weights {_largest(shares)} {text}"


def _largest(shares: Mapping[str, float]) -> str:
    """`eng` 40 %, `deu` 20 %, `fra` 10 % and 17 others"""
    order = sorted((corpus for corpus in shares if shares[corpus] > 0), key=lambda corpus: -shares[corpus])
    named = ", ".join(f"`{corpus}` {markdown.short_percent(shares[corpus])}" for corpus in order[:LARGEST])
    return named + (f" and {len(order) - LARGEST} others" if len(order) > LARGEST else "")


def _by_corpus(compared: Compared, scripts: Mapping[str, str]) -> str:
    table = corpora_table(compared, scripts)
    others = compared.names[1:]
    several = f" of {markdown.names(compared.sets)} together" if len(compared.sets) > 1 else ""
    intro = markdown.paragraph(
        f"Tokens{several} against `{compared.first.name}`, in percent, sorted by script. Intervals hold for all "
        "tokenizers and corpora together; they are about documents alone, without the noise of training text. A corpus "
        f"whose documents are worth fewer than {FEWEST_DOCUMENTS} of the same length has none. recipes.csv has all "
        "numbers."
    )
    if len(others) <= COLUMNS and table.height <= by_corpus.ROWS:
        cells = [
            (
                f"`{row['corpus']}`",
                f"{row[f'{compared.first.name}_tokens']:,.0f}",
                *(_cell(row[f"{name}_difference"], row[f"{name}_claim"]) for name in others),
            )
            for row in table.drop_nulls(f"{compared.first.name}_tokens").iter_rows(named=True)
        ]
        header = ("corpus", f"tokens of `{compared.first.name}`", *(f"`{name}`" for name in others))
    else:
        cells = [(f"`{name}`", *_extremes(table, name)) for name in others]
        header = ("tokenizer", "corpora with fewer ▼", "with more ▲", "most saved", "most added")
    shown = markdown.table(header, cells) if others else ""
    return f"## Tokens by corpus\n\n{intro}\n\n{shown}\n\n![By corpus](figures/recipes_by_corpus.svg)"


def _cell(percent: float | None, claim: str | None) -> str:
    return "–" if percent is None else markdown.signed(percent, 1) + _mark(percent, claim, 1)


def _extremes(table: pl.DataFrame, name: str) -> tuple[str, ...]:
    rows = table.select(
        "corpus", value=f"{name}_difference", claim=f"{name}_claim"
    ).drop_nulls("value").sort("value", maintain_order=True)  # fmt: skip
    saved = rows.filter(pl.col("value") < 0).head(LARGEST)
    added = rows.filter(pl.col("value") > 0).reverse().head(LARGEST)
    return (
        *(f"{rows.filter(claim=claim).height} of {rows.height}" for claim in (FEWER, MORE)),
        *(
            ", ".join(f"`{corpus}` {_cell(value, None)}" for corpus, value, _ in of.iter_rows()) or "none"
            for of in (saved, added)
        ),
    )


def _recipes(compared: Compared) -> str:
    rows = []
    for of in compared.recipes:
        config = of.config
        training = config["training"]["bytes"]
        rows.append(
            (
                f"`{of.name}`",
                ", ".join(beyond_plain_bpe(config["tokenizer"])) or "BPE on words",
                _pattern(config["tokenizer"]["pattern"]),
                str(config["tokenizer"]["normalizer"]),
                f"{of.vocab_size:,}",
                markdown.size(training) if training else "all",
                compared.own_objective(of),
                f"`{of.mixture}`: {_largest(of.shares)}" if of.shares else f"`{of.mixture}`",
            )
        )
    header = ("recipe", "kind", "pattern", "normalizer", "V", "text", "objective", "mixture")
    return f"## What the recipes are\n\n{markdown.table(header, rows, left=len(header))}"


def _pattern(regex: str) -> str:
    """The name of a pattern; of one without a name, that it is a regex.

    >>> _pattern("")
    '`none`'
    """
    return next(
        (f"`{name}`" for name, known in PATTERNS.items() if known == regex), "a regex" if regex else "`none`"
    )
