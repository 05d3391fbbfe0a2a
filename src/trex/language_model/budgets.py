"""How long a model trains: on all bytes of the text, or with as much compute as every other model can spend.

One training serves both budgets. The learning rate rises, stays, and falls to 0 over the last part of a budget; the
part before the fall is the same for both (Haegele et al. 2024, arXiv 2405.18392: a constant rate and a cooldown do as
well as a cosine made for one length).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

EQUAL_BYTES, EQUAL_COMPUTE = "bytes", "compute"
WARM_UP = 0.05  # of the shortest budget, in which the learning rate rises
COOLDOWN = 0.2  # of a budget, in which it falls


@dataclass(frozen=True)
class Segment:
    """Steps of a training: `first` to `last` (excluded), in a fall to 0 that ends at `last` or before one.

    budgets: those that end with it. rates: float32 [last - first], the learning rate as a part of the highest.
    """

    first: int
    last: int
    budgets: tuple[str, ...]
    rates: np.ndarray


def steps_of(tokens: int, flops_per_token: float, equal_flops: float, step_tokens: int) -> dict[str, int]:
    """Steps of each budget.

    Args:
        tokens: of the text that all models read. flops_per_token: of training. step_tokens: of one step.
        equal_flops: that every model can spend without reading a text twice: the least of tokens * flops_per_token.

    Raises:
        ValueError: the text is too short for a single step's learning rate to rise and fall.
    """
    whole_text = -(-tokens // step_tokens)
    affordable = min(round(equal_flops / flops_per_token / step_tokens), whole_text)
    if affordable < 4:
        raise ValueError(
            f"{tokens:,} tokens of text, {min(affordable * step_tokens, tokens):,} of them at equal compute, make "
            f"{affordable} steps of {step_tokens:,} tokens; at least 4 are needed: raise language_model.check.bytes, "
            "or lower context or batch there"
        )
    return {EQUAL_BYTES: whole_text, EQUAL_COMPUTE: affordable}


def segments(steps: Mapping[str, int]) -> list[Segment]:
    """The parts of a training that ends once for each distinct number of steps, in the order in which they are run.

    A segment with budgets is a fall, after which training goes on from where it was before.
    """
    warm_up = max(1, round(WARM_UP * min(steps.values())))
    found, at = [], 0
    for end in sorted(set(steps.values())):
        begin = max(at, end - max(1, round(COOLDOWN * end)))
        rising = np.minimum(1, (np.arange(at, begin) + 1) / warm_up)
        falling = (
            np.minimum(1, (np.arange(begin, end) + 1) / warm_up) * np.linspace(1, 0, end - begin + 1)[:-1]
        )
        ended = tuple(budget for budget, n in steps.items() if n == end)
        found.append(Segment(at, begin, (), rising.astype(np.float32)))
        found.append(Segment(begin, end, ended, falling.astype(np.float32)))
        at = begin
    return found
