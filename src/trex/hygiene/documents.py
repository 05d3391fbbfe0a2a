"""Facts about documents, from those held out: a hash chose them, so they are an unbiased sample, already on disk."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from trex.hygiene.noise import KINDS, Noise
from trex.scripts import OTHER, SCRIPTS

SAMPLE_BYTES = 2_000_000
_GROUPS = 4  # row groups that are read, spread evenly over the file
QUANTILES = {"median": 0.5, "p90": 0.9, "p99": 0.99}
_MOST_CHARACTERS = 100_000  # of a document that are looked at
_BEGINNING = 1000  # characters of a document that say which script it is in
_FEWEST_LETTERS = 20  # in them
OWN_LETTERS = 0.25  # with fewer of its own script, a text is of another: a Chinese one may name many programs
_SCRIPT_SHARE = 0.001  # of a corpus's letters: no document is looked at for rarer scripts
_EXAMPLE = 40  # characters


def sample(path: str | Path, n_bytes: int = SAMPLE_BYTES) -> pl.Series:
    """About n_bytes of the documents in counts/{corpus}/held_out.parquet, spread evenly over it; at least one."""
    with pq.ParquetFile(path) as file:
        all_groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
        groups = {i: group for i, group in enumerate(all_groups) if group.num_rows}
        filled = list(groups)
        numbers = sorted({filled[round(i * (len(filled) - 1) / (_GROUPS - 1))] for i in range(_GROUPS)})
        rows = sum(groups[i].num_rows for i in numbers)
        total = sum(groups[i].column(0).total_uncompressed_size for i in numbers)
        every = max(math.ceil(total / n_bytes), 1)
        at_once = max(1, int(n_bytes * rows / max(total, 1)))
        taken, row = [], 0
        for batch in file.iter_batches(at_once, row_groups=numbers, columns=["text"]):
            texts = batch.column(0)
            taken.append(texts.take(pa.array(range(-row % every, len(texts), every), pa.int64())))
            row += len(texts)
    return pl.Series("text", pa.chunked_array(taken, pa.large_string()))


def document_facts(texts: pl.Series, scripts: Iterable[str], own: frozenset[str]) -> dict[str, Any]:
    """Of a sample of documents.

    scripts: that the corpus has; own: those of its language (`written_together`).

    documents, bytes: of the sample. sizes: bytes of a document at QUANTILES. repeated_lines: of the lines with text,
    the share that is the same as an earlier line of the sample; as the sample is small, repeats in the corpus are more.
    other_script: documents whose first letters are hardly any of its own scripts: share, script, example.
    noise: by the name of its kind: documents, characters (shares of the sample), example.
    """
    sizes = texts.str.len_bytes()
    texts = texts.str.slice(0, _MOST_CHARACTERS)
    return {
        "documents": len(texts),
        "bytes": int(sizes.sum()),
        "sizes": {name: int(sizes.quantile(q, "nearest") or 0) for name, q in QUANTILES.items()},
        "repeated_lines": _repeated_lines(texts),
        "other_script": _other_script(texts, scripts, own),
        "noise": {kind.name: _noise(texts, kind) for kind in KINDS},
    }


def _repeated_lines(texts: pl.Series) -> float:
    lines = texts.str.split("\n").explode().str.strip_chars()
    hashes = lines.filter(lines.str.len_bytes() > 0).hash()
    return 1 - hashes.n_unique() / len(hashes) if len(hashes) else 0.0


def _other_script(texts: pl.Series, scripts: Iterable[str], own: frozenset[str]) -> dict[str, Any]:
    looked_for = [script for script in SCRIPTS if script in {*scripts} | own]
    beginnings = texts.str.slice(0, _BEGINNING)
    table = pl.DataFrame({"letters": beginnings.str.count_matches(r"\p{L}")}).with_columns(
        beginnings.str.count_matches(rf"\p{{{script}}}").alias(script) for script in looked_for
    )
    table = table.with_row_index("row").filter(pl.col("letters") >= _FEWEST_LETTERS)
    in_own = pl.sum_horizontal(pl.lit(0), *(script for script in looked_for if script in own))
    wrong = table.filter(in_own < OWN_LETTERS * pl.col("letters")) if own - {OTHER} else table.clear()
    if wrong.is_empty():
        return {"share": 0.0, "script": "", "example": ""}
    others = wrong.select(script for script in looked_for if script not in own).sum()
    script = max(others.columns, key=lambda name: others[name].item(), default=OTHER)
    example = texts[wrong.select(pl.col("row").sort_by(in_own / pl.col("letters")).first()).item()]
    return {"share": len(wrong) / len(texts), "script": script, "example": _one_line(example)}


def _noise(texts: pl.Series, kind: Noise) -> dict[str, Any]:
    found = texts.filter(texts.str.contains(kind.pattern)).str.extract_all(kind.pattern)
    matches = pl.DataFrame({"match": found}).with_row_index("row").explode("match")
    for part in kind.parts:
        matches = matches.filter(pl.col("match").str.contains(part))
    return {
        "documents": matches["row"].n_unique() / max(len(texts), 1),
        "characters": int(matches["match"].str.len_chars().sum()) / max(int(texts.str.len_chars().sum()), 1),
        "example": _one_line(matches["match"][0]) if len(matches) else "",
    }


def _one_line(text: str) -> str:
    line = " ".join(text[: 4 * _EXAMPLE].split())
    return line[:_EXAMPLE] + "…" if len(line) > _EXAMPLE else line


def scripts_to_look_for(shares: dict[str, float]) -> Sequence[str]:
    return [script for script, share in shares.items() if share >= _SCRIPT_SHARE]
