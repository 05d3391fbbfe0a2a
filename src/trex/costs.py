"""What each search strategy cost: CPU time of its jobs, as Snakemake measured it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

log = logging.getLogger(__name__)


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


def cpu_seconds(folder: Path) -> dict[str, float]:
    """CPU seconds of every job that left a file under results/benchmarks, by its path there without the ending.

    Snakemake looks at a job every half a minute at last, so that these numbers are a little too small. A job too short
    to be looked at counts 0. A file that is damaged is left out: what it measured is not known.
    """
    found = {}
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        try:
            table = pl.read_csv(path, separator="\t", null_values=["NA", "-"])
            seconds = table["cpu_time"].cast(pl.Float64).fill_null(0.0).sum()
        except (OSError, pl.exceptions.PolarsError) as error:
            log.warning("%s: left out, as it is no measurement of Snakemake's: %s", path, error)
            continue
        found[str(path.relative_to(folder / "benchmarks").with_suffix(""))] = seconds
    return found


def strategy_costs(
    config: Mapping[str, Any], seconds: Mapping[str, float], notes: Mapping[str, Mapping[str, float]]
) -> list[Cost]:
    """What every strategy of a config would have cost alone: what several share is counted for each of them.

    seconds: `cpu_seconds`. notes: of the search.
    """

    def total(*jobs: str) -> float | None:
        return sum(seconds[job] for job in jobs) if all(job in seconds for job in jobs) else None

    settings, per_job = config["proxies"], config["proxies"]["per_job"]
    batches = [f"{first:05d}-{first + per_job - 1:05d}" for first in range(0, settings["count"], per_job)]
    sampled = total(*(f"train_proxies/{batch}" for batch in (*batches, *settings["mixtures"])))
    n_sampled = settings["count"] + len(settings["mixtures"])
    regression = total("fit_regression")
    costs = []
    for strategy in config["search"]["strategies"]:
        of_strategy = notes.get(strategy, {})
        if strategy == "direct":
            whole = total("search_directly")
            costs.append(Cost(strategy, int(of_strategy.get("rounds", 0)), whole, 0.0, 0.0))
            continue
        search, proxies = total(f"search_mixture/{strategy}"), n_sampled
        if strategy == "adaptive":
            rounds = total(*(f"search_round/{number:02d}" for number in range(config["search"]["rounds"])))
            search = None if search is None or rounds is None else search + rounds
            proxies += int(of_strategy.get("trained", 0))
        costs.append(Cost(strategy, proxies, sampled, regression, search))
    return costs
