"""Training tokenizers on mixtures: a slice of the word index, its BPE, and how that compresses every evaluation set."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trex.bpe.byte_alphabet import ALPHABETS
from trex.bpe.memory import training_bytes
from trex.bpe.model import BpeModel
from trex.bpe.training import BpeOptions, Workspace, train_flat
from trex.counting.word_index import Slice, WordIndex
from trex.memory import memory_left
from trex.proxies.tables import nsl_array
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.sizes import RARE

if TYPE_CHECKING:
    from tokenizers import Tokenizer

log = logging.getLogger(__name__)

# The columns that say which training a row is of.
Key = Mapping[str, str | int | None]


@dataclass(frozen=True, eq=False)
class Trained:
    """A tokenizer trained on a mixture.

    compression: tokens of every evaluation set and corpus at every vocabulary size: evaluation_set, corpus, vocab_size,
    tokens, bytes, words, characters, reference_tokens, nsl. ledger: of `word_index.Slice`. uses: by vocab_size, how
    often entries are used: of `Trainer._uses`; None unless asked for. All begin with the columns of the key.
    """

    key: Key
    model: BpeModel
    compression: pl.DataFrame
    ledger: pl.DataFrame
    uses: pl.DataFrame | None = None

    @property
    def shares(self) -> np.ndarray:
        """The shares that it was given. [k]"""
        return self.ledger["share"].to_numpy()


@dataclass(frozen=True, eq=False)
class Trainer:
    """Trains tokenizers on slices of a word index: plain BPE. Subclasses train the other kinds of the config's section
    `tokenizer` (`trex.proxies.trainers`).

    Attributes:
        index: the words of all corpora.
        tokenizer: the config's section of that name: its keys special_tokens, min_frequency, max_token_length and
            alphabet; pattern and normalizer too, to build finished tokenizers.
        n_bytes: S; None: all the text.
        vocab_sizes: at which compression is measured, rising; trained to the last.
        needed: the size that the text must give; where it ends before the last, compression is measured as far as it
            goes. None: the last.
        needed_by: the config keys that ask for that size, for the error if the text does not give it.
        count_uses: also count how often entries are used.
    """

    index: WordIndex
    tokenizer: Mapping[str, Any]
    n_bytes: int | None
    vocab_sizes: Sequence[int]
    needed: int | None = None
    needed_by: str = ""
    count_uses: bool = False
    _workspace: Workspace = field(default_factory=Workspace, init=False)  # makes the second training faster

    def train(self, shares: np.ndarray, replicate: int = 0, key: Key | None = None) -> Trained:
        """Train on shares [k]. ValueError if the text does not give a vocabulary of the size asked for."""
        options = BpeOptions(
            self.tokenizer["special_tokens"],
            self.tokenizer["min_frequency"],
            self.tokenizer["max_token_length"],
            alphabet=ALPHABETS[self.tokenizer["alphabet"]],
        )
        model, text = self._train(shares, replicate, options)
        vocab_size, got = self.vocab_sizes[-1], model.vocab_size + self.outside
        needed = self.needed or vocab_size
        if got < needed:
            keys = f" by {self.needed_by}" if self.needed_by else ""
            limits = {key: getattr(options, key) for key in ("min_frequency", "max_token_length")}
            also = " and ".join(f"tokenizer.{key} {value}" for key, value in limits.items() if value)
            raise ValueError(
                f"{text.n_bytes:,} bytes of text give only {got:,} of the {needed:,} tokens asked for{keys}"
                f"{f' with {also}' if also else ''}: use more text or a smaller vocabulary"
            )
        what = " ".join(str(value) for value in (key or {}).values()) or "tokenizer"
        log.info("%s: %d tokens from %d bytes", what, got, text.n_bytes)
        if got < vocab_size:
            log.warning("the text ends before the %d tokens that were tried", vocab_size)
        columns = [_literal(name, value) for name, value in (key or {}).items()]
        compression = self._compression(model).select(*columns, pl.all())
        uses = self._uses(model).select(*columns, pl.all()) if self.count_uses else None
        return Trained(key or {}, model, compression, text.ledger.select(*columns, pl.all()), uses)

    def finished(self, model: BpeModel) -> "Tokenizer":
        """The tokenizer of a model that this trainer trained: what `tokenizers` and `transformers` load."""
        return to_tokenizer(model, self.tokenizer["pattern"], self.tokenizer["normalizer"])

    @property
    def outside(self) -> int:
        """How many entries of a finished tokenizer the models have not: a size of the vocabulary counts them too."""
        return 0

    def _train(self, shares: np.ndarray, replicate: int, options: BpeOptions) -> tuple[BpeModel, Slice]:
        """A model and the text that shares [k] gave it."""
        text = self.index.slice(shares, self._asked_bytes, replicate)
        return self._on_words(text, self.vocab_sizes[-1], options), text

    @property
    def _asked_bytes(self) -> int:
        return self.n_bytes or int(self.index.available_bytes.sum())

    def _on_words(
        self, text: Slice, vocab_size: int, options: BpeOptions, start: BpeModel | None = None
    ) -> BpeModel:
        """Train on the words of a slice; start: of `train_flat`."""
        self._check_memory(self.index, text.counts, vocab_size)
        return train_flat(
            self.index.words,
            text.counts,
            vocab_size,
            options,
            evaluation=self.index.evaluation,
            workspace=self._workspace,
            count_uses=self.count_uses,
            start=start,
        )

    def _check_memory(self, index: WordIndex, counts: np.ndarray, vocab_size: int, more: int = 0) -> None:
        """ValueError if a training on these counts of an index's words, and so many more bytes, take more memory than
        there is."""
        words, evaluation = index.words, index.evaluation
        used = counts > 0
        used[evaluation.words] = True
        n_words, n_bytes = int(used.sum()), int(words.sizes[used].sum(dtype=np.int64))
        need = more + training_bytes(n_words, n_bytes, vocab_size, evaluation.n_columns)
        left, whose = memory_left()
        log.info("%s distinct words take %.2f GB of memory at most", f"{n_words:,}", need / 1e9)
        if need > left:
            raise ValueError(
                f"a training to {vocab_size:,} tokens on {n_words:,} distinct words of {n_bytes:,} bytes needs "
                f"{need / 1e9:.1f} GB of memory, and {whose} leaves {left / 1e9:.1f} GB. Give the job more memory "
                "(with SLURM --set-resources RULE:mem_mb=...), a larger machine or fewer jobs at a time (--cores), or "
                "train on less text (training.bytes, proxies.bytes)"
            )

    def _compression(self, model: BpeModel) -> pl.DataFrame:
        measures = ["evaluation_set", "corpus", "bytes", "words", "characters", "reference_tokens"]
        rows = self.index.evaluation_rows.select(measures)
        tables = [
            rows.with_columns(
                vocab_size=pl.lit(vocab_size, pl.Int64),
                tokens=pl.Series(model.token_counts(vocab_size - self.outside), dtype=pl.Int64),
            )
            for vocab_size in self._measured(model)
        ]
        return pl.concat(tables).select(
            "evaluation_set", "corpus", "vocab_size", "tokens", "bytes", "words", "characters", "reference_tokens",
            nsl=pl.col("tokens") / pl.col("reference_tokens"),
        )  # fmt: skip

    def _measured(self, model: BpeModel) -> list[int]:
        """The sizes that the text gave."""
        return [size for size in self.vocab_sizes if size <= model.vocab_size + self.outside]

    def _uses(self, model: BpeModel) -> pl.DataFrame:
        """By vocab_size: entries, without special tokens; rare, those that the training text has fewer than `RARE`
        times; unseen, those that the held-out text has not; last_merged, how often the training text had the last entry
        when it was made."""
        held_out = model.made((self.index.evaluation_rows["evaluation_set"] == "held_out").to_numpy())
        training = model.made_in_training
        plain = self._plain(model)
        rows = []
        for vocab_size in self._measured(model):
            size = vocab_size - self.outside
            entries = plain[:size]
            rows.append(
                {
                    "vocab_size": vocab_size,
                    "entries": int(entries.sum()),
                    "rare": int((model.uses(training, size)[entries] < RARE).sum()),
                    "unseen": int((model.uses(held_out, size)[entries] == 0).sum()),
                    "last_merged": int(training[size - 1]),
                }
            )
        return pl.DataFrame(rows)

    def _plain(self, model: BpeModel) -> np.ndarray:
        """bool [model.vocab_size]: which entries are no special tokens."""
        return np.arange(model.vocab_size) >= len(model.special_tokens)

    def train_batch(
        self,
        mixtures: Iterable[tuple[Key, np.ndarray]],
        use: Callable[[Trained], object] = lambda trained: None,
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Train on each of some mixtures.

        Args:
            mixtures: the key of each and its shares [k]; a key with `replicate` asks for that draw of text.
            use: is called with each trained tokenizer, which is not kept.

        Returns:
            (compression, ledger) of all, in order.
        """
        compression, ledgers = [], []
        for key, shares in mixtures:
            trained = self.train(shares, key.get("replicate", 0), key)
            compression.append(trained.compression)
            ledgers.append(trained.ledger)
            use(trained)
        return pl.concat(compression), pl.concat(ledgers)

    def nsl(self, shares: np.ndarray, evaluation_sets: Sequence[str], replicate: int = 0) -> np.ndarray:
        """NSL of one proxy on evaluation sets, at the last vocabulary size. [k] -> [sets, k]"""
        table = self.train(shares, replicate, {"name": "proxy"}).compression
        corpora = list(self.index.corpora)
        return nsl_array(table, ["name"], list(evaluation_sets), corpora, self.vocab_sizes[-1])[1][0]


def by_id(shares: Mapping[str, np.ndarray]) -> Iterable[tuple[Key, np.ndarray]]:
    """Mixtures [k] by id, as `Trainer.train_batch` takes them."""
    return (({"mixture_id": mixture_id}, mixture) for mixture_id, mixture in shares.items())


def _literal(name: str, value: str | int | None) -> pl.Expr:
    return pl.lit(value, pl.String if isinstance(value, str) else pl.Int64).alias(name)
