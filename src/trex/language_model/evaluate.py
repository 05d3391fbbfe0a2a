"""Bits of whole documents under a model.

A document is read in windows. Where it is longer than one, the next window begins half a context later and only its new
tokens count, so that every token is predicted from half a context or more, or from the document's beginning. Every
token counts once, the border that ends the document included.

Bits are those of the encoding that the tokenizer gives, as the model is trained and used. The model also gives
probability to other splits of the same text, and their sum would be a little larger, so this is an upper bound of the
text's information. Chirkova et al. 2023 (arXiv 2306.17757) estimate the sum for language models: mostly less than 0.5 %
of the bits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from trex.language_model.model import Parameters, losses
from trex.language_model.shape import Shape
from trex.language_model.text import Documents
from trex.language_model.train import PADDING, for_each_seed

SHORT = 4  # windows of at most 1 / SHORT of the context are computed apart, so that short texts are not mostly padding


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one length.

    tokens: int32 [n, length + 1]. from_: int64 [n], the first target that counts. document: int64 [n].
    """

    tokens: np.ndarray
    from_: np.ndarray
    document: np.ndarray


def windows(documents: Documents, border: int, context: int) -> list[Windows]:
    """Of all documents: those that are short, and the rest, padded."""
    rows: list[tuple[np.ndarray, int, int]] = []
    stride = max(context // 2, 1)
    for d in range(len(documents)):
        ids = np.concatenate([[border], documents.document(d), [border]]).astype(np.int32)
        targets, done, begin = len(ids) - 1, 0, 0
        while done < targets:
            end = min(begin + context, targets)
            rows.append((ids[begin : end + 1], done - begin, d))
            done, begin = end, begin + stride
    short = max(context // SHORT, 1)
    lengths = [short, context] if short < context else [context]
    dealt: list[Windows] = []
    for length, least in zip(lengths, [0, *lengths], strict=False):
        some = [row for row in rows if least < len(row[0]) - 1 <= length]
        tokens = np.full((len(some), length + 1), PADDING, dtype=np.int32)
        for i, (ids, _, _) in enumerate(some):
            tokens[i, : len(ids)] = ids
        from_, document = (np.array([row[at] for row in some], dtype=np.int64) for at in (1, 2))
        dealt.append(Windows(tokens, from_, document))
    return dealt


def make_measure(
    shape: Shape, possible: np.ndarray, window_tokens: int, attention: str | None = None
) -> Callable[[Parameters, list[Windows], int], np.ndarray]:
    """A function that measures models: (parameters with a first axis for seeds, windows, number of documents)
    -> bits of every document, float64 [seeds, documents].

    possible: bool [rows], what a document may hold. window_tokens: tokens that are computed at once.
    """
    allowed = jnp.asarray(possible)

    def nats(parameters: Parameters, tokens: jax.Array, from_: jax.Array) -> jax.Array:
        counts = jnp.arange(tokens.shape[1] - 1) >= from_[:, None]
        return jnp.where(counts, losses(parameters, tokens, allowed, attention), 0).sum(axis=1)

    of_all: dict[int, Callable] = {}

    def measure(parameters: Parameters, dealt: list[Windows], n: int) -> np.ndarray:
        seeds = len(parameters["embedding"])
        if seeds not in of_all:
            of_all[seeds] = jax.jit(for_each_seed(nats, (0, None, None), seeds))
        bits = np.zeros((seeds, n))
        waiting = []
        for some in dealt:
            rows = max(1, window_tokens // (some.tokens.shape[1] - 1))
            for first in range(0, len(some.tokens), rows):
                taken = slice(first, first + rows)
                tokens = np.full((rows, some.tokens.shape[1]), PADDING, dtype=np.int32)
                from_ = np.zeros(rows, dtype=np.int32)
                k = len(some.document[taken])
                tokens[:k], from_[:k] = some.tokens[taken], some.from_[taken]
                waiting.append((some.document[taken], k, of_all[seeds](parameters, tokens, from_)))
        for document, k, values in waiting:  # all were sent to the device before the first is asked for
            for s in range(seeds):
                np.add.at(bits[s], document, np.asarray(values[s, :k], dtype=np.float64) / np.log(2))
        return bits

    return measure
