"""What the jobs of the stage do: encode the text, agree on the budgets, train and measure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from trex.bpe.byte_alphabet import is_spelling, unspell
from trex.counting.normalize import normalized
from trex.language_model.budgets import EQUAL_BYTES, EQUAL_COMPUTE, segments, steps_of
from trex.language_model.documents import measured_documents
from trex.language_model.rows import RAW_BYTES, in_words, views_of
from trex.language_model.shape import Shape
from trex.language_model.text import (
    Documents,
    Vocabulary,
    bytes_of_documents,
    encode_documents,
    mixed_stream,
    of_bytes,
    of_proxy,
    of_tokenizer,
    shifted,
    stream,
)
from trex.layout import CHOSEN
from trex.tokenizer.encode import of_plain_text, vocabulary_size

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Key = tuple[str, str]  # (evaluation set, corpus)
BITS = {
    "budget": pl.String,
    "evaluation_set": pl.String,
    "corpus": pl.String,
    "document": pl.Int64,
    "bytes": pl.Int64,
    "tokens": pl.Int64,
    "bits": pl.Float64,
}
CURVE = {"step": pl.Int64, "tokens": pl.Int64, "budget": pl.String, "nats": pl.Float64}


# --- Encoding ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Encoded:
    """Text in one view. training, measured: columns ids, bytes; measured begins with evaluation_set, corpus, document.
    about: `ids`, `border` (None: the view has no id that no text has); of the training text `tokens`, `documents` and
    `bytes`; `sha256` of both texts' ids.
    """

    training: pa.Table
    measured: pa.Table
    about: dict[str, Any]


def encode_view(
    tokenizer: "Tokenizer | None",
    name: str,
    training: Sequence[str | Path],
    measured: Mapping[Key, str | Path],
    n_bytes: int,
    normalizer: str = "none",
) -> Encoded:
    """Encode the training text and the documents on which models are measured.

    Args:
        tokenizer: None: raw bytes. name: of the tokenizer, for errors.
        training: language_model/text/{corpus}.parquet. measured: evaluation documents; n_bytes: of each set and corpus.
        normalizer: nfc, nfkc or none, what the tokenizer may do to text; nothing else may be lost. Bytes are those of
            the text that is given, so that they are the same for all tokenizers.

    Raises:
        ValueError: the tokenizer loses text: bits of what is left cannot be compared.
    """
    texts = [text for path in training for text in pq.read_table(path)["text"].to_pylist()]
    if not texts:
        raise ValueError(
            "the language models have no text: language_model.training_bytes or language_model.check.bytes give none "
            "to any corpus"
        )
    chosen = {key: measured_documents(path, n_bytes) for key, path in measured.items()}
    flat = [text for documents in chosen.values() for text in documents]
    ids, border = 256, None
    if tokenizer is None:
        encoded, read = bytes_of_documents(texts), bytes_of_documents(flat)
    else:
        special = tokenizer.get_added_tokens_decoder()
        border = next((i for i, token in sorted(special.items()) if token.special), None)
        of_plain_text(tokenizer)
        encoded, read = encode_documents(tokenizer, texts), encode_documents(tokenizer, flat)
        ids = vocabulary_size(tokenizer)
        kept, _ = normalized(pa.array(texts + flat, pa.large_string()), normalizer)
        both = chain(encoded.each(), read.each())
        for document, text in zip(both, kept.to_pylist(), strict=True):
            if not _gives_back(tokenizer, document.tolist(), text):
                raise ValueError(
                    f"the tokenizer {name} does not give back the text that it encodes, such as {text[:40]!r}, so bits "
                    "per byte of its models cannot be compared; leave it out of language_model.check"
                )
    at = [(*key, i) for key, documents in chosen.items() for i in range(len(documents))]
    keys = {
        column: pa.array([row[k] for row in at])
        for k, column in enumerate(("evaluation_set", "corpus", "document"))
    }
    table = read.to_arrow()
    for column, values in reversed(keys.items()):
        table = table.add_column(0, column, values)
    about = {
        "ids": ids,
        "border": border,
        "tokens": int(encoded.tokens.sum()),
        "documents": len(encoded),
        "bytes": int(encoded.n_bytes.sum()),
    }
    digest = hashlib.sha256()
    for documents in (encoded, read):
        for array in (documents.starts, documents.ids):
            digest.update(np.ascontiguousarray(array))
    about["sha256"] = digest.hexdigest()
    return Encoded(encoded.to_arrow(), table, about)


def _gives_back(tokenizer: "Tokenizer", ids: list[int], text: str) -> bool:
    """Whether ids hold all of a text: by the tokenizer's decoder, if it has one, or by the bytes of its tokens."""
    if tokenizer.decode(ids, skip_special_tokens=False) == text:
        return True
    spelled = "".join(tokenizer.id_to_token(i) for i in ids)
    return is_spelling(spelled) and unspell(spelled) == text.encode()


