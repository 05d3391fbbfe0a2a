"""What a run's results came from, so that two runs can be compared by one number.

    {sha256,                  # of `run` as canonical JSON: equal for equal runs, in whatever folder
     run: {config, config_sha256, seed, versions, code, corpora, ledgers, files},
     machine: {python, system, processor}}

There are no times in it, and no paths outside the working directory but those that the config gives.
"""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from trex.run.packages import version
from trex.run.records import AGAIN, RecordError, Records, digest, outside

# what can change a number: the text's readers, its normalizer, and arithmetic
PACKAGES = (
    "trex", "snakemake", "tokenizers", "bpe-openai", "numpy", "numba", "llvmlite", "scipy", "scikit-learn", "lightgbm",
    "polars", "pyarrow", "datasets", "matplotlib", "gramps", "plone-app-locales",
)  # fmt: skip
LANGUAGE_MODEL_PACKAGES = ("jax", "jaxlib", "optax")  # where language models are trained


def provenance(
    config: Mapping[str, Any], results: Iterable[str | Path], ledgers: Mapping[str, pl.DataFrame]
) -> dict[str, Any]:
    """Follow the records of `trex.run.records` from some results back to the texts.

    Args:
        ledgers: of the `corpora` (the columns of counts/{corpus}/ledger.parquet), `tokenizers` and, if there are any,
            `proxies` (those of a slice's ledger, see docs/contracts.md).

    Raises:
        RecordError: a file on the way has no record, or is not what a later one was made from.
    """
    files, code, inputs = _lineage(Records(config["results"]), results)
    text = ["documents", "bytes", "characters", "words", "duplicates"]
    given = ["asked_bytes", "given_bytes"]
    packages = PACKAGES + (LANGUAGE_MODEL_PACKAGES if config["language_model"]["check"]["seeds"] else ())
    run = {
        "config": dict(config),
        "config_sha256": _sha256(config),
        "seed": config["seed"],
        "versions": {name: version(name) for name in packages},
        "code": code,
        "corpora": inputs,
        "ledgers": {
            "corpora": _sums(ledgers["corpora"], ["corpus", "split"], text),
            **({"proxies": _sums(ledgers["proxies"], ["corpus"], given)} if "proxies" in ledgers else {}),
            "tokenizers": _sums(ledgers["tokenizers"], ["name", "draw", "corpus"], given),
        },
        "files": files,
    }
    machine = {"python": platform.python_version(), "system": platform.platform(), "processor": _processor()}
    return {"sha256": _sha256(run), "run": run, "machine": machine}


def ledgers_of(
    counts: Iterable[str | Path], proxies: str | Path | None, tokenizers: Iterable[str | Path]
) -> dict[str, pl.DataFrame]:
    """The ledgers that `provenance` takes, from their files; proxies: none in a run without a search."""
    ledgers = {
        "corpora": pl.concat([pl.read_parquet(path) for path in counts]),
        "tokenizers": pl.concat([pl.read_parquet(path) for path in tokenizers]),
    }
    return ledgers | ({"proxies": pl.read_parquet(proxies)} if proxies else {})


def _lineage(store: Records, results: Iterable[str | Path]) -> tuple[dict, dict, dict]:
    """(SHA-256 by file of the results folder, code by rule, SHA-256 by file from outside), sorted."""
    files, code, inputs = {}, {}, {}
    waiting = [(store.label(path), None, None) for path in results]
    while waiting:
        name, expected, consumer = waiting.pop()
        known = inputs if outside(name) else files
        if outside(name):
            inputs.setdefault(name, expected)
        elif name not in files:
            record = store.read(store.results / name)
            if record is None:
                raise RecordError(f"{store.results / name} has no record of what it was made from. {AGAIN}")
            files[name] = digest(record["content"])
            code[record["rule"]] = record["code"]
            waiting += [(label, sha, name) for label, sha in record["inputs"].items()]
        if expected not in (None, known[name]):
            made = store.results / consumer
            raise RecordError(
                f"{made} was made from a different version of {name} than the one used elsewhere or now present. "
                f"{AGAIN}"
            )
    return tuple(dict(sorted(found.items())) for found in (files, code, inputs))


def _sums(ledger: pl.DataFrame, by: list[str], columns: list[str]) -> list[dict[str, Any]]:
    return ledger.group_by(by).agg(pl.col(columns).sum()).sort(by).to_dicts()


def _sha256(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _processor() -> str:
    """The model's name, which `platform.processor` does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
