"""Parity-aware BPE in the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from trex.config.fields import Expects, Section


class Parity(Section):
    """Parity-aware BPE: every merge is the best pair of the corpus that compresses worst so far."""

    variant: Literal["base", "window"] = "base"
    """Whose turn it is: base (the corpus that compresses worst) or window (the same among those that had at most
    alpha / corpora of the last window_size turns)."""
    global_merges: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[float, Field(gt=0, lt=1)],
        Expects("a number of merges, or a share of all merges below 1, such as 0.5"),
    ] = 0
    """Merges that come first, by the counts of all corpora together: their number, or their share of all
    merges. 0 has none; more than that makes the hybrid variants."""
    development: str | None = "held_out"
    """Evaluation set on whose selection half corpora are compared: held_out or a set named in every corpus. null
    compares training text, by ratio."""
    compare: Literal["nsl", "tokens"] = "nsl"
    """What is compared of the development text: nsl, or the number of tokens, for the parallel set only."""
    ratio: (
        Annotated[
            dict[str, Annotated[float, Field(gt=0, description="Bytes per token, up to a common factor.")]],
            Expects("a mapping of every corpus to a number, such as {eng: 4.2, deu: 3.9}"),
        ]
        | None
    ) = None
    """Bytes per token of training text that each corpus is meant to have in relation to the others, if development is
    null. The reference's bytes per token ask for equal NSL."""
    window_size: int = Field(100, ge=1)
    """Turns that window looks back on."""
    alpha: float = Field(2.0, gt=0)
    """How often more than its equal part of the last turns a corpus may have had in window."""
