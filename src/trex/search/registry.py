"""The search strategies that a config can name. A new one is entered here.

Strategies import what is slow to import only when they run, as rules look at this table, too. The closed form
`matched` (`trex.search.strategies.matched`) is not in it: it belongs to every search space, as others start from it.
"""

from trex.search.strategies.adaptive import Adaptive
from trex.search.strategies.direct import Direct
from trex.search.strategies.paper import Paper
from trex.search.strategies.surrogate import Surrogate
from trex.search.strategy import Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    strategy.name: strategy for strategy in (Paper, Surrogate, Adaptive, Direct)
}
