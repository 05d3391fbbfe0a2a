"""What the pages say about the vocabulary size: the one that is taken, why, and what others would cost and gain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from trex.report import markdown
from trex.tokenizer.sizes import FLAT, RARE, transition_size

# A text of which more entries than this part are rare is short for the vocabulary (Gowda and May 2020).
MOST_RARE = 0.05
ROWS = 10  # of the table by size, besides those that the sentence names


def other_trainings(config: Mapping[str, Any]) -> str:
    """Why this training does not say what other sizes would cost; empty if it does. config: a loaded one."""
    kind, size = config["tokenizer"], config["training"]["vocab_size"]
    if kind["algorithm"] != "bpe":
        return "Another size would be another training"
    if not (superwords := kind["superwords"]):
        return ""
    transition = transition_size(size, superwords["from"], len(kind["special_tokens"]))
    return (
        "With superwords, another size would be another training: smaller ones here are the beginning of this one, and "
        f"up to {transition:,} they have no superwords"
    )


def sentence(choice: Mapping[str, Any], other_trainings: str = "") -> str:
    """Which vocabulary size is taken, and why. choice: of `trex.language_model.vocab_size.choose`. other_trainings: of
    the function."""
    flat, vocab_size = choice["flat"], choice["vocab_size"]
    percent = f"{100 * FLAT:g} %"
    if choice["asked"] is None:
        if flat["low"] == flat["high"]:
            said = f"the language model of the config costs least there, and over {percent} more at the next sizes"
        else:
            said = (
                f"for the language model of the config, anything from {flat['low']:,} to {flat['high']:,} costs within "
                f"{percent} of the least, and the smallest is taken"
            )
        return " ".join([f"**V = {vocab_size:,}**: {said}.", *_ends(choice), *text_is_short(choice)])
    if other_trainings:
        said = f"{other_trainings}. To compare sizes, make each a recipe."
        return " ".join([f"V = {vocab_size:,}, as the config says. {said}", *text_is_short(choice)])
    compared = f"Of the sizes from {choice['smallest']:,} to {choice['largest']:,}"
    if flat["cheapest"] == choice["largest"]:
        said = "the largest costs the language model of the config least, so a larger vocabulary may cost it less still"
    elif choice["above"] <= FLAT:
        said = f"it costs the language model of the config within {percent} of the least"
    else:
        said = (
            f"{flat['cheapest']:,} costs the language model of the config least, and V costs "
            f"{markdown.percent(choice['above'])} more"
        )
    return " ".join([f"V = {vocab_size:,}, as the config says. {compared} {said}.", *text_is_short(choice)])


def advice(choice: Mapping[str, Any], other_trainings: str = "") -> Iterator[str]:
    """What to do next about a fixed size that costs more than another; as for `sentence`."""
    if choice["asked"] is None or other_trainings:
        return
    if choice["flat"]["cheapest"] == choice["largest"]:
        if choice["rare"] > MOST_RARE:
            return  # the text is short for this size already
        yield (
            "Try `training.vocab_size: auto`: of the vocabulary sizes up to this one, the largest costs the language "
            "model of the config least, so a larger one may cost less (details.md)."
        )
    elif choice["above"] > FLAT:
        yield (
            f"Try `training.vocab_size: {choice['flat']['low']}` or `auto`: it costs the language model of the config "
            "less (details.md)."
        )


def _ends(choice: Mapping[str, Any]) -> list[str]:
    """What to know where the flat region reaches an end of the sizes that were compared."""
    flat, said = choice["flat"], []
    if choice["largest"] < choice["largest_asked"]:
        said.append(
            f"The training text ends before {choice['largest_asked']:,}, the end of `training.vocab_range`: sizes "
            f"above {choice['largest']:,} could not be compared."
        )
    elif flat["cheapest"] == choice["largest"]:
        said.append("The cheapest size is the end of `training.vocab_range`; a larger one may cost less.")
    if flat["low"] == choice["smallest"]:
        said.append(
            "The region begins at the start of `training.vocab_range`; a smaller size may cost as little."
        )
    return said


def text_is_short(choice: Mapping[str, Any]) -> list[str]:
    """A sentence, if the training text is short for the vocabulary size; else none."""
    if choice["rare"] <= MOST_RARE:
        return []
    times = f"{choice['last_merged']:,.0f} times" if choice["last_merged"] > 1 else "once"
    rare = markdown.short_percent(choice["rare"])
    return [
        f"The training text is short for V = {choice['vocab_size']:,}: {rare} of the entries occur there fewer than "
        f"{RARE} times, and the last was merged when it had occurred {times}. More text may change what is best."
    ]


def section(
    choice: Mapping[str, Any],
    curve: pl.DataFrame,
    chosen: str,
    decides: str = "the best mixture on proxies",
    other_trainings: str = "",
) -> str:
    """Tables by vocabulary size. curve: of `choice/vocab_curve.parquet`. chosen: the recommended mixture. decides: what
    the mixture is whose curve decides; empty where one alone was trained. other_trainings: as for `sentence`."""
    of_decides = curve.filter(name=choice["decides"]).sort("vocab_size")
    flat = choice["flat"]
    sizes = of_decides["vocab_size"].to_list()
    shown = _shown(sizes, {choice["vocab_size"], *(flat[key] for key in ("cheapest", "low", "high"))})
    rows = [
        (
            f"**{row['vocab_size']:,}**"
            if row["vocab_size"] == choice["vocab_size"]
            else f"{row['vocab_size']:,}",
            markdown.gain(100 * row["above"]),
            f"{row['tokens'] / 1e12:,.4g}",
            f"{row['parameters'] / 1e9:,.3f}",
            markdown.size(row["context_bytes"]),
            markdown.short_percent(row["rare"] / row["entries"]),
            markdown.short_percent(row["unseen"] / row["entries"]),
            f"{row['last_merged']:,.0f}",
        )
        for row in of_decides.filter(pl.col("vocab_size").is_in(shown)).iter_rows(named=True)
    ]
    header = (
        "V",
        "cost",
        "tokens (10¹²)",
        "parameters (10⁹)",
        "text in a context",
        "rare",
        "unseen",
        "last merged",
    )
    intro = markdown.paragraph(
        sentence(choice, other_trainings),
        f"The curve is that of `{choice['decides']}`{f', {decides},' if decides else ''} measured on the selection "
        "half of `held_out`. *Cost*: operations of training and serving the model of `language_model`, above "
        "the least.",
        f"*Rare*: entries that the training text has fewer than {RARE} times as this vocabulary splits it; *unseen*: "
        "entries that the held-out text never has. *Last merged*: how often the training text had the last entry when "
        "it was made.",
        _by_others(choice),
    )
    parts = ("## The vocabulary size", intro, markdown.table(header, rows), _gains(curve, chosen, shown))
    return "\n\n".join(filter(None, parts))


def _by_others(choice: Mapping[str, Any]) -> str:
    lows = [flat["low"] for flat in choice["others"].values()]
    if choice["asked"] is not None or not lows:
        return ""
    curves = (
        "The curve of the other mixture gives"
        if len(lows) == 1
        else f"Those of {len(lows)} other mixtures give"
    )
    if min(lows) == max(lows):
        return f"{curves} {lows[0]:,}."
    return f"{curves} sizes from {min(lows):,} to {max(lows):,}."


def _shown(sizes: Sequence[int], always: set[int]) -> list[int]:
    """About `ROWS` of the sizes, spread evenly, and some that are always shown."""
    step = max(len(sizes) // ROWS, 1)
    return sorted({*sizes[::-step], *(size for size in always if size in sizes)})


def gains_by_size(curve: pl.DataFrame, chosen: str) -> pl.DataFrame:
    """By how many percent the chosen mixture's objective is below every other's: name, vocab_size, gain."""
    of_chosen = curve.filter(name=chosen).select("vocab_size", of_chosen="objective")
    return (
        curve.filter(pl.col("name") != chosen)
        .join(of_chosen, on="vocab_size", maintain_order="left")
        .select("name", "vocab_size", gain=100 * (1 - pl.col("of_chosen") / pl.col("objective")))
        .sort("vocab_size", maintain_order=True)
    )


def _gains(curve: pl.DataFrame, chosen: str, shown: Sequence[int]) -> str:
    gains = gains_by_size(curve, chosen)
    names = gains["name"].unique(maintain_order=True).sort().to_list()
    if not names:
        return ""
    at = {(name, size): gain for name, size, gain in gains.iter_rows()}
    rows = [
        (f"{size:,}", *(markdown.gain(at.get((name, size))) for name in names))
        for size in shown
        if any((name, size) in at for name in names)
    ]
    intro = markdown.paragraph(
        f"Gains of `{chosen}` in the objective by vocabulary size, at full scale on the selection half; a dash where "
        "the text gives no such vocabulary."
    )
    return f"{intro}\n\n{markdown.table(('V', *(f'`{name}`' for name in names)), rows)}"
