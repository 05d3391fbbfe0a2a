"""What a run leaves in its results folder, read back and checked.

Everything that the pages and figures say comes from here, so they depend on no stage of the run."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from trex.files import read_json
from trex.layout import CHOSEN, FRONT_POINTS, Layout
from trex.objective.aggregate import ABOUT_THE_WORST
from trex.objective.comparisons import FEWEST_DOCUMENTS
from trex.validation.gate_names import FAILED

log = logging.getLogger(__name__)

SHARE_TOLERANCE = 1e-6  # what rounding may do to a share


@dataclass(frozen=True, eq=False)
class Results:
    """What a run left in its results folder. Columns are those of docs/contracts.md.

    Attributes:
        files: where they are.
        config: of `trex.config.load_config`.
        candidates: the mixtures that are compared, `predicted` null without a search.
        finalists: those that go on to full scale, by their proxies; without a search all.
        notes, tables, pareto: of the search. front_points: its measurements of the front.
        metrics, corpus_metrics, learning_curve, vocabulary, predictions: of the regression.
        mixtures, training_ledger: of the sampled proxies.
        compression, ledger: of the proxies of candidates and baselines.
        choice: among the finalists, at full scale.
        vocab_choice: the vocabulary size and why, of `trex.language_model.vocab_size.choose`.
        vocab_curve: of every full-scale tokenizer, by vocabulary size.
        full_scale_ledger: of all finalists and draws of text.
        trained: the finished tokenizers of this run, chosen first.
        gates: of all tokenizers, `trex.validation.gates.check_gates`.
        validation, scripts: of these and existing tokenizers, on the test half of the evaluation text.
        ranks: of mixtures across scales; None if that is turned off.
        counts, evaluation: ledgers of all corpora, and of all their evaluation sets.
        hygiene: of every corpus, `trex.hygiene.facts.corpus_facts`.
        inferred: of every baseline that is the mixture of an existing tokenizer, by name: how that was inferred.
        cpu_seconds: of the jobs, `cpu_seconds`.

    What is of the search, the regression and proxies is None without a search (`is_searched`).
    """

    files: Layout
    config: Mapping[str, Any]
    candidates: pl.DataFrame
    finalists: Mapping[str, Any]
    choice: Mapping[str, Any]
    vocab_choice: Mapping[str, Any]
    vocab_curve: pl.DataFrame
    full_scale_ledger: pl.DataFrame
    trained: list[str]
    gates: pl.DataFrame
    validation: pl.DataFrame
    scripts: pl.DataFrame
    ranks: pl.DataFrame | None
    counts: pl.DataFrame
    evaluation: pl.DataFrame
    hygiene: Mapping[str, Mapping[str, Any]]
    inferred: Mapping[str, Mapping[str, Any]]
    cpu_seconds: Mapping[str, float]
    notes: Mapping[str, Mapping[str, float]] | None = None
    tables: Mapping[str, list[Mapping[str, Any]]] | None = None
    pareto: pl.DataFrame | None = None
    front_points: pl.DataFrame | None = None
    metrics: pl.DataFrame | None = None
    corpus_metrics: pl.DataFrame | None = None
    learning_curve: pl.DataFrame | None = None
    vocabulary: pl.DataFrame | None = None
    predictions: pl.DataFrame | None = None
    mixtures: pl.DataFrame | None = None
    training_ledger: pl.DataFrame | None = None
    compression: pl.DataFrame | None = None
    ledger: pl.DataFrame | None = None

    @classmethod
    def load(cls, files: Layout, config: Mapping[str, Any]) -> Self:
        """Read the results of the run that `config` describes.

        Raises:
            ValueError: if a table has other corpora than the config or another order of them, or if the choice
                is not among the candidates.
            FileNotFoundError: if a file is missing.
        """
        corpora = list(config["corpora"])

        def wide(path: Path, *keys: str) -> pl.DataFrame:
            table = pl.read_parquet(path)
            if table.columns != [*keys, *corpora]:
                raise ValueError(
                    f"{path} has the columns {table.columns}, where the config asks for "
                    f"{[*keys, *corpora]}; delete it and run again"
                )
            return table

        def long(path: Path, expected: Sequence[str] = corpora) -> pl.DataFrame:
            table = pl.read_parquet(path)
            if wrong := set(expected) ^ set(table["corpus"]):
                raise ValueError(
                    f"{path} and the config differ in the corpora {sorted(wrong)}; delete it and run again"
                )
            return table

        candidates = wide(files.candidates, "name", "role", "strategy", "predicted", "predicted_std")
        finalists, choice = read_json(files.finalists), read_json(files.choice)
        for path, ranked in ((files.finalists, finalists), (files.choice, choice)):
            if sorted(row["name"] for row in ranked["ranking"]) != sorted(candidates["name"]):
                raise ValueError(
                    f"{path} ranks other mixtures than search/candidates.parquet has; delete it and run again"
                )
        baselines = candidates.filter(role="baseline")["name"].to_list()
        names = [CHOSEN, *(baselines if config["training"]["baselines"] else [])]
        validation = pl.read_parquet(files.validation)
        if wrong := {*names, *config["validation"]["tokenizers"]} ^ set(validation["tokenizer"]):
            raise ValueError(
                f"{files.validation} and the config differ in the tokenizers {sorted(wrong)}; "
                "delete it and run again"
            )

        def surfaces(*tables: str) -> pl.DataFrame:
            return pl.concat(pl.read_parquet(files.surfaces(table)) for table in tables)

        def of_search() -> dict[str, Any]:
            return {
                "notes": read_json(files.search_notes),
                "tables": read_json(files.search_tables),
                "pareto": wide(files.pareto, "name", "weight", "average", "worst"),
                "front_points": pl.concat(pl.read_parquet(files.front_point(name)) for name in FRONT_POINTS),
                "metrics": surfaces("metrics", "selected_metrics"),
                "corpus_metrics": long(files.surfaces("corpus_metrics")),
                "learning_curve": surfaces("learning_curve"),
                "vocabulary": surfaces("vocabulary"),
                "predictions": surfaces("predictions", "selected_predictions"),
                "mixtures": wide(files.mixtures, "mixture_id"),
                "training_ledger": long(files.training_ledger),
                "compression": long(files.choice_compression),
                "ledger": long(files.choice_ledger),
            }

        return cls(
            files=files,
            config=config,
            candidates=candidates,
            **(of_search() if config["search"]["strategies"] else {}),
            finalists=finalists,
            choice=choice,
            vocab_choice=read_json(files.vocab_size),
            vocab_curve=pl.read_parquet(files.vocab_curve),
            full_scale_ledger=pl.concat(
                long(files.full_scale(name, draw, "ledger"))
                for name in finalists["finalists"]
                for draw in range(choice["draws"])
            ),
            trained=names,
            gates=pl.read_parquet(files.gates),
            validation=validation,
            scripts=pl.read_parquet(files.scripts),
            ranks=(pl.read_parquet(files.ranks) if config["validation"]["mixtures"] else None),
            counts=pl.concat(long(files.counts_ledger(corpus), [corpus]) for corpus in corpora),
            evaluation=pl.concat(
                long(files.evaluation_ledger(name, corpus), [corpus])
                for corpus in corpora
                for name in ["held_out", *config["corpora"][corpus]["evaluation"]]
            ),
            hygiene=read_json(files.hygiene),
            inferred={
                name: read_json(files.inferred(name))
                for name, spec in config["baselines"].items()
                if isinstance(spec, Mapping) and "infer" in spec
            },
            cpu_seconds=cpu_seconds(files.root),
        )

    @cached_property
    def corpora(self) -> list[str]:
        """The k corpus ids in the config's order."""
        return list(self.config["corpora"])

    @property
    def is_searched(self) -> bool:
        """Whether there are searched mixtures, and proxies, surfaces and a front with them."""
        return bool(self.config["search"]["strategies"])

    @property
    def compared(self) -> list[str]:
        """The mixtures that were trained at full scale, best first."""
        return [row["name"] for row in self.choice["ranking"] if row["measured"] is not None]

    @property
    def vocab_size(self) -> int:
        """Of the finished tokenizers."""
        return self.vocab_choice["vocab_size"]

    @cached_property
    def too_few_documents(self) -> list[tuple[int, str, str]]:
        """(documents, evaluation set, corpus) of the objective where the test half has too few to claim anything, the
        fewest first."""
        counted = pl.col("evaluation_set").is_in(self.choice["objective"]["evaluation_sets"])
        few = self.evaluation.filter(counted, pl.col("test_documents") < FEWEST_DOCUMENTS)
        return few.select("test_documents", "evaluation_set", "corpus").sort("test_documents").rows()

    def failed_gates(self, *, waived: bool) -> list[tuple[str, str]]:
        """(tokenizer, gate) of this run's tokenizers that fail; waived: where the config accepts it, or where not."""
        failed = self.gates.filter(pl.col("tokenizer").is_in(self.trained), result=FAILED)
        accepted = self.config["validation"]["waived_gates"]
        return [
            (name, gate)
            for name, gate in failed.select("tokenizer", "gate").iter_rows()
            if (gate in accepted) == waived
        ]

    @cached_property
    def bits_per_byte(self) -> pl.DataFrame | None:
        """Of language models, by `trex.language_model.compare`; None if that is turned off. Only the summary has it."""
        if not self.config["language_model"]["check"]["seeds"]:
            return None
        return pl.read_parquet(self.files.bits_per_byte)

    @cached_property
    def distinct_validation(self) -> pl.DataFrame:
        """`validation` without a baseline that is recommended: it is the tokenizer `chosen` again."""
        again = self.choice["chosen"]
        return self.validation.filter(pl.col("tokenizer") != again, pl.col("against").ne_missing(again))

    @cached_property
    def chosen_shares(self) -> np.ndarray:
        """Shares of the chosen mixture. [k]"""
        return self.candidates.filter(name=self.choice["chosen"]).select(self.corpora).to_numpy()[0]

    @cached_property
    def chosen(self) -> Mapping[str, Any]:
        """The row of the ranking at full scale that is recommended; the first need not be."""
        return next(row for row in self.choice["ranking"] if row["name"] == self.choice["chosen"])

    @cached_property
    def proxy_shares(self) -> pl.DataFrame:
        """The shares that the sampled proxies were given: mixture_id and a column per corpus.

        Raises:
            ValueError: if a mixture of the mixture table has no share of some corpus in the ledger.
        """
        wide = self.training_ledger.pivot("corpus", index="mixture_id", values="share")
        ids = self.mixtures.select("mixture_id")
        table = ids.join(wide, on="mixture_id", how="left", maintain_order="left").select(
            "mixture_id", *self.corpora
        )
        if table.null_count().sum_horizontal().item():
            raise ValueError(
                f"training_ledger.parquet does not have the corpora {self.corpora} for every mixture of "
                "mixtures.parquet; delete it and run again"
            )
        return table

    @cached_property
    def sampled_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest share [k] that sampled proxies were given."""
        shares = self.proxy_shares.select(self.corpora).to_numpy()
        return shares.min(axis=0), shares.max(axis=0)

    @cached_property
    def outside_support(self) -> list[str]:
        """Corpora of which the chosen mixture has a smaller or larger share than every sampled proxy; none without a
        search."""
        if not self.is_searched:
            return []
        low, high = self.sampled_range
        shares = self.chosen_shares
        outside = (shares < low - SHARE_TOLERANCE) | (shares > high + SHARE_TOLERANCE)
        return [corpus for corpus, is_outside in zip(self.corpora, outside, strict=True) if is_outside]

    @cached_property
    def available_bytes(self) -> np.ndarray:
        """Bytes of training text of each corpus. [k]"""
        totals = self.counts.filter(split="train").group_by("corpus").agg(pl.col("bytes").sum())
        by_corpus = dict(totals.iter_rows())
        return np.array([by_corpus[corpus] for corpus in self.corpora])

    @cached_property
    def times_read(self) -> np.ndarray:
        """How often the full-scale training on the chosen mixture goes through the text of each corpus. [k]"""
        ledger = self.full_scale_ledger.filter(name=self.choice["chosen"], draw=0)
        given = dict(ledger.select("corpus", "given_bytes").iter_rows())
        return np.array([given[corpus] for corpus in self.corpora]) / self.available_bytes

    @cached_property
    def full_scale_values(self) -> dict[str, float]:
        """The objective of every finished tokenizer of this run on the test half, best first."""
        rows = self.validation.filter(metric="objective").sort("value", maintain_order=True)
        return {
            name: value
            for name, value in rows.select("tokenizer", "value").iter_rows()
            if name in self.trained
        }

    @cached_property
    def measured_front(self) -> pl.DataFrame | None:
        """Average and worst corpus of every candidate and baseline, as their proxies measured it: name, average, worst.
        The average is the objective, or the mean NSL if that is itself about the worst corpus. None without a search.
        """
        if self.compression is None:
            return None
        objective = self.finalists["objective"]
        keys = ["name", "replicate", "evaluation_set"]
        by_name = (
            self.compression.filter(
                pl.col("evaluation_set").is_in(objective["evaluation_sets"]),
                vocab_size=objective["vocab_size"],
            )
            .group_by(keys, maintain_order=True)
            .agg(average=pl.col("nsl").mean(), worst=pl.col("nsl").max())
            .group_by("name", maintain_order=True)
            .agg(pl.col("average", "worst").mean())
        )
        if objective["aggregate"] in ABOUT_THE_WORST:
            return by_name
        measured = {row["name"]: row["measured"] for row in self.finalists["ranking"]}
        return by_name.with_columns(average=pl.col("name").replace_strict(measured, return_dtype=pl.Float64))

    @cached_property
    def front(self) -> pl.DataFrame | None:
        """The predicted Pareto front: rows of `pareto` that no other row beats on both the average and the worst
        corpus, best average first. None without a search."""
        if self.pareto is None:
            return None
        best_first = self.pareto.sort("average", "worst")
        worst_so_far = pl.col("worst").cum_min().shift(1)
        return best_first.filter(worst_so_far.is_null() | (pl.col("worst") < worst_so_far))

    @cached_property
    def front_measured(self) -> pl.DataFrame | None:
        """What was measured of the front, and what was predicted there: name (of FRONT_POINTS), point (the row of
        `pareto`), average, worst, predicted_average, predicted_worst. None without a search."""
        if self.pareto is None:
            return None
        predicted = self.pareto.select("average", "worst", point="name")
        return (
            self.front_points.group_by("name", "point", maintain_order=True)
            .agg(pl.col("average", "worst").mean())
            .join(
                predicted.rename({key: f"predicted_{key}" for key in ("average", "worst")}),
                on="point",
                maintain_order="left",
            )
        )


def cpu_seconds(folder: Path) -> dict[str, float]:
    """CPU seconds of every job that left a file under results/benchmarks, by its path there without the ending.

    Snakemake looks at a job at least every half a minute, so these numbers are a little too small. A job that ends
    before it is looked at counts 0. A file that is damaged is left out: what it measured is not known.
    """
    found = {}
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        try:
            table = pl.read_csv(path, separator="\t", null_values=["NA", "-"])
            seconds = table["cpu_time"].cast(pl.Float64).fill_null(0.0).sum()
        except (OSError, pl.exceptions.PolarsError) as error:
            log.warning("%s: left out, not a Snakemake benchmark file: %s", path, error)
            continue
        found[str(path.relative_to(folder / "benchmarks").with_suffix(""))] = seconds
    return found


def language_model_speeds(folder: Path) -> dict[str, list[Mapping[str, Any]]]:
    """What the trainings of language models took, by row, one entry a seed: `jobs.Trained.speed`. What is damaged is
    left out."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for path in sorted((folder / "benchmarks/train_language_model").glob("*/*.speed.json")):
        try:
            found.setdefault(path.parent.name, []).append(read_json(path))
        except (OSError, ValueError) as error:
            log.warning("%s: left out: %s", path, error)
    return found
