"""recipes.html: recipes side by side as one file that opens from disk; see `trex.report.page` for what pages have in
common. Its JavaScript is bundled into recipes.js and recipes.css."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from trex.objective import metrics
from trex.recipes.compare import ALL_TEXT, AVERAGE, COST, FAIRNESS, WORST, Compared, differences
from trex.report.language_model_sentence import sentence
from trex.report.language_models import beside_recipes
from trex.report.page import fill, in_script, part, sha256_of
from trex.report.recipes import corpora_table, largest_premiums
from trex.report.recipes_verdict import OF_PAIRS, best_choices, doubts, worst_corpus


def write_recipes_page(
    compared: Compared, scripts: Mapping[str, str], version: str, bits_per_byte: pl.DataFrame | None = None
) -> str:
    """The page, as HTML. scripts: the main script of each corpus. version: of TREX. bits_per_byte: as of
    `trex.report.recipes.write_recipes`."""
    script = part("recipes.js").strip()
    data = recipes_data(compared, scripts, bits_per_byte)
    return fill(
        part("recipes.html"),
        version=version,
        style=part("page.css") + part("recipes.css"),
        script_sha256=sha256_of(script),
        script=script,
        data=in_script(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))),
    )


def recipes_data(
    compared: Compared, scripts: Mapping[str, str], bits_per_byte: pl.DataFrame | None = None
) -> dict[str, Any]:
    """What the page shows: sentences in Markdown, a row for each tokenizer, and tokens by corpus.

    pages: of a recipe, their paths by name, relative to the page's own.

    tokens: of every tokenizer [corpora], null where no text is counted. claims: against the first tokenizer.
    """
    table = corpora_table(compared, scripts)
    return {
        "first": compared.first.name,
        "reference": compared.first.config["reference"],
        "sets": compared.sets,
        "parallel_set": compared.parallel_set,
        "doubts": doubts(compared),
        "choices": best_choices(compared),
        "choices_note": f"The intervals here hold for all pairs of recipes at once. They are {OF_PAIRS}.",
        "tokenizers": [_row(compared, i) for i in range(len(compared.tokenizers))],
        "language_models": None
        if bits_per_byte is None
        else {"said": sentence(bits_per_byte), "rows": beside_recipes(bits_per_byte)},
        "corpora": table["corpus"].to_list(),
        "scripts": table["script"].to_list(),
        "tokens": {name: table[f"{name}_tokens"].to_list() for name in compared.names},
        "intervals": {
            name: {end: table[f"{name}_{end}"].to_list() for end in ("low", "high", "claim")}
            for name in compared.names[1:]
        },
    }


def _row(compared: Compared, i: int) -> dict[str, Any]:
    of, price, table = compared.tokenizers[i], compared.costs[i], compared.table
    found = {metric: differences(table, metric).get(of.name) for metric in (AVERAGE, ALL_TEXT, WORST, COST)}
    premium = largest_premiums(table).get(of.name)
    if compared.parallel_set:
        gini = float(compared.measures[FAIRNESS].draws[0, i])
    else:
        nsl = table.filter(pl.col("metric") == "nsl", tokenizer=of.name, evaluation_set=compared.sets[0])
        gini = float(metrics.gini(nsl["value"].to_numpy()))
    return {
        "name": of.name,
        "kind": of.kind,
        "vocab_size": of.vocab_size,
        "mixture": of.mixture,
        "macro": float(compared.measures[AVERAGE].draws[0, i]),
        **{f"{metric}_difference": row and row["value"] for metric, row in found.items()},
        **{end: found[AVERAGE] and found[AVERAGE][end] for end in ("low", "high", "claim")},
        "worst": float(compared.measures[WORST].draws[0, i]),
        "worst_corpus": worst_corpus(compared, of.name),
        "gini": gini,
        "premium": premium and premium[0],
        "premium_corpus": premium and premium[1],
        "gpu_hours": price.all_gpu_hours,
        "gates": ", ".join(of.failed_gates) or "none",
        "in_doubt": bool(of.doubts),
        "pages": dict(of.pages),
    }
