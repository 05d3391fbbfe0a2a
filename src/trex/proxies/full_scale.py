"""The tokenizers at full scale: one of each finalist and draw of text, and a note in the place of all others."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from trex.files import read_json, write_json

if TYPE_CHECKING:
    from trex.counting.word_index import WordIndex

NOT_TRAINED = "not_trained"
# A draw of text is no second measurement if more than this part of its text is that of the first.
MOST_REPEATED = 0.5


def same_text(index: "WordIndex", mixtures: np.ndarray, n_bytes: int | None, draw: int) -> str | None:
    """Why no mixture is trained on a draw of text: most of it would be the text of the first draw, in the mean over all
    mixtures, so that all have the same draws. None if it is another text.

    mixtures: of all candidates and baselines. [n, k] n_bytes: of a training text; None: all.
    """
    if draw == 0:
        return None
    n_bytes = n_bytes or int(index.available_bytes.sum())
    repeated = float(np.mean([index.repeated(shares, n_bytes, draw) for shares in mixtures]))
    if repeated <= MOST_REPEATED:
        return None
    return (
        f"of draw {draw}, {100 * repeated:.0f} % would be the text of the first draw: the corpora have "
        f"{int(index.available_bytes.sum()):,} bytes for texts of {n_bytes:,}"
    )


def write_not_trained(why: str, name: str, path: str | Path) -> None:
    """A note in the place of a tokenizer: no tokenizer.json, so nothing loads it as one."""
    write_json({NOT_TRAINED: why, "mixture": name}, path)


def note_of(path: str | Path) -> str | None:
    """Why the file at `path` is no tokenizer; None if it is one."""
    return read_json(path).get(NOT_TRAINED)


# of `train.Trained`, with the columns of the key
COMPRESSION = {
    "name": pl.String,
    "draw": pl.Int64,
    "evaluation_set": pl.String,
    "corpus": pl.String,
    "vocab_size": pl.Int64,
    "tokens": pl.Int64,
    "bytes": pl.Int64,
    "words": pl.Int64,
    "characters": pl.Int64,
    "reference_tokens": pl.Int64,
    "nsl": pl.Float64,
}
USES = {
    "name": pl.String,
    "draw": pl.Int64,
    "vocab_size": pl.Int64,
    "entries": pl.Int64,
    "rare": pl.Int64,
    "unseen": pl.Int64,
    "last_merged": pl.Int64,
}
LEDGER = {
    "name": pl.String,
    "draw": pl.Int64,
    "corpus": pl.String,
    "asked_share": pl.Float64,
    "share": pl.Float64,
    "asked_bytes": pl.Float64,
    "given_bytes": pl.Int64,
    "shards": pl.Int64,
    "epochs": pl.Int64,
}
# of `validation.quality.encode_all`
DOCUMENTS = {
    "evaluation_set": pl.String,
    "corpus": pl.String,
    "document": pl.UInt32,
    "tokens": pl.Int64,
    "reference_tokens": pl.Int64,
}


def no_rows(schema: dict) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)
