"""Training tokenizers with superwords on mixtures: words of one index, then pieces of text of another."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from trex.bpe.model import BpeModel
from trex.bpe.superwords import Counted, TooFewTokens, train_superwords
from trex.bpe.training import BpeOptions, SuperwordLimits
from trex.counting.word_index import Slice, WordIndex
from trex.proxies.train import Trainer
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.sizes import transition_size

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, eq=False, kw_only=True)
class SuperwordTrainer(Trainer):
    """Trains tokenizers with superwords (`trex.bpe.superwords`) on slices of two indexes.

    Attributes:
        pieces: the pieces of the same corpora and evaluation sets, which tokens are counted on.
        pattern: that cuts the pieces, for finished tokenizers.
        share: of the merges to the last of vocab_sizes, those that are made on words, 0 to 1.
        pieces_bytes: the most text that pieces come from; None: as much as words do.
        word_shares: the mixture of words [k], if that of pieces alone is searched; None: words have that of pieces.
        limits: of tokens of several words.
    """

    pieces: WordIndex
    pattern: str = "superwords"
    share: float = 0.8
    pieces_bytes: int | None = None
    word_shares: np.ndarray | None = None
    limits: SuperwordLimits = field(default_factory=SuperwordLimits)

    def __post_init__(self) -> None:
        at = ["evaluation_set", "corpus"]
        if not self.pieces.evaluation_rows.select(at).equals(self.index.evaluation_rows.select(at)):
            raise ValueError("the indexes of words and of pieces have other evaluation sets or corpora")

    def finished(self, model: BpeModel) -> "Tokenizer":
        """Text is split into pieces alone."""
        return to_tokenizer(model, self.pattern, self.tokenizer["normalizer"])

    def _train(self, shares: np.ndarray, replicate: int, options: BpeOptions) -> tuple[BpeModel, Slice]:
        """Train on words of the mixture, or of word_shares, and on at most as much text in pieces of the mixture."""
        n_bytes = self._asked_bytes
        of_words = shares if self.word_shares is None else self.word_shares
        words = self.index.slice(of_words, n_bytes, replicate)
        pieces = self.pieces.slice(shares, min(n_bytes, self.pieces_bytes or n_bytes), replicate)
        vocab_size = self.vocab_sizes[-1]
        transition = transition_size(vocab_size, self.share, len(options.special_tokens))
        self._check_memory(self.index, words.counts, transition)
        self._check_memory(self.pieces, pieces.counts, vocab_size)
        try:
            [model] = train_superwords(
                Counted(self.index.words, words.counts),
                Counted(self.pieces.words, pieces.counts),
                vocab_size,
                [transition],
                replace(options, superwords=self.limits),
                evaluation=self.pieces.evaluation,
                workspace=self._workspace,
                count_uses=self.count_uses,
            )
        except TooFewTokens as few:
            asked = f"{vocab_size:,} tokens{f' of {self.needed_by}' if self.needed_by else ''}"
            raise ValueError(
                f"{words.n_bytes:,} bytes of text give only {few.got:,} tokens from words, and pieces begin at "
                f"{transition:,}, as tokenizer.superwords.from is {self.share:g} of the merges to {asked}: use more "
                "text, a smaller vocabulary or a smaller `from`"
            ) from few
        return model, words if self.word_shares is None else pieces
