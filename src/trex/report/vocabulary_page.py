"""The page about the vocabularies of the full-scale and existing tokenizers: gates, use, and whose words they have."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trex.report import by_corpus, markdown
from trex.validation.gate_names import FAILED, LEFT_OUT, PASSED, STOPS, WARNED, WARNINGS
from trex.validation.uses import ACTIVE_PER_MILLION, FEWEST_TOKENS, OWN_WORD_COUNT, SURVIVAL, USES

EXAMPLES = 6
LENGTH = 24  # characters of an example


@dataclass(frozen=True)
class Vocabularies:
    """What is known of the vocabularies of all tokenizers.

    gates, composition: of all tokenizers. entries, words: of the tokenizer `name`, whose entries the page shows.
    corpora: of the config, in order. trained: the full-scale tokenizers; waived: gates at which they may fail.
    kept: ids of the tokens of their base that stay; None without a base.
    """

    gates: pl.DataFrame
    composition: pl.DataFrame
    entries: pl.DataFrame
    words: pl.DataFrame
    name: str
    corpora: Sequence[str]
    trained: Sequence[str]
    waived: Sequence[str]
    kept: Collection[int] | None = None

    @property
    def tokenizers(self) -> list[str]:
        return self.gates["tokenizer"].unique(maintain_order=True).to_list()

    @property
    def distinct(self) -> list[str]:
        """`tokenizers` without a baseline that is recommended: it is the tokenizer `name` again."""
        of = {
            name: self.composition.filter(tokenizer=name).drop("tokenizer").sort(pl.exclude("value"))
            for name in self.tokenizers
        }
        again = [name for name in self.trained if name != self.name and of[name].equals(of[self.name])]
        return [name for name in of if name not in again]

    def metric(self, metric: str) -> dict[tuple[str, str | None], float]:
        """Values of a metric over all texts, by tokenizer and corpus (None: all)."""
        rows = self.composition.filter(pl.col("evaluation_set").is_null(), metric=metric)
        return {
            (name, corpus): v for name, corpus, v in rows.select("tokenizer", "corpus", "value").iter_rows()
        }

    def words_kept(self) -> dict[str, tuple[float, list[str]]]:
        """By corpus, the share of its frequent words that are one token, and the most frequent that are not."""
        found = {}
        for (corpus,), rows in self.words.group_by(["corpus"], maintain_order=True):
            cut = rows.filter(pl.col("tokens") > 1).sort("count", "word", descending=[True, False])
            found[corpus] = (rows["tokens"] == 1).mean(), cut["word"].unique(maintain_order=True).to_list()
        return found


def write_vocabulary(found: Vocabularies) -> str:
    """The page, in Markdown."""
    sections = (_gates, _noted, _use, _examples, _new_entries, _corpora)
    title = "# The vocabularies\n\n" + markdown.paragraph(
        f"`{found.name}` is the tokenizer of the recommended mixture. All numbers are of the test half of the "
        "evaluation text; validation/composition.parquet has them by evaluation set and corpus, and "
        "validation/tokenizers/*.vocabulary.parquet has every entry."
    )
    return "\n\n".join([title, *filter(None, (section(found) for section in sections))]) + "\n"


def _gates(found: Vocabularies) -> str:
    by_name = {
        (name, gate): (result, count)
        for name, gate, result, count in found.gates.select(
            "tokenizer", "gate", "result", "count"
        ).iter_rows()
    }

    def table(gates: Mapping[str, str], header: str) -> str:
        rows = [
            (
                f"`{gate}`",
                f"{about} (a failure is accepted)" if gate in found.waived else about,
                *(_result(gate, *by_name[name, gate]) for name in found.tokenizers),
            )
            for gate, about in gates.items()
        ]
        return markdown.table(("", header, *(f"`{name}`" for name in found.tokenizers)), rows, left=2)

    intro = markdown.paragraph(
        _verdict(found),
        "A failure that the config does not accept ends the run with an error. Text is expected back in the "
        "tokenizer's form of Unicode: one with NFC gives back NFC.",
    )
    warnings = "Warnings: what was found costs entries and breaks nothing."
    return f"## Gates\n\n{intro}\n\n{table(STOPS, 'a tokenizer that')}\n\n{warnings}\n\n{table(WARNINGS, 'number of')}"


def _verdict(found: Vocabularies) -> str:
    ours = found.gates.filter(pl.col("tokenizer").is_in(found.trained), result=FAILED)
    is_waived = pl.col("gate").is_in(found.waived)
    failed, waived = (
        rows["tokenizer"].unique(maintain_order=True).to_list()
        for rows in (ours.filter(~is_waived), ours.filter(is_waived))
    )
    gates = ours.filter(is_waived)["gate"].unique(maintain_order=True).to_list()
    accepted = (
        f"{markdown.names(waived)} failed at {markdown.names(gates)}, which the config accepts."
        if waived
        else ""
    )
    if failed:
        return f"**Not fit for use: {markdown.names(failed)}; see the gates that failed.** {accepted}".strip()
    if waived:
        return f"**{accepted}** The tokenizers of this run pass every other gate."
    return "The tokenizers of this run pass every gate."


def _result(gate: str, result: str, count: int | None) -> str:
    if result == LEFT_OUT or (result == PASSED and gate in STOPS):
        return result
    return f"**fail** ({count:,})" if result == FAILED else f"{count:,}"


def _noted(found: Vocabularies) -> str:
    """Examples of what was found, of our tokenizers where they failed and of the recommended one's warnings."""
    ours = found.gates.filter(
        ((pl.col("result") == FAILED) & pl.col("tokenizer").is_in(found.trained))
        | ((pl.col("result") == WARNED) & (pl.col("tokenizer") == found.name))
    )
    items = [
        f"`{gate}` of `{name}`: {', '.join(markdown.code(example) for example in examples[:EXAMPLES])}"
        for name, gate, examples in ours.select("tokenizer", "gate", "examples").iter_rows()
    ]
    return markdown.bullets(items) if items else ""


