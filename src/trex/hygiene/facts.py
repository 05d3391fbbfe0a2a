"""Facts about a corpus from what counting left on disk, and warnings about what looks wrong."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from trex.hygiene.documents import document_facts, sample, scripts_to_look_for
from trex.hygiene.marks import cuts_words, mark_facts
from trex.hygiene.noise import KINDS
from trex.hygiene.words import LONG_RUN, word_facts
from trex.report.markdown import code, short_percent, size
from trex.report.text_caveats import MARKS
from trex.scripts import OF_CODE, written_together

# From these shares on there is a warning. Of 25 corpora of documentation, which are well kept, four have one: 21 % of
# Japanese and 25 % of Chinese text are Latin names of programs, as are 3 % of Greek and Chinese documents.
FOREIGN_CHARACTERS = 0.15  # in words of other scripts
FOREIGN_DOCUMENTS = 0.02
REPEATED_LINES = 0.1
IN_RUNS = 0.02
HEAVY_WORD = 0.1  # of the bytes: the heaviest word of well-kept text has 5 %
LONG_WORD = 10_000  # bytes
FEWEST_DOCUMENTS = 3  # of a sample: fewer are no sign

_SHORT_TOKENS = "`tokenizer.max_token_length` keeps long pieces out of the vocabulary"
MARK_BYTES = 200_000  # enough to see how many words marks cut


def corpus_facts(corpus: str, words: Path, ledger: Path, held_out: Path, pattern: str) -> dict[str, Any]:
    """What results/hygiene.json says of a corpus: counted, text, documents, marks and warnings.

    words, ledger, held_out: its files in counts/{corpus}/. pattern: the regex that made the words.

    counted: of all its documents, documents, bytes, duplicates and left_out (documents by reason). text: `word_facts`.
    documents: `document_facts`. marks: pattern, and `mark_facts` of a part of the sample. warnings: sentences, each
    with its kind.
    """
    text = word_facts(words)
    own = OF_CODE.get(corpus.rpartition("_")[2]) or written_together(text["scripts"])
    texts = sample(held_out)
    found = {
        "counted": _counted(pl.read_parquet(ledger)),
        "text": text,
        "documents": document_facts(texts, scripts_to_look_for(text["scripts"]), frozenset(own)),
        "marks": {"pattern": pattern, **mark_facts(_part(texts), pattern)},
    }
    warnings = [{"kind": kind, "text": said} for kind, said in _warnings(found, frozenset(own))]
    return {**found, "warnings": warnings}


def _part(texts: pl.Series) -> pl.Series:
    """About MARK_BYTES of a sample, spread evenly over it; of long documents the beginning."""
    texts = texts.str.slice(0, MARK_BYTES // 10)
    return texts.gather_every(max(int(texts.str.len_bytes().sum()) // MARK_BYTES, 1))


def _counted(ledger: pl.DataFrame) -> dict[str, Any]:
    read = ledger.filter(pl.col("split").is_in(["train", "held_out"]))
    rest = ledger.filter(~pl.col("split").is_in(["train", "held_out"]), pl.col("documents") > 0)
    return {
        "documents": int(read["documents"].sum()),
        "bytes": int(read["bytes"].sum()),
        "duplicates": int(ledger["duplicates"].sum()),
        "left_out": dict(
            rest.group_by("split", maintain_order=True).agg(pl.col("documents").sum()).iter_rows()
        ),
    }


def _warnings(found: Mapping[str, Any], own: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(kind, sentence) of each. own: scripts that the corpus should have."""
    text, documents = found["text"], found["documents"]
    yield from _script_warnings(text["scripts"], documents, own)
    if cuts_words(marks := found["marks"]):
        yield (
            MARKS,
            f"`tokenizer.pattern` cuts words at combining marks and joiners: {marks['words']:,} words of a sample, "
            f"where `multilingual` makes {marks['multilingual']:,}",
        )
    for kind in KINDS:
        noise = documents["noise"][kind.name]
        many = round(noise["documents"] * documents["documents"]) >= FEWEST_DOCUMENTS
        if (many and noise["documents"] >= kind.documents) or noise["characters"] >= kind.characters:
            yield (
                kind.name,
                f"{short_percent(noise['documents'])} of the documents, with {short_percent(noise['characters'])} of "
                f"the characters, have {kind.said}: {code(noise['example'])}",
            )
    if documents["repeated_lines"] >= REPEATED_LINES:
        yield (
            "repeated lines",
            f"{short_percent(documents['repeated_lines'])} of the sampled lines repeat an earlier one: boilerplate "
            "such as menus and banners, or documents that are nearly the same",
        )
    if text["in_runs"] >= IN_RUNS:
        run = text["longest_run"]
        yield (
            "runs",
            f"{short_percent(text['in_runs'])} of the characters are in runs of {LONG_RUN} or more equal ones, up to "
            f"{run['length']:,} times {code(run['character'], '␣')}; {_SHORT_TOKENS}",
        )
    if text["heaviest"] and text["heaviest"][0]["share"] >= HEAVY_WORD:
        word = text["heaviest"][0]
        yield (
            "heavy word",
            f"one word is {short_percent(word['share'])} of the text: {code(word['word'], '␣')}",
        )
    if text["longest"]["bytes"] >= LONG_WORD:
        longest = text["longest"]
        yield (
            "long words",
            f"a word has {size(longest['bytes'])}: {code(longest['word'], '␣')}; {_SHORT_TOKENS}",
        )


def _listed(scripts: frozenset[str]) -> str:
    *most, last = sorted(scripts)
    return f"{', '.join(most)} or {last}" if most else last


def _script_warnings(
    scripts: Mapping[str, float], documents: Mapping[str, Any], own: frozenset[str]
) -> Iterator[tuple[str, str]]:
    foreign = {script: share for script, share in scripts.items() if script not in own}
    if own and sum(foreign.values()) >= FOREIGN_CHARACTERS:
        most = max(foreign, key=foreign.__getitem__)
        yield (
            "script",
            f"{short_percent(foreign[most])} of the text is {most}, in a corpus that should be {_listed(own)}",
        )
    other = documents["other_script"]
    if (
        other["share"] >= FOREIGN_DOCUMENTS
        and round(other["share"] * documents["documents"]) >= FEWEST_DOCUMENTS
    ):
        yield (
            "script",
            f"{short_percent(other['share'])} of the documents are mostly {other['script']}: {code(other['example'])}",
        )
