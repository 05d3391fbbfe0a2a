"""The numbers of report.html: what `Results` has, as lists and plain values that JSON has.

Nothing is computed here but means over replicates that the figures show as well (`Results`). The page itself predicts
what its reader asks for, with the surfaces of surfaces/models.json.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from trex.files import read_json
from trex.layout import Layout
from trex.objective.objective import Objective
from trex.proxies.training_set import read_training_set
from trex.report.language_model_sentence import BUDGETS, labels, sentence
from trex.report.results import Results

# The metrics of validation.parquet that figures show: those that gains are about, and NSL.
SHOWN_METRICS = ("nsl", "nsl_macro", "objective", "bytes_per_token")
# Of LightGBM's text format, what predictions need.
TREE_LINES = ("split_feature", "threshold", "left_child", "right_child", "leaf_value")


def page_data(results: Results, pages: Sequence[Path]) -> dict[str, Any]:
    """Everything but surfaces and tokenizers; null is what there is not, as in a run without a search.

    pages: in Markdown, summary.md first.
    """
    files, config = results.files, results.config
    section = {**config["objective"], "vocab_size": config["proxies"]["vocab_size"]}
    objective = Objective.from_config(section, results.corpora) if results.is_searched else None
    return {
        "corpora": results.corpora,
        "scripts": [_main_script(results.hygiene.get(corpus, {})) for corpus in results.corpora],
        "chosen": results.choice["chosen"],
        "alphabet": config["tokenizer"]["alphabet"],
        "vocab_size": results.vocab_size,
        "vocab_decides": results.vocab_choice["decides"],
        "vocab_curve": columns(results.vocab_curve),
        "proxy_vocab_size": config["proxies"]["vocab_size"],
        # hygiene.md, which lies elsewhere for a recipe, is one of them
        "pages": {
            path.stem: path.read_text(encoding="utf-8").replace(f"]({results.files.hygiene_link})", "](hygiene.md)")
            for path in pages
        },
        "objective": objective and _objective(objective, files),
        "existing_limits": objective and _existing_limits(results, objective, files),
        "baselines": config["baselines"],
        "mixtures": columns(results.candidates),
        "front": columns(results.front),
        "measured_front": columns(results.measured_front),
        "front_points": columns(results.front_measured),
        "support": _support(results) if results.is_searched else None,
        "ranking": results.choice["ranking"],
        "on_proxies": results.finalists["ranking"] if results.is_searched else None,
        "compression": _on_proxies(results),
        "validation": columns(
            results.distinct_validation.filter(
                pl.col("metric").is_in(SHOWN_METRICS) | pl.col("metric").str.starts_with("gain_")
            )
        ),
        "metrics": columns(results.metrics),
        "predictions": columns(results.predictions),
        "learning_curve": columns(results.learning_curve),
        "ranks": columns(results.ranks),
        "gates": columns(results.gates.filter(pl.col("tokenizer") != results.choice["chosen"])),
        "language_models": _language_models(results),
        "provenance": _provenance(files),
    }  # fmt: skip


def columns(table: pl.DataFrame | None) -> dict[str, list[Any]] | None:
    """A table by column; numbers that JSON lacks become null. None if there is no table."""
    if table is None:
        return None
    return {name: [_finite(value) for value in table[name].to_list()] for name in table.columns}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _main_script(facts: Mapping[str, Any]) -> str:
    """facts: of a corpus; there are none about bytes."""
    scripts = facts.get("text", {}).get("scripts", {})
    return max(scripts, key=scripts.get, default="unknown")


def _on_proxies(results: Results) -> dict[str, list[Any]] | None:
    """The NSL of every mixture's proxies, mean over draws; None without a search."""
    if results.compression is None:
        return None
    keys = ("name", "evaluation_set", "corpus", "vocab_size")
    return columns(results.compression.group_by(*keys, maintain_order=True).agg(pl.col("nsl").mean()))


def _support(results: Results) -> dict[str, list[float]]:
    low, high = results.sampled_range
    return {"low": low.tolist(), "high": high.tolist()}


def _objective(objective: Objective, files: Layout) -> dict[str, Any]:
    """The objective and its limits, as the page needs them to score predictions."""
    training = read_training_set([files.training_set], [files.training_ledger], objective)
    of_targets = training.objective
    return {
        "aggregate": objective.aggregate.kind,
        "weights": objective.aggregate.weights.tolist(),
        "sharpness": objective.aggregate.sharpness,
        "sets": objective.evaluation_sets,
        "counted": len(objective.counted_sets),
        "reference_tokens": of_targets.reference_tokens.tolist(),
        "columns": of_targets.columns,
        "max_loss": dict(objective.max_loss),
        "max_gini": objective.max_gini,
        "max_premium": objective.max_premium,
        "pivot": objective.pivot,
        "parallel_set": objective.parallel_set,
    }


