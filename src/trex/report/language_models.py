"""The page and the figures about small language models: bits per byte with each tokenizer."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import polars as pl
from matplotlib import rc_context
from matplotlib.figure import Figure

from trex.language_model.budgets import EQUAL_BYTES, EQUAL_COMPUTE
from trex.layout import CHOSEN
from trex.report import markdown
from trex.report.figures import CHOSEN_COLOR, COLORS, GREY, MARKERS, ROW_HEIGHT, STYLE
from trex.report.language_model_sentence import BUDGETS, labels, sentence

FEW = 10  # documents
_EXPLAINED = {
    EQUAL_BYTES: "Every model reads the whole text once, however many tokens that makes.",
    EQUAL_COMPUTE: "Every model gets the same number of floating-point operations, output embedding and attention "
    "included, so a tokenizer that needs more tokens sees less text.",
}


def write_language_models(
    table: pl.DataFrame,
    about: Mapping[str, Mapping[str, Any]],
    check: Mapping[str, Any],
    budget: Mapping[str, Any],
) -> str:
    """The page, in Markdown.

    table: of `trex.language_model.compare`. about: `jobs.Trained.about` of one model a row. check: the config's section
    language_model.check. budget: of `jobs.equal_flops`.
    """
    said = sentence(table) or "Only one row was trained, so nothing can be compared."
    least, most = (f"{of(row['parameters'] for row in about.values()) / 1e6:.2g}" for of in (min, max))
    sizes = least if least == most else f"{least} to {most}"
    seeds, asked, read = check["seeds"], check["bytes"], budget["bytes"]
    lines = [
        f"Transformers of depth {check['depth']} ({sizes} million parameters, "
        f"embeddings included), {seeds} seed{'s' if seeds > 1 else ''} each, on {markdown.size(read)} of text",
        f"(`language_model.check.bytes` asks for {markdown.size(asked)})" if read < 0.95 * asked else "",
        "that no document measured here is in. *Bits per byte*: what a model needs to encode a document, its end "
        "included, divided by the document's bytes; smaller is better. A document's first token is predicted from a "
        "border.",
        "The intervals are 95 %, each by itself, over seeds and documents, and paired: all rows have the same seeds, "
        "the same order of documents and the same documents to encode."
        if seeds > 1
        else "One seed gives no intervals.",
        "What is said here holds for models and texts of this size.",
        "Rows with several names make the same tokens of all this text, and one model a seed stands for all of them."
        if budget["same"]
        else "",
    ]
    intro = markdown.paragraph(" ".join(filter(None, lines)))
    parts = ["# Language models", said, intro]
    for key, words in BUDGETS.items():
        parts += [f"## At {words}", _EXPLAINED[key]]
        if key == EQUAL_COMPUTE:
            parts[-1] += f" The budget is {budget['flops']:.2g} operations."
        for (evaluation_set,), rows in table.filter(budget=key).group_by(
            ["evaluation_set"], maintain_order=True
        ):
            parts += [f"### On `{evaluation_set}`", _measured_on(rows), _rows_table(rows, about)]
            parts.append(_corpora_table(rows))
    return "\n\n".join(parts) + "\n"


def beside_recipes(table: pl.DataFrame) -> list[dict[str, Any]]:
    """What the pages about recipes show of every row, on the first evaluation set: name, parameters, bytes_per_token,
    and of each budget bits_{budget} and gain_{budget}: value, low, high against the first row, whose gain is None.

    table: of `trex.language_model.compare`.
    """
    first = table.filter(evaluation_set=table["evaluation_set"][0])
    shown = labels(first)
    names, found = list(shown), []
    for name in names:
        rows = first.filter(row=name)
        per_byte = rows.filter(budget=EQUAL_BYTES, metric="tokens_per_byte")["value"].mean()
        of = {"name": shown[name], "bytes_per_token": 1 / per_byte}
        of["parameters"] = int(rows.filter(budget=EQUAL_BYTES, metric="parameters")["value"].item())
        for budget in BUDGETS:
            here = rows.filter(budget=budget)
            of[f"bits_{budget}"] = here.filter(metric="bpb_macro")["value"].item()
            gains = (
                here.filter(metric="gain_macro", against=names[0]).select("value", "low", "high").to_dicts()
            )
            of[f"gain_{budget}"] = gains[0] if gains else None
        found.append(of)
    return found


def recipes_section(table: pl.DataFrame) -> str:
    """The section of recipes.md."""
    of_rows = beside_recipes(table)
    first = of_rows[0]["name"]
    cells = [
        (
            of["name"],
            f"{of['parameters']:,}",
            f"{of['bytes_per_token']:.2f}",
            *(
                cell
                for budget in BUDGETS
                for cell in (
                    f"{of[f'bits_{budget}']:.4f}",
                    _fewer(of[f"gain_{budget}"]) if of[f"gain_{budget}"] else "–",
                )
            ),
        )
        for of in of_rows
    ]
    of_budgets = (
        cell for words in BUDGETS.values() for cell in (f"bits per byte at {words}", f"fewer than {first}")
    )
    intro = markdown.paragraph(
        "Small language models trained with the tokenizers, all on the same text, and measured on the same documents. "
        f"Differences are from {first}: above 0 is fewer bits per byte, and better. Intervals are 95 %, each by "
        "itself, over seeds and documents. Bytes are those of the first recipe's text. "
        "[language_models.md](language_models.md) has every corpus and says what this can show."
    )
    shown = markdown.table(("read as", "parameters", "bytes a token", *of_budgets), cells)
    return "\n\n".join(filter(None, ("## Language models", sentence(table), intro, shown)))


def _reference(rows: pl.DataFrame) -> str:
    """The row that gains are counted from: the chosen mixture's, or the first."""
    names = rows["row"].unique(maintain_order=True).to_list()
    return CHOSEN if CHOSEN in names else names[0]


