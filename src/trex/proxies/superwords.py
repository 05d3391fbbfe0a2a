"""Training tokenizers with superwords on mixtures: words of one index, then pieces of text of another."""

from dataclasses import dataclass, field, replace

import numpy as np

from trex.bpe.model import BpeModel
from trex.bpe.superwords import Counted, train_superwords, transition_size
from trex.bpe.training import BpeOptions, SuperwordLimits
from trex.counting.word_index import Slice, WordIndex
from trex.proxies.train import Trainer


@dataclass(frozen=True, eq=False, kw_only=True)
class SuperwordTrainer(Trainer):
    """Trains tokenizers with superwords (`trex.bpe.superwords`) on slices of two indexes.

    Attributes:
        pieces: the pieces of the same corpora and evaluation sets, which compression is measured on.
        share: of the merges that are made on words, 0 to 1.
        pieces_bytes: the most text that pieces come from; None: as much as words do.
        word_shares: the mixture of words [k], if that of pieces alone is searched; None: words have that of pieces.
        limits: of tokens of several words.
    """

    pieces: WordIndex
    share: float = 0.8
    pieces_bytes: int | None = None
    word_shares: np.ndarray | None = None
    limits: SuperwordLimits = field(default_factory=SuperwordLimits)

    @property
    def evaluated(self) -> WordIndex:
        """The index that has the evaluation text as the tokenizer splits it."""
        return self.pieces

    def _model(self, text: Slice, options: BpeOptions, shares: np.ndarray, replicate: int) -> BpeModel:
        """Train on a slice's words, or on those of word_shares, and on as much text in pieces of the mixture."""
        n_bytes = self.n_bytes or int(self.index.available_bytes.sum())
        words = text if self.word_shares is None else self.index.slice(self.word_shares, n_bytes, replicate)
        pieces = self.pieces.slice(shares, min(n_bytes, self.pieces_bytes or n_bytes), replicate)
        vocab_size = self.vocab_sizes[-1]
        transition = transition_size(vocab_size, self.share, len(options.special_tokens))
        self._check_memory(self.index, words.counts, transition)
        self._check_memory(self.pieces, pieces.counts, vocab_size)
        [model] = train_superwords(
            Counted(self.index.words, words.counts),
            Counted(self.pieces.words, pieces.counts),
            vocab_size,
            [transition],
            replace(options, superwords=self.limits),
            evaluation=self.pieces.evaluation,
            workspace=self._workspace,
        )
        return model
