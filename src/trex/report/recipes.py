"""The page about finished recipes side by side, in Markdown, and its table of corpora as csv."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from trex.counting.patterns import PATTERNS
from trex.objective.comparisons import FEWEST_DOCUMENTS, TIE
from trex.recipes.compare import (
    ALL_TEXT,
    AVERAGE,
    COMMON,
    COST,
    FAIRNESS,
    FEWER,
    MORE,
    PAIRS,
    WORST,
    Compared,
    differences,
)
from trex.recipes.finished import Finished, beyond_plain_bpe
from trex.report import by_corpus, markdown
from trex.report.language_models import recipes_section
from trex.report.recipes_verdict import OF_PAIRS, best_choices, doubts, worst_corpus_in_words
from trex.scripts import SCRIPTS

MOST_PAIRED = 10  # recipes that the table of all pairs has room for
COLUMNS = 8  # tokenizers that a table by corpus has room for
LARGEST = 3  # corpora of a mixture, and of the differences, that are named
MARKS = {FEWER: "▼", MORE: "▲", None: ""}


def write_recipes(
    compared: Compared, scripts: Mapping[str, str], bits_per_byte: pl.DataFrame | None = None
) -> str:
    """The page. scripts: the main script of each corpus, by which corpora are sorted. bits_per_byte: of
    `trex.language_model.compare`, where language models were trained with the recipes' tokenizers."""
    sections = (
        # the end of a run prints the first two
        "# Recipes side by side",
        markdown.bullets([*best_choices(compared), *doubts(compared)]),
        _how_to_read(compared),
        _all(compared),
        _pairs(compared),
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


def _how_to_read(compared: Compared) -> str:
    first = compared.first
    n_documents = sum(n for at, n in compared.n_documents.items() if at[0] in compared.sets)
    intro = markdown.paragraph(
        f"{len(compared.recipes)} recipes, each with the tokenizer of its recommended mixture at its own vocabulary "
        f"size, on the {n_documents:,} documents of {markdown.names(compared.sets)} in the test half of the evaluation "
        "text, which nothing was chosen on.",
        f"*NSL* is tokens / tokens of the reference tokenizer, {markdown.reference(first.config['reference'])}, on the "
        f"same documents: 0.9 is 10 % fewer. Differences are from the first recipe, `{first.name}`: below 0 is fewer "
        "tokens. Their 95 % intervals are paired by document and hold for all tokenizers of a column together. ▼ and "
        "▲: fewer and more, as far as can be claimed.",
    )
    rule = markdown.paragraph(
        "Claims about the best hold although it is the best of several, as all pairs of recipes are compared at once: "
        f"their intervals are {OF_PAIRS}. "
        f"*Measurably worse*: the best gains more than {TIE} % and more than the noise. The simplest is that with the "
        "fewest kinds of training beside BPE on words, then the simplest mixture, then the first in the config."
    )
    return f"{intro}\n\n{rule}"


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
                f"`{of.name}`" + (" (in doubt)" if of.doubts else ""),
                f"{of.vocab_size:,}",
                f"`{of.mixture}`" if of.mixture else "existing",
                markdown.nsl(values[of.name, AVERAGE]),
                *_difference(macro.get(of.name)),
                markdown.gain(pooled[of.name]["value"]) if of.name in pooled else "",
                f"{markdown.nsl(values[of.name, WORST])} ({worst_corpus_in_words(compared, of.name)})",
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
        "their own vocabularies, whose special tokens V leaves out.",
        "*In doubt*: its own summary says so (see above)."
        if any(of.doubts for of in compared.recipes)
        else "",
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


def _pairs(compared: Compared) -> str | None:
    """The average of every recipe against every other; None where the table above says as much, or there are many."""
    names = [of.name for of in compared.recipes]
    if not 2 < len(names) <= MOST_PAIRED:
        return None
    rows = compared.table.filter(metric=PAIRS).iter_rows(named=True)
    of = {(row["tokenizer"], row["against"]): _percent_and_mark(row) for row in rows}
    intro = markdown.paragraph(
        "Tokens of the recipe of a row against those of a column's, in the mean of the corpora. Claims hold for all "
        f"pairs together; recipes.parquet has the intervals (metric `{PAIRS}`)."
    )
    cells = [(f"`{name}`", *(of.get((name, other), "") for other in names)) for name in names]
    header = ("recipe", *(f"`{name}`" for name in names))
    return f"## Recipes against each other\n\n{intro}\n\n{markdown.table(header, cells)}"


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
    has_room = len(others) <= COLUMNS and table.height <= by_corpus.ROWS
    order = ", sorted by script" if has_room else ""
    intro = markdown.paragraph(
        f"Tokens{several} against `{compared.first.name}`, in percent{order}. Intervals hold for all "
        "tokenizers and corpora together; they are about documents alone, without the noise of training text. A corpus "
        f"whose documents are worth fewer than {FEWEST_DOCUMENTS} of the same length has none. recipes.csv has all "
        "numbers."
    )
    if has_room:
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
                _patterns(config["tokenizer"]),
                str(config["tokenizer"]["normalizer"]),
                f"{of.vocab_size:,}",
                markdown.size(training) if training else "all",
                compared.own_objective(of),
                f"`{of.mixture}`: {_largest(of.shares)}" if of.shares else f"`{of.mixture}`",
            )
        )
    header = ("recipe", "kind", "pattern", "normalizer", "V", "text", "objective", "mixture")
    pages = (
        f"`{of.name}`: {', '.join(markdown.link(page, path) for page, path in of.pages.items())}"
        for of in compared.recipes
        if of.pages
    )
    return "\n\n".join(
        filter(
            None,
            (
                "## What the recipes are",
                markdown.table(header, rows, left=len(header)),
                markdown.bullets(pages),
            ),
        )
    )


def _patterns(tokenizer: Mapping[str, Any]) -> str:
    """The pattern of words, and that of pieces if there are superwords."""
    superwords = tokenizer.get("superwords")
    pieces = f", pieces {_pattern(superwords['pattern'])}" if superwords else ""
    return _pattern(tokenizer["pattern"]) + pieces


def _pattern(regex: str) -> str:
    """The name of a pattern; of one without a name, that it is a regex.

    >>> _pattern("")
    '`none`'
    """
    return next(
        (f"`{name}`" for name, known in PATTERNS.items() if known == regex), "a regex" if regex else "`none`"
    )
