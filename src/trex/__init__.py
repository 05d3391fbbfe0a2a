"""TREX: the best training-data mixture for a multilingual tokenizer, found by regression on proxy tokenizers.

The names below are loaded on first use, so that importing one module does not pay for the others.
"""

from importlib import import_module

_HOME = {
    "WordCounter": "pretokenize",
    "count_words": "pretokenize",
    "BpeModel": "bpe",
    "train_bpe": "bpe",
    "WordIndex": "wordindex",
    "to_tokenizer": "tokenizer",
    "matched": "mixtures.baselines",
    "natural": "mixtures.baselines",
    "MixtureSampler": "mixtures.sampling",
    "tempered": "mixtures.baselines",
    "uniform": "mixtures.baselines",
    "Aggregate": "objective.aggregate",
    "fit_surface": "surfaces.fit",
    "load_surface": "surfaces.fit",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
