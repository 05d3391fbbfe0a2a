"""What a training gives: vocabulary, merges, and the tokens of evaluation text at every vocabulary size."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np

from trex.bpe.byte_alphabet import Alphabet


@dataclass(frozen=True)
class BpeModel:
    """A trained byte-level BPE vocabulary, with the token counts of the evaluation words.

    special_tokens: they have the ids 0, 1, ... in order. spellings: bytes of every other token by id (specials
    that no bytes can spell are empty). steps int32 [n, 3]: (a, b, new) token ids in order of training.
    vocab_before int32 [n]: vocabulary size when the step was taken. alphabet: how tokens are written.
    """

    special_tokens: tuple[str, ...]
    spellings: tuple[bytes, ...]
    steps: np.ndarray
    vocab_before: np.ndarray
    alphabet: Alphabet
    _eval_bytes: np.ndarray = field(repr=False)  # int64 [columns]
    # int64 [tokens, columns]: how often each was made, and so a token saved
    _made: np.ndarray = field(repr=False)
    # int64 [tokens]: the same of training text; None: not counted
    _made_in_training: np.ndarray | None = field(default=None, repr=False)

    @property
    def vocab_size(self) -> int:
        return len(self.spellings)

    @cached_property
    def vocab(self) -> dict[str, int]:
        """Token as `tokenizers` spells it -> id."""
        n = len(self.special_tokens)
        vocab = {token: i for i, token in enumerate(self.special_tokens)}
        for i in range(n, len(self.spellings)):
            vocab[self.alphabet.spell(self.spellings[i])] = i
        return vocab

    @cached_property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """Merges by rank."""
        return [(self.spellings[a], self.spellings[b]) for a, b, _ in self.steps.tolist()]

    def steps_at(self, vocab_size: int) -> int:
        """How many steps the training for a smaller vocabulary takes."""
        smallest = int(self.vocab_before[0]) if len(self.vocab_before) else self.vocab_size
        if not smallest <= vocab_size <= self.vocab_size:
            raise ValueError(
                f"vocabulary size {vocab_size} is not between {smallest} (alphabet and specials) and "
                f"{self.vocab_size} (what was trained)"
            )
        return int(np.searchsorted(self.vocab_before, vocab_size))

    def cut(self, vocab_size: int) -> Self:
        """What the training for a smaller vocabulary gives."""
        n = self.steps_at(vocab_size)
        steps, before = self.steps[:n], self.vocab_before[:n]
        return replace(self, spellings=self.spellings[:vocab_size], steps=steps, vocab_before=before)

    def token_counts(self, vocab_size: int | None = None) -> np.ndarray:
        """int64 [columns]: tokens of each evaluation column when encoded with the vocabulary of the given size
        (default: the whole)."""
        n = len(self.steps) if vocab_size is None else self.steps_at(vocab_size)
        return self._eval_bytes - self._made[self.steps[:n, 2]].sum(axis=0)

    def made(self, columns: np.ndarray) -> np.ndarray:
        """int64 [vocab_size]: how often the evaluation text of some columns had each entry when it was made. Later
        merges may have taken some of these. columns: bool [columns]."""
        return self._made @ columns.astype(np.int64)

    @property
    def made_in_training(self) -> np.ndarray:
        """The same of the training text. ValueError if it was not counted."""
        if self._made_in_training is None:
            raise ValueError("the uses of entries in training text were not counted; train with count_uses")
        return self._made_in_training

    def uses(self, made: np.ndarray, vocab_size: int) -> np.ndarray:
        """int64 [vocab_size]: how often a text has each entry when it is encoded with the vocabulary of the given size.

        made: of that text, how often it had each entry when it was made.
        """
        left = made.copy()
        a, b, new = self.steps[: self.steps_at(vocab_size)].T
        np.subtract.at(left, a, made[new])
        np.subtract.at(left, b, made[new])
        return left[:vocab_size]