def _measured_on(rows: pl.DataFrame) -> str:
    """rows: of one budget and evaluation set."""
    first = rows.filter(row=rows["row"][0])
    documents, n_bytes = (first.filter(metric=metric)["value"] for metric in ("documents", "bytes"))
    said = (
        f"{int(documents.sum()):,} documents, {markdown.size(int(n_bytes.sum()))}, "
        f"{' to '.join(f'{int(n):,}' for n in sorted({documents.min(), documents.max()}))} a corpus."
    )
    if documents.min() < FEW:
        said += (
            f" Fewer than {FEW} documents of a corpus say little about others: raise "
            "`language_model.check.evaluation_bytes`. Where a corpus has one document there is no interval."
        )
    return said


def _rows_table(rows: pl.DataFrame, about: Mapping[str, Mapping[str, Any]]) -> str:
    reference = _reference(rows)

    def value(row: str, metric: str) -> float:
        return rows.filter(row=row, metric=metric)["value"].item()

    cells = []
    for row, shown in labels(rows).items():
        gain = rows.filter(row=row, metric="gain_macro", against=reference).to_dicts()
        per_byte = rows.filter(row=row, metric="tokens_per_byte")["value"].mean()
        cells.append(
            (
                shown,
                f"{about[row]['vocab_size']:,}",
                f"{1 / per_byte:.2f}",
                f"{value(row, 'bpb_macro'):.4f}",
                f"{value(row, 'bpb_worst'):.4f}",
                _fewer(gain[0]) if gain else "–",
                f"{value(row, 'information_capacity'):.4f}",
            )
        )
    header = (
        "row", "V", "bytes a token", "bits per byte, mean of corpora", "worst corpus", f"fewer bits than `{reference}`",
        "information capacity",
    )  # fmt: skip
    return markdown.table(header, cells)


def _corpora_table(rows: pl.DataFrame) -> str:
    reference = _reference(rows)
    names = labels(rows)
    gains = rows.filter(metric="gain", against=reference)
    cells = []
    for corpus, bpb in rows.filter(metric="bpb", row=reference).select("corpus", "value").iter_rows():
        others = [
            _fewer(gains.filter(row=row, corpus=corpus).row(0, named=True))
            for row in names
            if row != reference
        ]
        cells.append((f"`{corpus}`", f"{bpb:.4f}", *others))
    header = (
        "corpus",
        f"`{reference}`, bits per byte",
        *(f"{shown}, fewer bits" for row, shown in names.items() if row != reference),
    )
    return markdown.table(header, cells)


