"""What a tokenizer's compression means for a language model's training and serving.

With D tokens of training text and N parameters, embeddings included, training takes 6 N D floating-point operations
(Kaplan et al. 2020, arXiv 2001.08361, who leave the embeddings out; here a larger vocabulary costs something). Serving
is paid by the token as well: fewer tokens for the same text are cheaper, and a context window holds more text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Run:
    """A language model's training run.

    parameters: without embeddings. width: of the hidden state, and so of an embedding. tied_embeddings: whether input
    and output share theirs. training_bytes [k]: of every corpus. context: tokens. peak_flops: operations a second of
    one GPU. utilisation: the part of peak_flops that training reaches.
    """

    parameters: float
    width: int
    tied_embeddings: bool
    training_bytes: np.ndarray
    context: int
    peak_flops: float
    utilisation: float

    @classmethod
    def from_config(cls, settings: Mapping, corpora: Sequence[str]) -> "Run":
        """From the section `language_model` of the config; a single amount is split evenly between the corpora."""
        given = settings["training_bytes"]
        if isinstance(given, Mapping):
            n_bytes = np.array([given.get(corpus, 0) for corpus in corpora], float)
        else:
            n_bytes = np.full(len(corpora), given / len(corpora))
        others = {key: settings[key] for key in cls.__dataclass_fields__ if key != "training_bytes"}
        return cls(training_bytes=n_bytes, **others)


@dataclass(frozen=True)
class Cost:
    """Of a run with one tokenizer: tokens, parameters with embeddings, floating-point operations, GPU hours, and bytes
    of training text that fit in one context window."""

    tokens: float
    parameters: float
    flops: float
    gpu_hours: float
    context_bytes: float


def cost(run: Run, bytes_per_token: np.ndarray, vocab_size: int) -> Cost:
    """What the run costs with a tokenizer of this vocabulary size and these bytes per token of every corpus [k].

    >>> run = Run(9e9, 1000, False, np.array([4e12]), 8192, 1e15, 0.5)
    >>> cost(run, np.array([4.0]), 500_000).tokens, cost(run, np.array([4.0]), 500_000).flops
    (1000000000000.0, 6e+22)
    """
    tokens = float((run.training_bytes / bytes_per_token).sum())
    parameters = run.parameters + vocab_size * run.width * (1 if run.tied_embeddings else 2)
    flops = 6 * parameters * tokens
    return Cost(
        tokens=tokens,
        parameters=float(parameters),
        flops=flops,
        gpu_hours=flops / (run.peak_flops * run.utilisation) / 3600,
        context_bytes=float(run.context * run.training_bytes.sum() / tokens),
    )
