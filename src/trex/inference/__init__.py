"""Mixture inference: what text an existing tokenizer was trained on, from its merges alone."""

from trex.inference.mixture import Inference, infer_mixture
from trex.inference.words import CorpusWords, count_words

__all__ = ["CorpusWords", "Inference", "count_words", "infer_mixture"]