def _fewer(gain: Mapping[str, Any]) -> str:
    if gain["low"] is None:
        return markdown.gain(gain["value"])
    return (
        f"{markdown.gain(gain['value'])} ({markdown.signed(gain['low'])} to {markdown.signed(gain['high'])})"
    )


# --- Figures ----------------------------------------------------------------------------------------------


def _color(row: str, names: Sequence[str]) -> str:
    """names: of all rows, so that a row has one colour in all figures."""
    return CHOSEN_COLOR if row == CHOSEN else COLORS[_place(row, names) % len(COLORS)]


def _place(row: str, names: Sequence[str]) -> int:
    return [name for name in names if name != CHOSEN].index(row)


def bits_figure(table: pl.DataFrame) -> Figure:
    """What each row needs more or less than the chosen one, on the first evaluation set, with intervals."""
    first = table.filter(evaluation_set=table["evaluation_set"][0])
    reference = _reference(first)
    shown = labels(first)
    names = [row for row in shown if row != reference]
    with rc_context(STYLE):
        figure = Figure(figsize=(7, 0.8 + 0.3 * max(len(names), 1)))
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (budget, words) in zip(axes, BUDGETS.items(), strict=True):
            gains = first.filter(budget=budget, metric="gain_macro", against=reference)
            for i, row in enumerate(names):
                value, low, high = gains.filter(row=row).select("value", "low", "high").row(0)
                if low is not None:
                    ax.plot([low, high], [i, i], color=_color(row, list(shown)), linewidth=1.2)
                ax.plot([value], [i], "o", color=_color(row, list(shown)), markersize=4)
            ax.axvline(0, color=CHOSEN_COLOR, linewidth=1)
            ax.set_title(f"at {words}")
            ax.set_xlabel(f"% fewer bits per byte than {reference}")
        axes[0].set_yticks(range(len(names)), [_wrapped(shown[row]) for row in names])
        axes[0].set_ylim(max(len(names), 1) - 0.5, -0.5)
    return figure


def curves_figure(
    curves: Mapping[tuple[str, int], pl.DataFrame],
    about: Mapping[str, Mapping[str, Any]],
    shown: Mapping[str, str],
) -> Figure:
    """The loss of every training, in nats a token, against the operations spent; dashed where the rate falls.

    shown: the rows for people, by `labels`.
    """
    names = list(about)
    with rc_context(STYLE):
        figure = Figure(figsize=(7, max(3.2, 0.6 + ROW_HEIGHT * len(names))))
        ax = figure.subplots()
        for (row, _), curve in curves.items():
            flops = about[row]["flops_per_token"]
            trunk = curve.filter(pl.col("budget").is_null())
            look = _look(row, names)
            ax.plot(trunk["tokens"] * flops, trunk["nats"], **look)
            numbered = curve.with_row_index()  # a fall comes after the part of the trunk that it leaves
            for _, fall in numbered.drop_nulls("budget").group_by(["budget"], maintain_order=True):
                before = numbered.filter(pl.col("budget").is_null(), pl.col("index") < fall["index"].min())
                line = pl.concat([before.tail(1), fall])
                ax.plot(line["tokens"] * flops, line["nats"], **look, linestyle="--")
        for row in names:
            ax.plot([], [], **_look(row, names), label=_wrapped(shown[row]))
        ax.plot([], [], color=GREY, linestyle="--", label="the learning rate falls")
        ax.set_xlabel("floating-point operations")
        ax.set_ylabel("loss, nats a token")
        figure.legend(loc="outside right upper")
    return figure


def _wrapped(label: str) -> str:
    return fill(label.replace("`", ""), 26)


def _look(row: str, names: Sequence[str]) -> dict[str, Any]:
    """Of a line; where there are more rows than colours, marks distinguish those of one colour."""
    again = 0 if row == CHOSEN else _place(row, names) // len(COLORS)
    marks = {"marker": MARKERS[again - 1], "markevery": 0.1, "markersize": 3.5} if again else {}
    return {"color": _color(row, names), "linewidth": 0.9, **marks}
