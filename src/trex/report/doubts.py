"""What makes a result doubtful. Each of these heads the summary, whatever else it says."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from trex.counting.shards import MOST_ALIKE
from trex.objective.comparisons import is_loss
from trex.objective.constraints import SLACK
from trex.recipes.finished import GATES, LIMITS
from trex.report import markdown
from trex.report.results import Results
from trex.validation.gate_names import STOPS

# Shares are met to 1 % or one document. It is a doubt if more than MOST_OFF of them are further off than SHARE_OFF.
SHARE_OFF = 0.01
MOST_OFF = 0.1
DIGITS = 4  # mixtures that agree in all shares to so many are the same mixture
# Proxies whose objective differs by less than this, relatively, tell nothing about mixtures.
CONSTANT = 1e-5
# Measured tokenizers are never predicted this well: 1 - R2 of the best surface on real corpora is 0.001 and more.
EXACT = 1e-6


def doubts(results: Results) -> list[str]:
    """A few sentences for each reason not to believe the result, the gravest first; empty if all is well."""
    return [text for texts in doubts_by_kind(results).values() for text in texts]


def doubts_by_kind(results: Results) -> dict[str, list[str]]:
    """The same by what they are about."""
    return {
        GATES: list(_gates(results)),
        "proxies": [*_same_mixtures(results), *_fit(results)] if results.is_searched else [],
        "shares": list(_shares(results)),
        LIMITS: list(_limits(results)),
    }


def better_at_full_scale(results: Results) -> dict | None:
    """The row of `validation` about the best baseline of which the test half says that it is better at full scale than
    the recommended mixture. None if it says so of none, or has too few documents to say so."""
    if results.too_few_documents:
        return None
    gains = results.validation.filter(pl.col("against").is_in(results.trained), metric="gain_objective")
    better = [row for row in gains.iter_rows(named=True) if is_loss(row["value"], row["high"])]
    return min(better, key=lambda row: row["value"], default=None)


def gate_failures(results: Results, trained: Sequence[str], *, waived: bool) -> Iterator[str]:
    """`chosen` and `uniform` fail the gate `bytes` (a tokenizer that passes it has an entry for each of the 256 bytes)

    trained: names of the tokenizers. waived: the failures that the config accepts, or all others.
    """
    by_gate: dict[str, list[str]] = {}
    for name, gate in results.failed_gates(waived=waived):
        if name in trained:
            by_gate.setdefault(gate, []).append(name)
    for gate, names in by_gate.items():
        verb = "fail" if len(names) > 1 else "fails"
        yield f"{markdown.names(names)} {verb} the gate `{gate}` (a tokenizer that passes it {STOPS[gate]})"


def _gates(results: Results) -> Iterator[str]:
    for failure in gate_failures(results, results.trained, waived=False):
        yield f"**Not fit for use: {failure}.** vocabulary.md shows what was found."


def _same_mixtures(results: Results) -> Iterator[str]:
    asked = _distinct(results.mixtures.select(results.corpora))
    given = _distinct(results.proxy_shares.select(results.corpora))
    if given <= (1 - MOST_ALIKE) * asked:
        yield (
            f"**Only {given:,} of {asked:,} sampled mixtures differ in the text that they were given.** The proxies "
            "cannot show what the mixture does. Take larger proxies (`proxies.bytes`), or split the long "
            "documents of corpora that have few."
        )


def _fit(results: Results) -> Iterator[str]:
    used = results.metrics.filter("used").row(0, named=True)
    measured = results.predictions.filter(model=used["model"])["measured"]
    if len(measured) and measured.max() - measured.min() <= CONSTANT * abs(measured.mean()):
        yield (
            "**All sampled proxies measure the same objective**, to within 0.001 %. The regression had nothing to "
            "learn from, and the search is a guess."
        )
    elif used["r2"] is not None and used["r2"] > 1 - EXACT:
        yield (
            f"**The regression `{used['model']}` predicts proxies that it did not see without any error (R² = 1).** "
            "Measurements are never that regular: the proxies hardly differ, or the same ones are counted several "
            "times."
        )
    elif used["r2"] is None or not np.isfinite(used["r2"]) or used["r2"] <= 0:
        yield (
            f"**The regression `{used['model']}` predicts proxies no better than their mean (R² of "
            f"{markdown.score(used['r2'])}).** The searched mixtures are a guess; train more proxies "
            "(`proxies.count`)."
        )


def _shares(results: Results) -> Iterator[str]:
    ledgers = (
        ("the sampled proxies", results.training_ledger, "mixture_id"),
        ("the proxies of candidates and baselines", results.ledger, "name"),
        ("the full-scale tokenizers", results.full_scale_ledger, "name"),
    )
    for what, ledger, key in ledgers:
        if ledger is None:
            continue
        off = ledger.with_columns(off=(pl.col("share") - pl.col("asked_share")).abs())
        missed = off.filter(pl.col("off") > SHARE_OFF).sort("off", descending=True)
        if missed.height > MOST_OFF * ledger.height:
            most = missed.row(0, named=True)
            yield (
                f"**Of {what}, {missed.height:,} of {ledger.height:,} shares are more than 1 percentage point off "
                f"what was asked for**, most `{most['corpus']}` of `{most[key]}`: "
                f"{markdown.percent(most['asked_share'])} asked, {markdown.percent(most['share'])} given."
            )


def _limits(results: Results) -> Iterator[str]:
    violation = results.chosen["violation"] or 0.0
    if violation > SLACK:
        yield (
            f"**No mixture keeps the limits that the config sets.** `{results.choice['chosen']}` exceeds them least, "
            f"by {markdown.percent(violation)}. Loosen a limit, or name a baseline that keeps them."
        )


def _distinct(shares: pl.DataFrame) -> int:
    return shares.select(pl.all().round(DIGITS)).n_unique()
