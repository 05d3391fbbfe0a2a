"""What a run leaves in its results folder, read back and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from trex.costs import cpu_seconds
from trex.files import read_json
from trex.layout import Layout
from trex.objective.metrics import worst
from trex.objective.objective import Objective
from trex.proxies.tables import nsl_array, shares_array


@dataclass(frozen=True, eq=False)
class Results:
    """What a run left in its results folder. Columns are those of docs/contracts.md.

    Attributes:
        config: of `trex.config.load_config`.
        candidates, notes, tables, pareto: of the search.
        metrics, corpus_metrics, learning_curve, vocabulary, predictions: of the regression.
        mixtures, training_ledger: of the sampled proxies.
        compression, ledger, choice: of the choice among measured mixtures.
        full_scale_ledger: of all tokenizers, with the folder as first column, `name`.
        validation, scripts: of all full-scale and existing tokenizers.
        ranks: of mixtures across scales; None if that is turned off.
        counts: ledgers of all corpora.
        inferred: of every baseline that is the mixture of an existing tokenizer, by name: how that was inferred.
        cpu_seconds: of the jobs, `costs.cpu_seconds`.
    """

    config: Mapping[str, Any]
    candidates: pl.DataFrame
    notes: Mapping[str, Mapping[str, float]]
    tables: Mapping[str, list[Mapping[str, Any]]]
    pareto: pl.DataFrame
    metrics: pl.DataFrame
    corpus_metrics: pl.DataFrame
    learning_curve: pl.DataFrame
    vocabulary: pl.DataFrame
    predictions: pl.DataFrame
    mixtures: pl.DataFrame
    training_ledger: pl.DataFrame
    compression: pl.DataFrame
    ledger: pl.DataFrame
    choice: Mapping[str, Any]
    full_scale_ledger: pl.DataFrame
    validation: pl.DataFrame
    scripts: pl.DataFrame
    ranks: pl.DataFrame | None
    counts: pl.DataFrame
    inferred: Mapping[str, Mapping[str, Any]]
    cpu_seconds: Mapping[str, float]

    @classmethod
    def load(cls, folder: str | Path, config: Mapping[str, Any]) -> Self:
        """Read the results of the run that `config` describes.

        Raises:
            ValueError: if a table has other corpora than the config or another order of them, or if the choice
                is not one of the candidates.
            FileNotFoundError: if a file is missing.
        """
        folder, files, corpora = Path(folder), Layout(Path(folder)), list(config["corpora"])

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
        choice = read_json(files.choice)
        if sorted(row["name"] for row in choice["ranking"]) != sorted(candidates["name"]):
            raise ValueError(
                f"{files.choice} ranks other mixtures than search/candidates.parquet has; "
                "delete it and run again"
            )
        baselines = candidates.filter(role="baseline")["name"].to_list()
        names = ["chosen", *(baselines if config["training"]["baselines"] else [])]
        validation = pl.read_parquet(files.validation)
        if wrong := {*names, *config["validation"]["tokenizers"]} ^ set(validation["tokenizer"]):
            raise ValueError(
                f"{files.validation} and the config differ in the tokenizers {sorted(wrong)}; "
                "delete it and run again"
            )
        return cls(
            config=config,
            candidates=candidates,
            notes=read_json(files.search_notes),
            tables=read_json(files.search_tables),
            pareto=wide(files.pareto, "name", "weight", "average", "worst"),
            metrics=pl.read_parquet(files.regression("metrics")),
            corpus_metrics=long(files.regression("corpus_metrics")),
            learning_curve=pl.read_parquet(files.regression("learning_curve")),
            vocabulary=pl.read_parquet(files.regression("vocabulary")),
            predictions=pl.read_parquet(files.regression("predictions")),
            mixtures=wide(files.mixtures, "mixture_id"),
            training_ledger=long(files.training_ledger),
            compression=long(files.choice_compression),
            ledger=long(files.choice_ledger),
            choice=choice,
            full_scale_ledger=pl.concat(
                long(files.tokenizer_ledger(name)).select(pl.lit(name).alias("name"), pl.all())
                for name in names
            ),
            validation=validation,
            scripts=pl.read_parquet(files.scripts),
            ranks=(pl.read_parquet(files.ranks) if config["validation"]["mixtures"] else None),
            counts=pl.concat(long(files.counts_ledger(corpus), [corpus]) for corpus in corpora),
            inferred={
                name: read_json(files.inferred(name))
                for name, spec in config["baselines"].items()
                if isinstance(spec, Mapping) and "infer" in spec
            },
            cpu_seconds=cpu_seconds(folder),
        )

    @cached_property
    def corpora(self) -> list[str]:
        """The k corpus ids in the config's order."""
        return list(self.config["corpora"])

    @cached_property
    def chosen_shares(self) -> np.ndarray:
        """Shares of the chosen mixture. [k]"""
        return self.candidates.filter(name=self.choice["chosen"]).select(self.corpora).to_numpy()[0]

    @cached_property
    def proxy_shares(self) -> pl.DataFrame:
        """The shares that the sampled proxies were given: mixture_id and a column per corpus."""
        ids = self.mixtures["mixture_id"]
        shares = shares_array(self.training_ledger, ids.to_list(), self.corpora)
        return pl.DataFrame(shares, schema=self.corpora).insert_column(0, ids)

    @cached_property
    def sampled_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest share [k] that sampled proxies were given."""
        shares = self.proxy_shares.select(self.corpora).to_numpy()
        return shares.min(axis=0), shares.max(axis=0)

    @cached_property
    def available_bytes(self) -> np.ndarray:
        """Bytes of training text of each corpus. [k]"""
        totals = self.counts.filter(part="train").group_by("corpus").agg(pl.col("bytes").sum())
        by_corpus = dict(totals.iter_rows())
        return np.array([by_corpus[corpus] for corpus in self.corpora])

    @cached_property
    def trained(self) -> list[str]:
        """The full-scale tokenizers, chosen first."""
        return list(dict.fromkeys(self.full_scale_ledger["name"]))

    @cached_property
    def full_scale_values(self) -> dict[str, float]:
        """The objective of every full-scale tokenizer, best first."""
        rows = self.validation.filter(metric="objective").sort("value", maintain_order=True)
        return {
            name: value
            for name, value in rows.select("tokenizer", "value").iter_rows()
            if name in self.trained
        }

    @cached_property
    def measured_front(self) -> pl.DataFrame:
        """Average and worst corpus of every candidate and baseline, as their proxies measured it: name, average, worst.
        The average is the objective, or macro if that is itself about the worst corpus."""
        average = Objective.from_config(self.config["objective"], self.corpora).aggregate.average()
        sets, vocab_size = self.choice["objective"]["evaluation_sets"], self.config["proxies"]["vocab_size"]
        keys, nsl, reference = nsl_array(
            self.compression, ["name", "replicate"], sets, self.corpora, vocab_size
        )
        table = keys.with_columns(
            average=pl.Series(average.mean_over_sets(nsl, reference)),
            worst=pl.Series(worst(nsl).mean(axis=-1)),
        )
        return table.group_by("name", maintain_order=True).agg(pl.col("average", "worst").mean())