# --- Budgets ----------------------------------------------------------------------------------------------


def vocabulary_of(row: str, views: Mapping[str, Mapping[str, Any]]) -> Vocabulary:
    """views: `Encoded.about` by view."""
    *_, last = views_of(row)
    if row == RAW_BYTES:
        return of_bytes()
    if last != row:
        return of_proxy(views[last]["ids"])
    return of_tokenizer(views[row]["ids"], views[row]["border"])


def shape_of(row: str, views: Mapping[str, Mapping[str, Any]], check: Mapping[str, Any]) -> Shape:
    return Shape(check["depth"], vocabulary_of(row, views).size, check["context"], check["tied_embeddings"])


def tokens_of(row: str, views: Mapping[str, Mapping[str, Any]], byte_share: float) -> float:
    """Ids of a pass over the training text, borders included; of two views, expected."""
    counts = [views[view]["tokens"] + views[view]["documents"] for view in views_of(row)]
    if len(counts) == 1:
        return float(counts[0])
    # where the view changes, both borders
    more = 2 * byte_share * (1 - byte_share) * views[views_of(row)[0]]["documents"]
    return byte_share * counts[0] + (1 - byte_share) * counts[1] + more


def equal_flops(
    rows: Sequence[str], views: Mapping[str, Mapping[str, Any]], check: Mapping[str, Any]
) -> dict[str, Any]:
    """What all rows can spend without reading a text twice: {flops, passes: of each row, same: of `same_models`, bytes:
    of the text}.

    Raises:
        ValueError: a row has too few steps; said here, before any model is trained.
    """
    shapes = {row: shape_of(row, views, check) for row in rows}
    tokens = {row: tokens_of(row, views, check["byte_share"]) for row in rows}
    passes = {row: shapes[row].training_flops * tokens[row] for row in rows}
    flops = min(passes.values())
    for row in rows:
        try:
            step_tokens = check["batch"] * check["context"]
            steps_of(round(tokens[row]), shapes[row].training_flops, flops, step_tokens)
        except ValueError as error:
            raise ValueError(f"{in_words(row)}: {error}") from None
    n_bytes = next(iter(views.values()))["bytes"]
    return {
        "flops": flops,
        "passes": passes,
        "same": same_models(rows, views),
        "bytes": n_bytes,
    }


