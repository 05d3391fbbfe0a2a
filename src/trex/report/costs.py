"""What each search strategy cost: CPU time of its jobs, as Snakemake measured it, and the page about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trex.layout import proxy_batches, round_name
from trex.report import markdown

# strategies that run in jobs of their own and train the proxies that they need
ALONE = ("direct",)


@dataclass(frozen=True)
class Cost:
    """CPU seconds that a strategy took; None: not known.

    proxies: how many it trained. training: of these. regression: of fitting, comparing and choosing surfaces. search:
    of the strategy itself.
    """

    strategy: str
    proxies: int
    training: float | None
    regression: float | None
    search: float | None

    @property
    def total(self) -> float | None:
        parts = (self.training, self.regression, self.search)
        return None if None in parts else sum(parts)


def strategy_costs(
    config: Mapping[str, Any], seconds: Mapping[str, float], notes: Mapping[str, Mapping[str, float]]
) -> list[Cost]:
    """What every strategy of a config would have cost alone: what several share is counted for each of them.

    seconds: `results.cpu_seconds`. notes: of the search.
    """

    def total(*jobs: str) -> float | None:
        return sum(seconds[job] for job in jobs) if all(job in seconds for job in jobs) else None

    settings = config["proxies"]
    sampled = total(*(f"train_proxies/{batch}" for batch in proxy_batches(settings)))
    n_sampled = settings["count"] + len(settings["mixtures"])
    regression = total("fit_surfaces")
    costs = []
    for strategy in config["search"]["strategies"]:
        of_strategy = notes.get(strategy, {})
        if strategy in ALONE:
            whole = total(f"search_alone/{strategy}")
            costs.append(Cost(strategy, int(of_strategy.get("rounds", 0)), whole, 0.0, 0.0))
            continue
        search, proxies = total(f"search_mixture/{strategy}"), n_sampled
        if strategy == "adaptive":
            rounds = total(
                *(f"search_round/{round_name(number)}" for number in range(config["search"]["rounds"]))
            )
            search = None if search is None or rounds is None else search + rounds
            proxies += int(of_strategy.get("trained", 0))
        costs.append(Cost(strategy, proxies, sampled, regression, search))
    return costs


def write_costs(
    config: Mapping[str, Any], seconds: Mapping[str, float], notes: Mapping[str, Mapping[str, float]]
) -> str:
    """The page about what the searches cost, in Markdown; arguments as of `strategy_costs`. It is no part of the
    summary, since no two runs take the same time."""

    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:,.0f} s"

    rows = [
        (
            f"`{cost.strategy}`",
            f"{cost.proxies:,}",
            *map(shown, (cost.training, cost.regression, cost.search, cost.total)),
        )
        for cost in strategy_costs(config, seconds, notes)
    ]
    header = ("strategy", "proxies", "training them", "regression", "its own search", "total")
    intro = markdown.paragraph(
        "CPU seconds that each search strategy would have taken alone. Snakemake measures a job about every half a "
        "minute, so the numbers are a little too small. A strategy that uses the sampled proxies and the regression "
        "is charged for all of them; a strategy that trains its own proxies is charged for those. Reading and "
        "counting the text, which all strategies share, and measuring the candidates are left out."
    )
    return f"# What the searches cost\n\n{intro}\n\n{markdown.table(header, rows)}\n"
