"""Tokens that reach over white space (SuperBPE, arXiv 2503.13423): BPE on words, then on longer pieces of text.

The finished tokenizer splits text into pieces alone and makes all merges by rank. So the second stage begins with
pieces as the first stage's merges encode them, whatever words the first stage saw.

All text has then had all merges in order, so a token still comes about by one split only, as `trex.bpe.merge_loop`
needs it: counts only fall, and one pass over evaluation text gives its tokens at every size of the vocabulary.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from trex.bpe.model import BpeModel
from trex.bpe.training import DEFAULT_OPTIONS, BpeOptions, SuperwordLimits, Workspace, train_flat
from trex.bpe.words import EvalCounts, FlatWords


class TooFewTokens(ValueError):
    """The words give fewer tokens than the transition asks for: got."""

    def __init__(self, got: int, transition: int):
        super().__init__(
            f"the words give {got:,} tokens, fewer than the {transition:,} of the transition: use more text or an "
            "earlier transition"
        )
        self.got = got


class Counted(NamedTuple):
    """Words, or pieces of text, and how often each occurs in training text: int64 [words]."""

    words: FlatWords
    counts: np.ndarray


def train_superwords(
    words: Counted,
    pieces: Counted,
    vocab_size: int,
    transitions: Sequence[int],
    options: BpeOptions = DEFAULT_OPTIONS,
    *,
    evaluation: EvalCounts | None = None,
    workspace: Workspace | None = None,
    count_uses: bool = False,
) -> list[BpeModel]:
    """A model for each transition, the size of the vocabulary at which words give way to pieces, from one first stage.

    evaluation: counts of the pieces in evaluation text. Every model has its tokens at every size of the vocabulary.
    Below the transition they are those of the first merges alone, on pieces. options.superwords limits tokens of
    several words (None: as SuperBPE does). count_uses: every model also knows how often the pieces have each entry.

    Raises ValueError if a transition is beyond vocab_size or below the alphabet, TooFewTokens if the words do not give
    that many tokens.
    """
    if not transitions or max(transitions) > vocab_size:
        raise ValueError(
            f"transitions {list(transitions)} must be sizes of a vocabulary of {vocab_size} tokens or less"
        )
    workspace = workspace or Workspace()
    first = train_flat(*words, max(transitions), replace(options, superwords=None), workspace=workspace)
    if first.vocab_size < max(transitions):
        raise TooFewTokens(first.vocab_size, max(transitions))
    second = replace(options, superwords=options.superwords or SuperwordLimits())
    return [
        train_flat(
            *pieces,
            vocab_size,
            second,
            evaluation=evaluation,
            workspace=workspace,
            count_uses=count_uses,
            start=first.cut(size),
        )
        for size in transitions
    ]
