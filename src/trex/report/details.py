"""The page about the search: predictions and measurements, the front, the regression, and the text that was given.

Without a search, what is left of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from trex.mixtures.sampling import support
from trex.objective.constraints import SLACK
from trex.report import by_corpus, markdown, vocab_size
from trex.report.choice import at_full_scale, without_search
from trex.report.results import Results
from trex.report.text_caveats import text_caveats

# A share that was given is worth a note if it is off by more than one of these.
SHARE_TOLERANCE = 0.01
RELATIVE_TOLERANCE = 0.1
MANY = 64  # that of trex.surfaces.base, on which no page hangs

POINTS = {"front_average": "best average", "front_knee": "knee", "front_worst": "best worst corpus"}
SCORES = ("MAPE", "Spearman", "R²", "90 % interval holds")


def write_details(results: Results, strategies: Mapping[str, Mapping[str, Any]]) -> str:
    """The page about the search, in Markdown. strategies: `trex.search.registry.described`."""
    sections = (_title, at_full_scale, _vocabulary_size, _bytes_given)
    of_search = (
        _title,
        _predictions,
        at_full_scale,
        lambda results: _notes(results, strategies),
        _front,
        _regression,
        _learning_curve,
        _vocabulary,
        _vocabulary_size,
        _best_draws,
        _support,
        _bytes_given,
    )
    sections = of_search if results.is_searched else sections
    return "\n\n".join(filter(None, (section(results) for section in sections))) + "\n"


def _title(results: Results) -> str:
    if not results.is_searched:
        intro = markdown.paragraph(
            without_search(results),
            "summary.md explains NSL, objective and gain; validation.md has the tokenizers.",
        )
        return f"# Details\n\n{intro}"
    intro = markdown.paragraph(
        "How the recommendation came about. summary.md has the recommendation itself and explains NSL, objective, "
        "gain and proxies; validation.md has the full-scale tokenizers. ± is one standard error over repeated "
        "trainings."
    )
    return f"# Details of the search\n\n{intro}"


def _predictions(results: Results) -> str:
    ranking = results.finalists["ranking"]
    limited = ranking[0]["violation"] is not None
    rows = []
    for row in ranking:
        known = row["predicted"] is not None
        predicted = markdown.nsl(row["predicted"]) if known else "–"
        error = markdown.gain(100 * (row["predicted"] / row["measured"] - 1)) if known else "–"
        measured = markdown.nsl(row["measured"]) + markdown.plus_minus(row["standard_error"])
        excess = [_over(row)] if limited else []
        finalist = "yes" if row["why_no_finalist"] is None else "no"
        if row["same_as"]:
            finalist = f"the same shares as `{row['same_as']}`"
        rows.append(
            (f"`{row['name']}`", row["role"], row["strategy"], measured, predicted, error, *excess, finalist)
        )
    header = ("mixture", "role", "strategy", "measured", "predicted", "error")
    table = markdown.table((*header, *(["over the limits"] if limited else []), "finalist"), rows, left=3)
    intro = markdown.paragraph(
        "The objective of every mixture on proxies, best first"
        + (", those that exceed the limits last." if limited else "."),
        "*Predicted* is what the regression expected. *Finalists* are trained at full scale: every baseline, and every "
        "candidate that keeps the limits and is within the noise of the best. candidates.csv has all shares.",
    )
    return f"## Measured and predicted on proxies\n\n{intro}\n\n{table}"


def _notes(results: Results, strategies: Mapping[str, Mapping[str, Any]]) -> str:
    items = []
    for strategy, notes in results.notes.items():
        labels = strategies[strategy]["note_labels"]  # a key without one is spelled out
        numbers = (
            f"{labels.get(key, key.replace('_', ' '))}: {markdown.number(value)}"
            for key, value in notes.items()
        )
        if notes:
            items.append(f"`{strategy}` ({'; '.join(numbers)})")
    return f"## What each strategy did\n\n{markdown.bullets(items)}" if items else ""


def _over(row: Mapping[str, Any]) -> str:
    """By how much a mixture exceeds the limits of the objective."""
    return markdown.percent(row["violation"]) if row["violation"] > SLACK else "no"


def _front(results: Results) -> str:
    front = results.front
    if front.is_empty():
        return ""
    measured = {row["point"]: row for row in results.front_measured.iter_rows(named=True)}

    def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
        found = measured.get(row["name"])
        label = f" ({POINTS[found['name']]})" if found else ""
        numbers = [markdown.nsl(row[key]) for key in ("average", "worst")]
        numbers += [markdown.nsl(found[key]) if found else "–" for key in ("average", "worst")]
        return f"`{row['name']}`{label}", *numbers, _largest(row, results)

    dropped = results.pareto.height - front.height
    verb = "was" if dropped == 1 else "were"
    intro = markdown.paragraph(
        "How much of the average it costs to help the corpus that compresses worst. No other mixture found is better "
        "on both predictions. Measured are the two ends and the knee, the point farthest from the straight line "
        "between the ends, with proxies like those of the candidates. search/pareto.parquet has the shares; to measure "
        "another point, give it as a baseline.",
        f"{dropped} of {results.pareto.height} mixtures found {verb} worse on both and left out."
        if dropped
        else "",
    )
    header = (
        "mixture", "average NSL", "worst corpus's NSL", "average, measured", "worst, measured", "largest shares",
    )  # fmt: skip
    table = markdown.table(header, map(cells, front.iter_rows(named=True)))
    return f"## Average against worst corpus\n\n{intro}\n\n{table}"


def _largest(row: Mapping[str, Any], results: Results, n: int = 3) -> str:
    largest = sorted(results.corpora, key=lambda corpus: -row[corpus])[:n]
    return ", ".join(f"{corpus} {100 * row[corpus]:.1f} %" for corpus in largest)


def _regression(results: Results) -> str:
    models = [
        (f"`{row['model']}`", "yes" if row["used"] else "", *_scores(row), f"{row['n']:,}")
        for row in results.metrics.iter_rows(named=True)
    ]
    used = results.metrics.filter("used")["model"].item()
    text = [
        "## The regression",
        markdown.paragraph(
            "A *surface* is a regression from the mixture to the NSL of every corpus (or to the objective alone). "
            "How well does it predict proxies that it was not fitted to? *MAPE*: mean absolute error in %. "
            "*Spearman*: rank correlation. *R²*: explained variance. *90 % interval holds*: how often the "
            "measurement lies in the predicted interval; near 90 % is right. `selected` is the whole procedure of "
            "choosing a surface and fitting it."
        ),
        markdown.table(("surface", "used", *SCORES, "proxies"), models, left=2),
    ]
    left_out = {*results.config["regression"]["compare"]} - {*results.metrics["model"]}
    if len(results.corpora) > MANY and "mixing_law" in left_out:
        text.append(
            f"`mixing_law` was not fitted: with more than {MANY} corpora, it takes as long as the Gaussian process and "
            "predicts worse."
        )
    accuracy = results.corpus_metrics.filter(model=used)
    most_wrong = dict(accuracy.group_by("corpus").agg(pl.col("mape").max()).iter_rows())
    weights = np.array([most_wrong.get(corpus, 0.0) for corpus in results.corpora])
    shown = by_corpus.shown(results.corpora, weights)
    corpora = [
        (f"`{row['corpus']}`", f"`{row['evaluation_set']}`", *_scores(row))
        for row in accuracy.filter(pl.col("corpus").is_in(shown)).iter_rows(named=True)
    ]
    if corpora:
        text += [
            markdown.paragraph(f"By corpus, `{used}`:", by_corpus.note(results.corpora, "the largest MAPE")),
            markdown.table(("corpus", "evaluation set", *SCORES), corpora, left=2),
        ]
    return "\n\n".join(text)


def _learning_curve(results: Results) -> str:
    medians = results.learning_curve.group_by("model", "proxies", maintain_order=True).agg(
        pl.col("mape", "spearman", "r2", "coverage90").median()
    )
    if medians.is_empty():
        return ""
    rows = [
        (f"`{row['model']}`", f"{row['proxies']:,}", *_scores(row)) for row in medians.iter_rows(named=True)
    ]
    intro = markdown.paragraph(
        "The same scores when a surface is fitted to fewer proxies: medians over random choices of so many, tested "
        "on the others. Where the last rows hardly differ, more proxies will not help."
    )
    return f"## Would fewer proxies have done?\n\n{intro}\n\n{markdown.table(('surface', 'proxies', *SCORES), rows)}"


def _scores(row: Mapping[str, Any]) -> tuple[str, ...]:
    holds = "–" if row["coverage90"] is None else f"{100 * row['coverage90']:.0f} %"
    return f"{row['mape']:.2f} %", markdown.score(row["spearman"]), markdown.score(row["r2"]), holds


def _vocabulary(results: Results) -> str:
    title = "## Other vocabulary sizes of proxies"
    rows = [
        (
            f"{row['vocab_size']:,}{' (smallest or largest)' if row['outermost'] else ''}",
            f"{row['mape_with']:.2f} %",
            markdown.score(row["spearman_with"]),
            f"{row['mape']:.2f} %",
            markdown.score(row["spearman"]),
            f"{row['mape_corpora']:.2f} %",
            markdown.score(row["spearman_corpora"]),
        )
        for row in results.vocabulary.iter_rows(named=True)
    ]
    if not rows:
        return f"{title}\n\n" + markdown.paragraph(
            "Can the regression predict a vocabulary size that was not measured? To find out, measure three sizes or "
            "more (`proxies.vocab_grid`)."
        )
    intro = markdown.paragraph(
        "Can the regression predict a vocabulary size that was not measured? Each size is left out in turn and "
        "predicted by straight lines in log V between the others, for proxies that the surface was not fitted to. "
        "*With*: the same prediction when the size is measured. The last two columns are means over the corpora, "
        "without."
    )
    header = ("vocabulary", "MAPE with", "Spearman", "MAPE without", "Spearman", "corpora: MAPE", "Spearman")
    return f"{title}\n\n{intro}\n\n{markdown.table(header, rows)}"


def _vocabulary_size(results: Results) -> str:
    decides = "the best mixture on proxies"
    if not results.is_searched:
        decides = "the best mixture in the mean over these sizes" if len(results.compared) > 1 else ""
    return vocab_size.section(
        results.vocab_choice,
        results.vocab_curve,
        results.choice["chosen"],
        decides,
        vocab_size.other_trainings(results.config),
    )


def _best_draws(results: Results) -> str:
    """The table by k of the paper's search. It is known by its columns, not by the name of the strategy."""
    curves = [rows for rows in results.tables.values() if rows and {"k", "predicted"} <= set(rows[0])]
    if not curves:
        return ""
    rows = [(f"{row['k']:,}", markdown.nsl(row["predicted"])) for row in curves[0]]
    intro = markdown.paragraph(
        "The paper's search recommends the mean of its k best random draws. This is what *the paper's own "
        "regression* (LightGBM on the objective) predicts at that mean. It is a different and less accurate model "
        "than the one used above, so do not compare the two; it usually favours a small k, where it is most "
        "optimistic."
    )
    table = markdown.table(("k", "predicted by the paper's regression"), rows)
    return f"## The mean of the best draws\n\n{intro}\n\n{table}"


