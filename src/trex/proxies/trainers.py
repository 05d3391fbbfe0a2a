"""The trainer of the kind of tokenizer that the config asks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trex.bpe.training import SuperwordLimits
from trex.counting.word_index import WordIndex
from trex.mixtures.baselines import resolve
from trex.proxies.extension import ExtensionTrainer
from trex.proxies.other_algorithms import AlgorithmTrainer
from trex.proxies.parity import Parity, ParityTrainer
from trex.proxies.superwords import SuperwordTrainer
from trex.proxies.train import Trainer
from trex.tokenizer.existing import load_existing
from trex.tokenizer.extend import kept_merges, load_base


def load_trainer(
    files: Any, params: Any, n_bytes: int | None, vocab_sizes: Sequence[int], **options
) -> Trainer:
    """The trainer of a rule, of the kind that its config's section `tokenizer` says.

    Args:
        files: the inputs of the rule: those that TRAINED_ON of the rules has: word_index, with superwords pieces_index,
            with a base base.
        params: of the rule: corpora, and the section tokenizer of a loaded config.
        n_bytes, vocab_sizes, options: attributes of `Trainer`.

    Raises:
        ValueError: the index is not whole, or not of these corpora.
    """
    kind, corpora = params.tokenizer, params.corpora
    index = WordIndex.load(files.word_index, corpora)
    common = (index, kind, n_bytes, vocab_sizes)
    if superwords := kind["superwords"]:
        words = superwords["word_mixture"]
        return SuperwordTrainer(
            *common,
            **options,
            pieces=WordIndex.load(files.pieces_index, corpora),
            pattern=superwords["pattern"],
            share=superwords["from"],
            pieces_bytes=superwords["bytes"],
            word_shares=None if words is None else resolve(words, corpora, index.available_bytes),
            limits=SuperwordLimits(superwords["max_words"], superwords["barriers"].encode()),
        )
    if kind["base"]:
        base = load_base(load_existing(str(files.base), Path.cwd()), kept_merges(kind["keep"]))
        return ExtensionTrainer(*common, **options, base=base)
    if parity := kind["parity"]:
        ratio = parity["ratio"] and [parity["ratio"][corpus] for corpus in corpora]
        return ParityTrainer(*common, **options, parity=Parity(**{**parity, "ratio": ratio}))
    if kind["algorithm"] != "bpe":
        return AlgorithmTrainer(*common, **options)
    return Trainer(*common, **options)
