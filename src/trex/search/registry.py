"""The search strategies that a config can name. A new one is entered here.

Strategies import what is slow to import only when they run, as rules look at this table, too. The closed form
`matched` (`trex.search.strategies.matched`) is not in it: it belongs to every search space, as others start from it.
"""

from collections.abc import Iterable
from typing import Any

from trex.search.strategies.adaptive import Adaptive
from trex.search.strategies.direct import Direct
from trex.search.strategies.paper import Paper
from trex.search.strategies.surrogate import Surrogate
from trex.search.strategy import Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    strategy.name: strategy for strategy in (Paper, Surrogate, Adaptive, Direct)
}


def described(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Of some strategies what the pages say about them, by name: the attributes of `Strategy` that are the keys."""
    keys = ("note_labels", "trained_note", "needs")
    return {name: {key: getattr(STRATEGIES[name], key) for key in keys} for name in names}
