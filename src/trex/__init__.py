"""TREX: the best training-data mixture for a multilingual tokenizer, found by regression on proxy tokenizers.

The names below are the library that docs/library.md explains. They are loaded on first use, so that importing one
module does not pay for the others.
"""

from importlib import import_module

_HOME = {
    "WordCounter": "counting.pretokenize",
    "count_words": "counting.pretokenize",
    "PATTERNS": "counting.patterns",
    "train_bpe": "bpe.training",
    "SuperwordLimits": "bpe.training",
    "to_tokenizer": "tokenizer.build",
    "load_existing": "tokenizer.existing",
    "load_base": "tokenizer.extend",
    "fit_surface": "surfaces.fit",
    "CorpusWords": "inference.words",
    "infer_mixture": "inference.mixture",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
