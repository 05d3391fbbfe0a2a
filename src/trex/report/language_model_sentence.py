"""What language models say about the chosen mixture, or about recipes, in one sentence."""

import polars as pl

from trex.language_model.budgets import EQUAL_BYTES, EQUAL_COMPUTE
from trex.language_model.rows import in_words
from trex.layout import CHOSEN

UNIFORM = "uniform"
BUDGETS = {EQUAL_BYTES: "equal bytes", EQUAL_COMPUTE: "equal compute"}


def labels(table: pl.DataFrame) -> dict[str, str]:
    """Every row for people, with the names of the rows that it stands for: "`chosen` = `uniform`".

    table: of `trex.language_model.compare`.
    """
    same = table.filter(metric="same_model").select("row", "against").unique(maintain_order=True).rows()
    return {
        row: " = ".join(map(in_words, [row, *(other for one, other in same if one == row)]))
        for row in table["row"].unique(maintain_order=True)
    }


def sentence(table: pl.DataFrame) -> str | None:
    """The chosen row against `uniform`, or against the next row, at equal compute, in the mean of the corpora of the
    first evaluation set; without a chosen row, as of recipes, all rows against the first. None if there is no other.

    table: of `trex.language_model.compare`.
    """
    first = table.filter(budget=EQUAL_COMPUTE, evaluation_set=table["evaluation_set"][0])
    names = first["row"].unique(maintain_order=True).to_list()
    row = CHOSEN if CHOSEN in names else names[0]
    others = [name for name in names if name != row]
    same = first.filter(row=row, metric="same_model")["against"].to_list()
    if row != CHOSEN and others:
        return _against(first, row, others)
    if same and (not others or (row == CHOSEN and UNIFORM in same)):
        other = UNIFORM if UNIFORM in same else same[0]
        return (
            f"The tokenizers {in_words(row)} and {in_words(other)} make the same tokens of the language models' text, "
            "so there is nothing to compare."
        )

    if not others:
        return None
    other = UNIFORM if UNIFORM in others else others[0]
    value, low, high = (
        first.filter(row=row, against=other, metric="gain_macro").select("value", "low", "high").row(0)
    )
    parameters = first.filter(row=row, metric="parameters")["value"].item()
    model = f"language model of {parameters / 1e6:.2g} million parameters"
    if low is None:
        return (
            f"A {model} needs {abs(value):.2f} % {'fewer' if value > 0 else 'more'} bits per byte with {in_words(row)} "
            f"than with {in_words(other)} at equal compute, but one seed, or one document of a corpus, cannot tell "
            "that from noise."
        )
    numbers = f"{abs(value):.2f} ± {(high - low) / 2:.2f} % {'fewer' if value > 0 else 'more'} bits per byte"
    if low <= 0 <= high:
        return (
            f"No difference could be measured between {in_words(row)} and {in_words(other)} with a {model} at equal "
            f"compute: the first needs {numbers}."
        )
    compared = f"with {in_words(row)} than with {in_words(other)}"
    return f"A {model} needs {numbers} {compared}, at equal compute (95 % interval)."


def _against(first: pl.DataFrame, row: str, others: list[str]) -> str:
    """What can be told of other rows against one: each by itself. first: of one budget and evaluation set."""
    parameters = first.filter(row=row, metric="parameters")["value"].item()
    shown = labels(first)
    told: dict[str, list[str]] = {"fewer": [], "more": [], "": []}
    gains = first.filter(against=row, metric="gain_macro")
    if gains["low"].null_count():
        few = "One seed of each row, or one document of a corpus"
        return f"{few}, cannot tell differences from {in_words(row)} from noise."
    for other in others:
        value, low, high = gains.filter(row=other).select("value", "low", "high").row(0)
        if low <= 0 <= high:
            told[""].append(shown[other])
        else:
            which = "fewer" if value > 0 else "more"
            told[which].append(f"{shown[other]} ({abs(value):.2f} ± {(high - low) / 2:.2f} %)")
    parts = [f"{which} with {_listed(rows)}" for which, rows in told.items() if which and rows]
    if told[""]:
        parts.append(f"no difference could be measured with {_listed(told[''])}")
    return (
        f"Bits per byte of a language model of {parameters / 1e6:.2g} million parameters at equal compute, against "
        f"{shown[row]}: {'; '.join(parts)} (95 % intervals, each by itself)."
    )


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
