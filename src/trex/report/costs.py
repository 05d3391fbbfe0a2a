"""What each search strategy cost: CPU time of its jobs, as Snakemake measured it, and the page about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trex.language_model.rows import in_words
from trex.layout import proxy_batches, round_name
from trex.report import markdown


@dataclass(frozen=True)
class SearchCost:
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
        seconds = (self.training, self.regression, self.search)
        return None if None in seconds else sum(seconds)


def strategy_costs(
    config: Mapping[str, Any],
    seconds: Mapping[str, float],
    notes: Mapping[str, Mapping[str, float]],
    strategies: Mapping[str, Mapping[str, Any]],
) -> list[SearchCost]:
    """What every strategy of a config would have cost alone: what several share is counted for each of them.

    seconds: `results.cpu_seconds`. notes: of the search. strategies: `trex.search.registry.described`.
    """

    def total(*jobs: str) -> float | None:
        return sum(seconds[job] for job in jobs) if all(job in seconds for job in jobs) else None

    settings = config["proxies"]
    sampled = total(*(f"train_proxies/{batch}" for batch in proxy_batches(settings)))
    n_sampled = settings["count"] + len(settings["mixtures"])
    regression = total("fit_surfaces")
    rounds = [f"search_round/{round_name(number)}" for number in range(config["search"]["rounds"])]
    costs = []
    for name in config["search"]["strategies"]:
        strategy = strategies[name]
        own = int(notes.get(name, {}).get(strategy["trained_note"], 0))
        if strategy["needs"] == "space":
            costs.append(SearchCost(name, own, total(f"search_alone/{name}"), 0.0, 0.0))
        else:
            search = total(f"search_on_surface/{name}", *(rounds if strategy["needs"] == "rounds" else []))
            costs.append(SearchCost(name, n_sampled + own, sampled, regression, search))
    return costs


def write_costs(
    config: Mapping[str, Any],
    seconds: Mapping[str, float],
    notes: Mapping[str, Mapping[str, float]],
    strategies: Mapping[str, Mapping[str, Any]],
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
        for cost in strategy_costs(config, seconds, notes, strategies)
    ]
    header = ("strategy", "proxies", "training them", "regression", "its own search", "total")
    intro = markdown.paragraph(
        "CPU seconds that each search strategy would have taken alone. Snakemake measures a job about every half a "
        "minute, so the numbers are a little too small. A strategy that uses the sampled proxies and the regression "
        "is charged for all of them; a strategy that trains its own proxies is charged for those. Reading and "
        "counting the text, which all strategies share, and measuring the candidates are left out."
    )
    return f"# What the searches cost\n\n{intro}\n\n{markdown.table(header, rows)}\n"


def write_costs_by_rule(seconds: Mapping[str, float]) -> str:
    """The same page of a run without a search: CPU time of all jobs up to this page, by rule.

    seconds: `results.cpu_seconds`.
    """
    by_rule: dict[str, list[float]] = {}
    for job, of_job in seconds.items():
        by_rule.setdefault(job.split("/")[0], []).append(of_job)
    rows = [
        (f"`{rule}`", f"{len(of_jobs):,}", f"{sum(of_jobs):,.1f} s")
        for rule, of_jobs in sorted(by_rule.items(), key=lambda item: -sum(item[1]))
    ]
    intro = markdown.paragraph(
        "CPU seconds by rule, of the jobs that were done when this page was written. Snakemake measures a job about "
        "every half a minute, so the numbers are a little too small."
    )
    return f"# What the run cost\n\n{intro}\n\n{markdown.table(('rule', 'jobs', 'CPU'), rows)}\n"


def write_speeds(speeds: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What training language models took, for the same page; speeds: `results.language_model_speeds`. Empty if there
    are none."""
    if not speeds:
        return ""
    rows = [
        (
            in_words(row),
            f"{len(of)}",
            f"{sum(one['tokens_per_second'] for one in of) / len(of):,.0f}",
            markdown.size(max(one["memory_bytes"] for one in of)),
            markdown.names(sorted({one["device"] for one in of})),
        )
        for row, of in speeds.items()
    ]
    header = ("row", "models", "tokens a second", "memory, most", "device")
    return f"\n## Training language models\n\n{markdown.table(header, rows)}\n"
