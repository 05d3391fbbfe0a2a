"""The aggregate of an objective: one number from the NSL of every corpus, and its derivatives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from trex.objective.metrics import SHARPNESS, soft_worst, weighted, worst

AGGREGATES = ("macro", "pooled", "worst", "weighted", "soft_worst")
ABOUT_THE_WORST = ("worst", "soft_worst")  # the others are linear in the NSL


@dataclass(frozen=True, eq=False)
class Aggregate:
    """How the NSL of all corpora become the one number that a search minimises.

    Attributes:
        kind: one of AGGREGATES.
        weights: [k], not all zero; used by `weighted` alone. Traffic, or the tokens that a language model is going to
            be trained on, for example.
        sharpness: used by `soft_worst` alone.
    """

    kind: str
    weights: np.ndarray
    sharpness: float = SHARPNESS

    def __post_init__(self) -> None:
        if self.kind not in AGGREGATES:
            raise ValueError(
                f"the objective's aggregate is one of {', '.join(AGGREGATES)}; got {self.kind!r}"
            )
        if (self.weights < 0).any() or self.weights.sum() <= 0:
            raise ValueError(
                f"the objective's weights must be 0 or more, not all 0; got {self.weights.tolist()}"
            )
        if not self.sharpness > 0:
            raise ValueError(f"the objective's sharpness must be above 0; got {self.sharpness}")

    def value(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        """The aggregate on one evaluation set.

        Args:
            nsl: [..., k].
            reference_tokens: the set's tokens by the reference tokenizer, which `pooled` weighs by. [k]

        Returns:
            [...]
        """
        if self.kind == "worst":
            return worst(nsl)
        if self.kind == "soft_worst":
            return soft_worst(nsl, self.sharpness)
        return weighted(nsl, self.linear_weights(reference_tokens))

    def mean_over_sets(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        """Mean of the aggregate over evaluation sets. [..., sets, k], [sets, k] -> [...]"""
        values = [self.value(nsl[..., i, :], tokens) for i, tokens in enumerate(reference_tokens)]
        return np.mean(values, axis=0)

    def gradient(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        """Derivatives of `mean_over_sets` with respect to every NSL. [..., sets, k], [sets, k] -> [..., sets, k]

        They are 0 or more and add up to 1. Of worst it is a subgradient: all on the first corpus that is worst.
        """
        nsl = np.asarray(nsl, float)
        if self.kind == "worst":
            gradient = np.zeros_like(nsl)
            np.put_along_axis(gradient, nsl.argmax(axis=-1)[..., None], 1.0, axis=-1)
        elif self.kind == "soft_worst":
            gradient = np.exp(self.sharpness * (nsl - nsl.max(axis=-1, keepdims=True)))
            gradient /= gradient.sum(axis=-1, keepdims=True)
        else:
            gradient = np.broadcast_to(self.linear_weights(reference_tokens), nsl.shape)
        return gradient / len(reference_tokens)

    def linear_weights(self, reference_tokens: np.ndarray) -> np.ndarray | None:
        """v with value = sum_i v_i * nsl_i and sum 1, or None where the objective is not linear (worst, soft_worst).

        macro: 1/k; pooled: reference tokens / their sum; weighted: the weights / their sum.
        [k] -> [k], or for several evaluation sets [sets, k] -> [sets, k].
        """
        if self.kind in ABOUT_THE_WORST:
            return None
        tokens = np.asarray(reference_tokens, float)
        raw = {
            "macro": np.ones_like(tokens),
            "pooled": tokens,
            "weighted": self.weights + np.zeros_like(tokens),
        }
        v = raw[self.kind]
        return v / v.sum(axis=-1, keepdims=True)

    def average(self) -> Self:
        """Itself if it is an average over corpora, and macro where it is about the worst of them."""
        return replace(self, kind="macro") if self.kind in ABOUT_THE_WORST else self

    @classmethod
    def from_config(cls, objective_config: Mapping, corpora: Sequence[str]) -> Self:
        """The aggregate that the objective's section of the config asks for.

        Args:
            objective_config: {"aggregate": ..., "weights": {corpus: weight}, "sharpness": ...}; weights belong to
                `weighted` alone, and corpora they do not name get 0.
            corpora: the k corpus ids in the config's order.

        Raises:
            ValueError: for an unknown aggregate or corpus, or weights that are missing or would be ignored.
        """
        aggregate = objective_config["aggregate"]
        weights = objective_config.get("weights") or {}
        if unknown := sorted(set(weights) - set(corpora)):
            raise ValueError(
                f"objective weights name unknown corpora {unknown}; the config has {list(corpora)}"
            )
        if bool(weights) != (aggregate == "weighted"):
            raise ValueError(
                f"objective weights go with aggregate: weighted; got aggregate: {aggregate} and weights "
                f"{dict(weights)}"
            )
        values = [weights.get(corpus, 0.0) for corpus in corpora] if weights else np.ones(len(corpora))
        return cls(aggregate, np.array(values, float), objective_config.get("sharpness", SHARPNESS))
