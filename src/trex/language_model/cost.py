"""What a tokenizer's compression means for a language model's training and serving.

Reading a token takes 2 floating-point operations for each parameter that is multiplied, training on it 6 (Kaplan et al.
2020, arXiv 2001.08361). The parameters of the blocks and of the output layer (V * width) are multiplied. The input
embedding is looked up, as in `trex.language_model.shape`. Attention, which grows with the context, is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Run:
    """A language model's training run, and its serving.

    parameters: without embeddings. width: of the hidden state, and so of an embedding. tied_embeddings: whether input
    and output share theirs. training_bytes [k]: of every corpus. context: tokens. peak_flops: operations a second of
    one GPU. utilisation: the part of peak_flops that is reached. served_tokens: tokens read or written in use for each
    token of training, of the same corpora. generated_share: of these, the part that is written and needs the output
    layer.
    """

    parameters: float
    width: int
    tied_embeddings: bool
    training_bytes: np.ndarray
    context: int
    peak_flops: float
    utilisation: float
    served_tokens: float = 0.0
    generated_share: float = 1.0

    @classmethod
    def from_config(cls, settings: Mapping, corpora: Sequence[str]) -> "Run":
        """From the section `language_model` of the config; a single amount is split evenly between the corpora."""
        given = settings["training_bytes"]
        if isinstance(given, Mapping):
            n_bytes = np.array([given.get(corpus, 0) for corpus in corpora], float)
        else:
            n_bytes = np.full(len(corpora), given / len(corpora))
        others = {key: settings[key] for key in cls.__dataclass_fields__ if key in settings}
        return cls(**(others | {"training_bytes": n_bytes}))


@dataclass(frozen=True)
class Cost:
    """Of a run with one tokenizer: tokens and floating-point operations of training, parameters with embeddings,
    operations of serving, GPU hours of both, and bytes of training text that fit in one context window."""

    tokens: float
    parameters: float
    flops: float
    serving_flops: float
    gpu_hours: float
    serving_gpu_hours: float
    context_bytes: float

    @property
    def total_flops(self) -> float:
        return self.flops + self.serving_flops

    @property
    def all_gpu_hours(self) -> float:
        return self.gpu_hours + self.serving_gpu_hours


def cost(run: Run, bytes_per_token: np.ndarray, vocab_size: int) -> Cost:
    """What the run costs with a tokenizer of this vocabulary size and these bytes per token of every corpus [k].

    >>> run = Run(9e9, 2000, False, np.array([4e12]), 8192, 1e15, 0.5)
    >>> cost(run, np.array([4.0]), 500_000).tokens, cost(run, np.array([4.0]), 500_000).flops
    (1000000000000.0, 6e+22)
    """
    tokens = float((run.training_bytes / bytes_per_token).sum())
    embedding = vocab_size * run.width
    flops = 6 * (run.parameters + embedding) * tokens
    serving = 2 * (run.parameters + run.generated_share * embedding) * run.served_tokens * tokens
    return Cost(
        tokens=tokens,
        parameters=float(run.parameters + embedding * (1 if run.tied_embeddings else 2)),
        flops=flops,
        serving_flops=serving,
        gpu_hours=flops / (run.peak_flops * run.utilisation) / 3600,
        serving_gpu_hours=serving / (run.peak_flops * run.utilisation) / 3600,
        context_bytes=float(run.context * run.training_bytes.sum() / tokens),
    )