def _support(results: Results) -> str:
    shares = results.proxy_shares
    table = support(shares.select(results.corpora).to_numpy(), results.corpora)
    width = 100 * (table["p95"] - table["p05"]).median()
    outside = results.outside_support
    text = (
        f"The regression learned from {shares.height:,} sampled proxies. For the median corpus, the middle 90 % of "
        f"them span {width:.1f} percentage points of its share."
    )
    if outside:
        n = len(results.corpora)
        where = (
            f"The recommended mixture lies outside of their range in {len(outside)} of {n} corpora "
            f"({markdown.names(outside)}): its prediction is an extrapolation, its measurement is not."
        )
    else:
        where = "The recommended mixture lies inside their range for every corpus."
    return f"## Where proxies were sampled\n\n{markdown.paragraph(text, where)}"


def _bytes_given(results: Results) -> str:
    available = pl.DataFrame({"corpus": results.corpora, "available": results.available_bytes})
    ledgers = (
        ("Sampled proxies", results.training_ledger, ["mixture_id"]),
        ("Proxies of candidates and baselines", results.ledger, ["name", "replicate"]),
        ("Full-scale tokenizers", results.full_scale_ledger, ["name", "draw"]),
    )
    notes = [
        _ledger_note(what, ledger.join(available, on="corpus"), keys)
        for what, ledger, keys in ledgers
        if ledger is not None
    ]
    notes += text_caveats(results.counts, results.evaluation, results.config["tokenizer"]["normalizer"])
    return f"## Text given and asked for\n\n{markdown.bullets(notes)}"


