"""The scales at which mixtures are compared, and how well one has to rank them. Light, as rules and pages use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trex.tokenizer.sizes import planned_size

# Spearman correlation with the full scale from which on a scale is said to rank mixtures well: the lowest that the
# paper (TREX, arXiv 2601.13588) reports between its scales is .974.
RANKS_WELL = 0.97


@dataclass(frozen=True)
class Scale:
    """Training bytes (None: all there are) and vocabulary size."""

    n_bytes: int | None
    vocab_size: int

    @property
    def name(self) -> str:
        return f"{self.n_bytes or 'all'}-{self.vocab_size}"


def scales(config: Mapping) -> list[Scale]:
    """Those of a loaded config: of the grid, the proxies and the full scale; smallest first, full scale last."""
    proxies, training = config["proxies"], config["training"]
    cells = {(cell["bytes"], cell["vocab_size"]) for cell in config["validation"]["grid"]}
    cells |= {(proxies["bytes"], proxies["vocab_size"])}
    full = (training["bytes"], planned_size(training))
    return [Scale(*cell) for cell in sorted(cells - {full})] + [Scale(*full)]


def grid_scales(config: Mapping) -> list[Scale]:
    """Those of a loaded config at which mixtures are trained for the grid: what the proxies do not measure."""
    proxies = config["proxies"]
    measured = {Scale(proxies["bytes"], size) for size in [proxies["vocab_size"], *proxies["vocab_grid"]]}
    return [scale for scale in scales(config) if scale not in measured]


def vocab_sizes(at: Sequence[Scale], n_bytes: int | None) -> list[int]:
    """The vocabulary sizes at one number of training bytes, rising: one training gives them all."""
    return sorted(scale.vocab_size for scale in at if scale.n_bytes == n_bytes)