def _existing_limits(
    results: Results, objective: Objective, files: Layout
) -> dict[str, dict[str, list[list[float | None]]]]:
    """By existing tokenizer that limits compare with and vocabulary size: NSL [sets][corpora] of a proxy that would
    become as good at full scale, null where a set has no text of a corpus.

    They were measured for the size that is searched at, as a step from the proxies of `matched` to its full scale. At
    another size that step is longer or shorter by what its proxies compress there.
    """
    if set(objective.max_loss) <= set(results.candidates["name"]):
        return {}
    sets, key = objective.evaluation_sets, ["evaluation_set", "corpus"]
    of_matched = (
        results.compression.filter(name="matched").group_by(*key, "vocab_size").agg(pl.col("nsl").mean())
    )
    there = of_matched.filter(vocab_size=objective.vocab_size).select(*key, searched="nsl")
    steps = of_matched.join(there, on=key).with_columns(step=pl.col("nsl") / pl.col("searched")).drop("nsl")
    limits = pl.read_parquet(files.limits).join(steps, on=key)
    found: dict[str, dict[str, list[list[float | None]]]] = {}
    for row in limits.iter_rows(named=True):
        of_size = found.setdefault(row["tokenizer"], {}).setdefault(
            str(row["vocab_size"]), [[None] * len(results.corpora) for _ in sets]
        )
        if row["evaluation_set"] in sets:
            at = sets.index(row["evaluation_set"]), results.corpora.index(row["corpus"])
            of_size[at[0]][at[1]] = row["proxy_nsl"] * row["step"]
    return found


def _language_models(results: Results) -> dict[str, Any] | None:
    table = results.bits_per_byte
    if table is None:
        return None
    return {
        "said": (sentence(table) or "").replace("`", ""),
        "rows": {row: shown.replace("`", "") for row, shown in labels(table).items()},
        "budgets": BUDGETS,
        "bits_per_byte": columns(table),
    }


def _provenance(files: Layout) -> dict[str, Any]:
    whole = read_json(files.provenance)
    return {"sha256": whole["sha256"], "machine": whole["machine"], "run": whole["run"]}


def page_surfaces(models: Mapping[str, Any]) -> dict[str, Any]:
    """Of surfaces/models.json, the surface that predicts candidates, and, if that predicts no corpora, the one that
    searches by gradients use."""
    used, searched = models["used"], models["searched"]
    objective_only = used.endswith("_objective")
    names = dict.fromkeys([used, searched] if objective_only else [used])
    return {
        "used": used,
        "by_corpus": searched if objective_only else used,
        "surfaces": {
            name: {
                "surface": slim(models["surfaces"][name]["surface"]),
                "residuals": models["surfaces"][name]["residuals"],
            }
            for name in names
        },
    }


def slim(surface: Mapping[str, Any]) -> dict[str, Any]:
    """A surface's JSON, with only those lines of LightGBM's models that predictions need."""
    found = dict(surface)
    if surface["kind"] == "lightgbm":
        found["models"] = [_trees(model) for model in surface["models"]]
    if surface["kind"] == "stack":
        found["members"] = [slim(member) for member in surface["members"]]
    return found


def _trees(model: str) -> list[dict[str, str]]:
    """The trees of LightGBM's text format, each with its TREE_LINES."""
    sections = (section.split("\n\n")[0] for section in model.split("\nTree=")[1:])
    fields = (dict(line.split("=", 1) for line in text.splitlines() if "=" in line) for text in sections)
    return [{name: tree.get(name, "") for name in TREE_LINES} for tree in fields]


def page_vocabulary(table: pl.DataFrame, corpora: Sequence[str]) -> dict[str, list[int | None]]:
    """How much each entry of a tokenizer is used: tokens of the evaluation text, and the number of the corpus that has
    most.

    table: columns of `trex.validation.vocabulary.composition`.
    """
    number = pl.col("corpus").replace_strict(
        {corpus: i for i, corpus in enumerate(corpora)}, return_dtype=pl.Int64
    )
    return columns(table.sort("id").select("id", "count", number))
