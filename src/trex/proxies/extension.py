"""Training more merges for an existing tokenizer on mixtures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trex.bpe.model import BpeModel
from trex.bpe.training import BpeOptions
from trex.counting.word_index import Slice
from trex.proxies.train import Trainer
from trex.tokenizer.extend import Base

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, eq=False, kw_only=True)
class ExtensionTrainer(Trainer):
    """Trains more merges after those of a base (`trex.tokenizer.extend`), on words as the base cuts them.

    A size of the vocabulary is that of the finished tokenizer: the tokens of the base that stay, special ones included,
    and the new ones.

    Attributes:
        base: the tokenizer to go on from.
    """

    base: Base

    def finished(self, model: BpeModel) -> "Tokenizer":
        """The base with the new merges; all else of it stays."""
        return self.base.to_tokenizer(model)

    @property
    def outside(self) -> int:
        """Special tokens of the base that no bytes spell."""
        return self.base.vocab_size - self.base.model.vocab_size

    def _train(self, shares: np.ndarray, replicate: int, options: BpeOptions) -> tuple[BpeModel, Slice]:
        text = self.index.slice(shares, self._asked_bytes, replicate)
        vocab_size = self.vocab_sizes[-1] - self.outside
        return self._on_words(text, vocab_size, options, self.base.model), text

    def _plain(self, model: BpeModel) -> np.ndarray:
        plain = np.ones(model.vocab_size, dtype=bool)
        plain[: len(self.base.ids)] = ~np.isin(self.base.ids, list(self.base.special_ids))
        return plain