def _ledger_note(what: str, ledger: pl.DataFrame, keys: Sequence[str]) -> str:
    """How often text was repeated, and how far the shares given are from those asked for.

    `ledger` has the column `available` beside its own: bytes of training text of the corpus.
    """
    ledger = ledger.with_columns(
        times=pl.col("given_bytes") / pl.col("available"),
        off=(pl.col("share") - pl.col("asked_share")).abs(),
    )
    repeated = ledger.filter(pl.col("times") > 1).sort("times", descending=True)
    is_off = (pl.col("off") > SHARE_TOLERANCE) | (pl.col("off") > RELATIVE_TOLERANCE * pl.col("asked_share"))
    missed = ledger.filter(is_off).sort("off", descending=True)

    def of(row: Mapping[str, Any]) -> str:
        return f"`{row['corpus']}` of `{' '.join(str(row[key]) for key in keys)}`"

    n = ledger.select(keys).n_unique()
    note = f"{what} ({n:,}): "
    if repeated.height:
        most = repeated.row(0, named=True)
        note += (
            f"text was repeated for {repeated.height:,} of {ledger.height:,} shares, most {of(most)} "
            f"(read {most['times']:.2f} times). "
        )
    else:
        note += "no text was repeated. "
    if missed.height:
        most = missed.row(0, named=True)
        return note + (
            f"{missed.height:,} of {ledger.height:,} shares are more than 1 percentage point or a tenth off, most "
            f"{of(most)}: {markdown.percent(most['asked_share'])} asked, {markdown.percent(most['share'])} given."
        )
    largest = 0.0 if math.isnan(worst := float(ledger["off"].max() or 0)) else worst
    return note + f"No share is off by more than {100 * largest:.2f} percentage points."