def same_models(rows: Sequence[str], views: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Rows whose models would read the same ids as those of another one, and that one: the first, or the chosen row.
    A recommended baseline is one of them. Trained once more it would count twice among what is compared.

    >>> view = {"ids": 300, "border": 0, "sha256": "a"}
    >>> same_models(["uniform", "chosen", "natural"], {"uniform": view, "chosen": view, "natural": view | {"ids": 301}})
    {'uniform': 'chosen'}
    """
    found, first = {}, {}
    for row in sorted(rows, key=lambda row: row != CHOSEN):
        read = tuple(tuple(views[view][key] for key in ("ids", "border", "sha256")) for view in views_of(row))
        other = first.setdefault(read, row)
        if other != row:
            found[row] = other
    return found


# --- Training ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Trained:
    """bits: budget, evaluation_set, corpus, document, bytes, tokens, bits. curve: step, tokens, budget, nats (a token,
    mean of the steps since the row before); budget is null before the learning rate falls. about: numbers of the
    model. speed: `tokens_per_second`, `memory_bytes`, `device`: no two trainings have the same. A row that another one
    stands for has empty tables, about {same_as: that row}, and no speed."""

    bits: pl.DataFrame
    curve: pl.DataFrame
    about: dict[str, Any]
    speed: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def same_as(cls, row: str) -> "Trained":
        return cls(pl.DataFrame(schema=BITS), pl.DataFrame(schema=CURVE), {"same_as": row})


def train_row(
    row: str,
    seed: int,
    files: Mapping[str, tuple[str | Path, str | Path, Mapping[str, Any]]],
    flops: float,
    check: Mapping[str, Any],
    checkpoint: Path | None = None,
    budgets: Sequence[str] = (EQUAL_BYTES, EQUAL_COMPUTE),
    code: str = "",
) -> Trained:
    """Train one model and measure it after each budget. Imports JAX.

    Args:
        seed: of the initial parameters and the order of documents; the same for all rows.
        files: by view of the row, training and measured tokens and `Encoded.about`.
        flops: of the budget of equal compute.
        checkpoint: where a killed training of the same texts, by the same code, goes on from.
        budgets: those to measure at. code: what tells other code.
    """
    import jax

    from trex.language_model.evaluate import make_measure, windows
    from trex.language_model.train import CHUNK, Options, Training

    views = {view: about for view, (_, _, about) in files.items()}
    vocabulary, shape = vocabulary_of(row, views), shape_of(row, views, check)
    ids = _stream(
        row, {view: Documents.read(at) for view, (at, _, _) in files.items()}, vocabulary, check, seed
    )
    options = Options(check["batch"], check["learning_rate"], check["weight_decay"], (seed,))
    step_tokens = check["batch"] * check["context"]
    steps = steps_of(len(ids), shape.training_flops, flops, step_tokens)
    steps = {budget: steps[budget] for budget in budgets}
    measured_at = files[views_of(row)[0]][1]
    read = Documents.read(measured_at)
    dealt = windows(read, vocabulary.measured.border, check["context"])
    measure = make_measure(shape, vocabulary.measured.possible(shape.rows), step_tokens)
    training = Training(
        shape,
        options,
        [ids],
        segments(steps),
        np.arange(shape.rows) < vocabulary.size,
        checkpoint,
        repr((code, jax.__version__, [about["sha256"] for about in views.values()])),
    )
    progress = training.run(lambda state: {"bits": measure(state.parameters, dealt, len(read))})
    keys = pl.read_parquet(measured_at, columns=["evaluation_set", "corpus", "document", "bytes"])
    bits = pl.concat(
        [
            keys.with_columns(tokens=read.tokens, bits=progress.results[budget]["bits"][0]).select(
                pl.lit(budget).alias("budget"), pl.all()
            )
            for budget in steps
        ]
    )
    ends = [", ".join(segment.budgets) or None for segment in training.plan]
    curve = pl.DataFrame(
        [(int(at), int(at) * step_tokens, ends[int(segment)], nats) for segment, at, nats in progress.curve],
        schema=CURVE,
        orient="row",
    )
    device = jax.devices()[0]
    about = {
        "vocab_size": vocabulary.size,
        "parameters": shape.parameters,
        "flops_per_token": shape.training_flops,
        "reading_flops_per_token": shape.reading_flops,
        "training_tokens": len(ids),
        "steps": steps,
        "chunk": CHUNK,
    }
    speed = {
        "tokens_per_second": progress.steps * step_tokens / max(progress.seconds, 1e-9),
        "memory_bytes": _memory(device),
        "device": device.device_kind,
    }
    return Trained(bits, curve, about, speed)


def _stream(
    row: str, documents: Mapping[str, Documents], vocabulary: Vocabulary, check: Mapping[str, Any], seed: int
) -> np.ndarray:
    first, *rest = (documents[view] for view in views_of(row))
    if not rest:
        return stream(first, vocabulary, seed)
    assert vocabulary.other is not None
    compressed = shifted(rest[0], vocabulary.other.first)
    return mixed_stream(first, compressed, vocabulary, check["byte_share"], seed)


def _memory(device: Any) -> int:
    """The most that was in use: of the GPU, or of the process."""
    import resource

    of_device = (device.memory_stats() or {}).get("peak_bytes_in_use")
    return of_device or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
