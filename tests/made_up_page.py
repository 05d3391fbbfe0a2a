"""report.html of the made-up run, with what a page needs besides: made-up surfaces, tokenizers and provenance; and
recipes.html of made-up recipes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from made_up_recipes import config as recipe_config
from made_up_recipes import finished
from made_up_run import CORPORA, RAW, compression, write_results
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE

from trex.config import load_config
from trex.counting.patterns import PATTERNS
from trex.language_model.budgets import EQUAL_BYTES, EQUAL_COMPUTE
from trex.language_model.compare import SCHEMA as BITS
from trex.layout import Layout
from trex.recipes.compare import Compared
from trex.report.details import write_details
from trex.report.page import Parts, write_page
from trex.report.recipes_page import write_recipes_page
from trex.report.results import Results
from trex.report.summary import write_summary
from trex.search.registry import STRATEGIES, described
from trex.surfaces.base import Surface
from trex.surfaces.gaussian_process import GaussianProcessSurface
from trex.surfaces.lightgbm import LightGBMSurface
from trex.surfaces.linear import LinearSurface
from trex.surfaces.many_corpora import ManyCorporaSurface
from trex.surfaces.mixing_law import MixingLawSurface
from trex.surfaces.stack import StackSurface

TEXT = "Zoë's 12345 naïve cafés; don’t  we'll\n\n  שלום עולם हिन्दी में 人間は、自由 한국어 x→y 🙂 a\u0301 "


def surfaces(k: int, n: int = 48) -> dict[str, Surface]:
    """A surface of every kind, of k corpora with a target each; its parameters are drawn, not fitted."""
    rng = np.random.default_rng(k)
    shares, subset, own = rng.dirichlet(np.ones(k), n), np.arange(0, n, 2), np.arange(k)
    spread = rng.uniform(0.5, 2, k)

    def draw(*shape: int, low: float = 0.5, high: float = 1.5) -> np.ndarray:
        return rng.uniform(low, high, shape)

    common = {"alpha": rng.normal(0, 0.1, (k, n)), "signal": draw(k), "noise": draw(k, low=0.01, high=0.05)}
    common |= {"location": rng.normal(0, 0.1, k), "scale": draw(k, low=0.05, high=0.1), "spread": spread}
    found: dict[str, Surface] = {
        "linear": LinearSurface(draw(k, k), 0.01 * spread),
        "mixing_law": MixingLawSurface(
            draw(k), 0.2 * draw(k), 0.3 * draw(k), 0.01 * draw(k), 0.1 * draw(k, k), 0.1 * draw(k, k), 0.01 * spread
        ),
        "gaussian_process": GaussianProcessSurface(
            shares=shares, subset=subset, offset=0.01 * draw(k, k), center=-2 * draw(k, k), lengthscale=3 * draw(k, k),
            linear=0.1 * draw(k, k), **common,
        ),
        "gaussian_process_of_many": ManyCorporaSurface(
            shares=shares, subset=subset, own=own, center=-2 * draw(k), unit=draw(k) * np.sqrt(k / 20 + 1),
            own_center=-2 * draw(k), own_unit=draw(k), linear=0.1 * draw(2, k), lengthscale=3 * draw(2, k),
            offset=0.01 * draw(k), **common,
        ),
    }  # fmt: skip
    weights = rng.dirichlet(np.ones(2), k).T
    found["stack"] = StackSurface((found["gaussian_process"], found["mixing_law"]), weights, spread)
    if k < 10:
        targets = shares + rng.normal(1, 0.1, shares.shape)
        found["lightgbm"] = LightGBMSurface.fit(shares, targets, own=own, seed=1, num_iterations=30)
    return found


def tokenizer(pattern: str, n_merges: int = 200) -> Tokenizer:
    """Byte-level BPE with NFC, of TEXT alone."""
    made = Tokenizer(BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + n_merges, initial_alphabet=alphabet, show_progress=False, special_tokens=["<|endoftext|>"]
    )  # fmt: skip
    made.train_from_iterator([TEXT] * 4, trainer)
    return made


def bits_per_byte(corpora: list[str]) -> pl.DataFrame:
    """Of language models that read text as `chosen`, or 2 % worse as raw bytes."""
    rows = []
    for row, against, factor in (("chosen", "raw_bytes", 1.0), ("raw_bytes", "chosen", 1.02)):
        gain = {"against": against, "value": 2 * (factor < 1.01) - 2.0, "low": -1.0, "high": 1.5}
        for corpus in (*corpora, None):
            suffix = "" if corpus else "_macro"
            rows += [{"row": row, "corpus": corpus, "metric": f"bpb{suffix}", "value": factor}]
            rows += [{"row": row, "corpus": corpus, "metric": f"gain{suffix}", **gain}]
        rows += [{"row": row, "metric": "parameters", "value": 1e6}]
        rows += [
            {"row": row, "corpus": corpus, "metric": "tokens_per_byte", "value": 0.25} for corpus in corpora
        ]
    at = {"budget": EQUAL_COMPUTE, "evaluation_set": "held_out"}
    return pl.DataFrame([at | row for row in rows], schema=BITS)


def write_made_up_page(folder: Path, by_size: Mapping[int, Surface], corpora: list[str] = CORPORA) -> str:
    """The page of the made-up run; by_size: its surfaces by vocabulary size, 8192 the last; corpora: other ids, such as
    no config has."""
    k, rng = len(corpora), np.random.default_rng(0)
    config = dict(load_config(RAW | {"results": str(folder)}, folder))
    config["corpora"] = dict(zip(corpora, config["corpora"].values(), strict=True))
    config["objective"] = {**config["objective"], "max_loss": {"uniform": 2, "o200k_base": 1}}
    config["language_model"]["check"]["seeds"] = 2
    sampled = rng.dirichlet(np.ones(k), 8)
    write_results(folder, corpora=corpora, sampled=sampled.tolist())
    files = Layout(folder)
    facts = json.loads(files.hygiene.read_text())
    del facts[corpora[-1]]  # there are none about corpora of bytes
    files.hygiene.write_text(json.dumps(facts))
    measured = [
        compression(value, 8192, corpora).with_columns(mixture_id=pl.lit(f"m{i:05d}"))
        for i, value in enumerate(rng.normal(1, 0.1, 8))
    ]
    pl.concat(measured).write_parquet(files.training_set)
    run = {"versions": {"trex": "0"}, "config": {}, "seed": 1, "config_sha256": "0"}
    files.provenance.write_text(json.dumps({"sha256": "0", "machine": {}, "run": run}))
    gates = {"tokenizer": ["chosen", "chosen"], "gate": ["random", "documents"], "result": ["pass", "fail"]}
    pl.DataFrame(gates).write_parquet(files.gates)
    files.bits_per_byte.parent.mkdir(exist_ok=True)
    bits_per_byte(corpora).write_parquet(files.bits_per_byte)
    limits = {
        "tokenizer": "o200k_base",
        "evaluation_set": "held_out",
        "corpus": corpora,
        "nsl": 0.5,
        "proxy_nsl": 0.8,
    }
    pl.DataFrame(limits).write_parquet(files.limits)
    results = Results.load(Layout(folder), config)
    smaller = results.compression.filter(vocab_size=8192).with_columns(
        pl.lit(2048).alias("vocab_size"), pl.col("nsl") * 1.25
    )
    results = replace(results, compression=pl.concat([results.compression, smaller]))
    pages = {"summary": write_summary(results), "details": write_details(results, described(STRATEGIES))}
    for name, text in pages.items():
        files.page(name).write_text(text, encoding="utf-8")
    models = {}
    for size, surface in by_size.items():
        fitted = {"surface": surface.to_json(), "residuals": rng.normal(0, 1, (16, k)).tolist()}
        models[size] = {"used": surface.kind, "searched": surface.kind, "surfaces": {surface.kind: fitted}}
    tokenizers = {name: tokenizer(PATTERNS[name]).to_str() for name in ("default", "multilingual")}
    tokenizers["equal"] = tokenizers["default"]
    used = pl.DataFrame(
        {"id": [0, 1], "count": [5, 0], "corpus": [corpora[0], None], "unreachable": [None, None]}
    )
    parts = Parts(
        [files.page(name) for name in pages],
        models,
        tokenizers,
        dict.fromkeys(tokenizers, used),
        "snakemake --cores all",
    )
    return write_page(results, parts)


def write_made_up_recipes_page(corpora: list[str], n: int = 12) -> str:
    """The page of n recipes and an existing tokenizer, from 20 % fewer to 20 % more tokens than the reference, and of
    language models."""
    rng = np.random.default_rng(0)
    reference = {corpus: rng.integers(2000, 3000, 40) for corpus in corpora}
    settings = recipe_config(corpora)

    def of(name: str, factor: float, settings: Mapping | None):
        tokens = {corpus: np.round(factor * of * rng.normal(1, 0.02, 40)) for corpus, of in reference.items()}
        return finished(name, tokens, reference, settings=settings)

    every = [
        of(f"recipe_number_{i:02d}", factor, settings) for i, factor in enumerate(np.linspace(0.8, 1.2, n))
    ]
    compared = Compared.of([*every, of("o200k_base", 1.0, None)])
    table = bits_per_byte(corpora)
    table = pl.concat([table, table.with_columns(budget=pl.lit(EQUAL_BYTES))])
    return write_recipes_page(compared, dict.fromkeys(corpora[1:], "Latin"), "0", table)