def _use(found: Vocabularies) -> str:
    rows = [
        (f"`{name}`", *(markdown.short_percent(found.metric(use)[name, None]) for use in USES))
        for name in found.tokenizers
    ]
    intro = markdown.paragraph(
        f"Entries of two bytes and more. *Active*: at least {ACTIVE_PER_MILLION} of a million tokens "
        f"({ACTIVE_PER_MILLION} times in a text of less than {FEWEST_TOKENS / 1e6:.0f} million). *Scaffold*: merged on "
        f"the way to longer entries, and less than {100 * SURVIVAL:.0f} % of the time left as they are. *Unseen*: not "
        "even that. *Rare*: the rest. The less text, the more is unseen: compare tokenizers, not runs."
    )
    return f"## How text uses the entries\n\n{intro}\n\n{markdown.table(('tokenizer', *USES), rows)}"


def _examples(found: Vocabularies) -> str:
    texts = found.entries.filter(pl.col("bytes") > 1).drop_nulls("text")
    # of each use what shows it best: much used, early (so expected to be used), much built
    by = {
        "active": ("count", True),
        "rare": ("id", False),
        "scaffold": ("built", True),
        "unseen": ("id", False),
    }
    items = []
    for use, (column, descending) in by.items():
        rows = (
            texts.filter(use=use).sort(column, descending=descending, maintain_order=True).head(2 * EXAMPLES)
        )
        if len(rows):
            items.append(f"{use}: {_shown(rows['text'])}")
    return f"Examples of `{found.name}` (· is a space):\n\n{markdown.bullets(items)}" if items else ""


def _new_entries(found: Vocabularies) -> str:
    """Of what was added to a base, what no text uses."""
    if found.kept is None:
        return ""
    new = found.entries.filter(~pl.col("id").is_in([*found.kept])).sort("id")
    idle = new.filter(count=0)
    on_the_way = len(idle.filter(pl.col("built") > 0))
    share = markdown.short_percent(len(idle) / max(len(new), 1))
    said = (
        f"Of the {len(new):,} entries that `{found.name}` has beside those of its base, {len(idle):,} ({share}) are no "
        f"token of this text; {on_the_way:,} of them are merged on the way to longer ones."
    )
    shown = _shown(idle.drop_nulls("text")["text"].head(4 * EXAMPLES))
    return f"## New entries\n\n{markdown.paragraph(said, f'The first are {shown}' if shown else '')}"


def _corpora(found: Vocabularies) -> str:
    owned, valid, pure = (found.metric(metric) for metric in ("owned", "valid", "pure"))
    kept = found.words_kept()
    shown = by_corpus.shown(found.corpora, np.array([owned.get((found.name, c), 0) for c in found.corpora]))
    rows = []
    for corpus in shown:
        own = found.entries.filter(corpus=corpus).filter(pl.col("bytes") > 1).drop_nulls("text")
        own = own.sort("count", "id", descending=[True, False]).head(EXAMPLES)
        share, cut = kept.get(corpus, (None, []))
        rows.append(
            (
                f"`{corpus}`",
                _shown(own["text"]),
                _shown(cut[:3]),
                *(f"{owned.get((name, corpus), 0):,.0f}" for name in found.tokenizers),
                _percent(share),
                _percent(valid.get((found.name, corpus))),
                _percent(pure.get((found.name, corpus))),
            )
        )
    has_pure = any(row[-1] != "–" for row in rows)
    header = (
        "corpus",
        "its entries, such as",
        "words cut",
        *(f"`{name}`" for name in found.tokenizers),
        "words kept",
        "valid words",
        "pure",
    )
    if not has_pure:
        header, rows = header[:-1], [row[:-1] for row in rows]
    intro = markdown.paragraph(
        "An entry is a corpus's own if that corpus has, by the byte, more of it than all others together, as a token "
        "or within one. The columns of tokenizers count such entries. *Words cut* and *words kept*: of the most "
        f"frequent words, up to 1,000, those that `{found.name}` cuts, and the share that are one token after a space. "
        "*Valid words* (%TR of TR-MMLU): share of the entries with letters in the corpus's text that are words of "
        f"validation.words, or, without a list, of the words that the text has {OWN_WORD_COUNT} times or more.",
        "*Pure*: that are in validation.morphemes." if has_pure else "",
    )
    note = by_corpus.note(found.corpora, f"the most entries of `{found.name}`")
    text = f"## Whose words they are\n\n{intro}\n\n{markdown.table(header, rows, left=3)}"
    return f"{text}\n\n{markdown.paragraph(note)}" if note else text


def _shown(texts: Sequence[str]) -> str:
    return " ".join(markdown.code(text[:LENGTH], spaces="·") for text in texts)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
