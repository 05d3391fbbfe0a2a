"""What language models say about the chosen mixture, or about recipes, in one sentence."""

import polars as pl

from trex.language_model.budgets import EQUAL_BYTES, EQUAL_COMPUTE
from trex.language_model.rows import in_words
from trex.layout import CHOSEN

BUDGETS = {EQUAL_BYTES: "equal bytes", EQUAL_COMPUTE: "equal compute"}


def sentence(table: pl.DataFrame) -> str | None:
    """The chosen row against `uniform`, or against the next row, at equal compute, in the mean of the corpora of the
    first evaluation set; without a chosen row, as of recipes, all rows against the first. None if there is no other.

    table: of `trex.language_model.compare`.
    """
    first = table.filter(budget=EQUAL_COMPUTE, evaluation_set=table["evaluation_set"][0])
    names = first["row"].unique(maintain_order=True).to_list()
    row = CHOSEN if CHOSEN in names else names[0]
    others = [name for name in names if name != row]
    if not others:
        return None
    if row != CHOSEN:
        return _against(first, row, others)
    other = "uniform" if "uniform" in others else others[0]
    value, low, high = (
        first.filter(row=row, against=other, metric="gain_macro").select("value", "low", "high").row(0)
    )
    parameters = first.filter(row=row, metric="parameters")["value"].item()
    model = f"language model of {parameters / 1e6:.2g} million parameters"
    if low is None:
        return (
            f"A {model} needs {abs(value):.2f} % {'fewer' if value > 0 else 'more'} bits per byte with {in_words(row)} "
            f"than with {in_words(other)} at equal compute, but one seed cannot tell that from noise."
        )
    numbers = f"{value:.2f} ± {(high - low) / 2:.2f} %"
    if low <= 0 <= high:
        return (
            f"No difference could be measured between {in_words(row)} and {in_words(other)} with a {model} at equal "
            f"compute: the first needs {numbers} fewer bits per byte."
        )
    numbers = f"{abs(value):.2f} ± {(high - low) / 2:.2f} %"
    return (
        f"A {model} needs {numbers} {'fewer' if value > 0 else 'more'} bits per byte with {in_words(row)} than with "
        f"{in_words(other)}, at equal compute (95 % interval)."
    )


def _against(first: pl.DataFrame, row: str, others: list[str]) -> str:
    """What can be told of other rows against one: each by itself. first: of one budget and evaluation set."""
    parameters = first.filter(row=row, metric="parameters")["value"].item()
    told: dict[str, list[str]] = {"fewer": [], "more": [], "": []}
    gains = first.filter(against=row, metric="gain_macro")
    if gains["low"].null_count():
        return f"One seed of each row cannot tell differences from {in_words(row)} from noise; train two or more."
    for other in others:
        value, low, high = gains.filter(row=other).select("value", "low", "high").row(0)
        if low <= 0 <= high:
            told[""].append(in_words(other))
        else:
            which = "fewer" if value > 0 else "more"
            told[which].append(f"{in_words(other)} ({abs(value):.2f} ± {(high - low) / 2:.2f} %)")
    parts = [f"{which} with {_listed(rows)}" for which, rows in told.items() if which and rows]
    if told[""]:
        parts.append(f"no difference could be measured with {_listed(told[''])}")
    return (
        f"Bits per byte of a language model of {parameters / 1e6:.2g} million parameters at equal compute, against "
        f"{in_words(row)}: {'; '.join(parts)} (95 % intervals, each by itself)."
    )


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
