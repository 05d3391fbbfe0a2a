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
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from trex.run.records import OUTDATED, ArtifactError, Artifacts, digest, outside

# what can change a number: the text's readers, its normalizer, and arithmetic
PACKAGES = (
    "trex", "snakemake", "tokenizers", "bpe-openai", "numpy", "numba", "llvmlite", "scipy", "scikit-learn", "lightgbm",
    "polars", "pyarrow", "datasets", "matplotlib", "gramps", "plone-app-locales",
)  # fmt: skip


def provenance(
    config: Mapping[str, Any], results: Iterable[str | Path], ledgers: Mapping[str, pl.DataFrame]
) -> dict[str, Any]:
    """Follow the records of `trex.artifacts` from some results back to the texts.

    Args:
        ledgers: of the `corpora` (the columns of counts/{corpus}/ledger.parquet), `proxies` and `tokenizers`
            (those of a slice's ledger, see docs/contracts.md).

    Raises:
        ArtifactError: a file on the way has no record, or is not what a later one was made from.
    """
    files, code, inputs = _lineage(Artifacts(config["results"]), results)
    text = ["documents", "bytes", "characters", "words", "duplicates"]
    given = ["asked_bytes", "given_bytes"]
    run = {
        "config": dict(config),
        "config_sha256": _sha256(config),
        "seed": config["seed"],
        "versions": {name: _version(name) for name in PACKAGES},
        "code": code,
        "corpora": inputs,
        "ledgers": {
            "corpora": _sums(ledgers["corpora"], ["corpus", "part"], text),
            "proxies": _sums(ledgers["proxies"], ["corpus"], given),
            "tokenizers": _sums(ledgers["tokenizers"], ["tokenizer", "corpus"], given),
        },
        "files": files,
    }
    machine = {"python": platform.python_version(), "system": platform.platform(), "processor": _processor()}
    return {"sha256": _sha256(run), "run": run, "machine": machine}


def _lineage(store: Artifacts, results: Iterable[str | Path]) -> tuple[dict, dict, dict]:
    """(SHA-256 by file of the results folder, code by rule, SHA-256 by file from outside), sorted."""
    files, code, inputs = {}, {}, {}
    waiting = [(store.name(path), None, None) for path in results]
    while waiting:
        name, expected, consumer = waiting.pop()
        if name not in files:
            record = store.read(store.results / name)
            if record is None:
                _made_anew(store, consumer or name, f"there is no record of {name}")
            files[name] = digest(record["content"])
            code[record["rule"]] = record["code"]
            inputs |= {label: sha for label, sha in record["inputs"].items() if outside(label)}
            waiting += [(label, sha, name) for label, sha in record["inputs"].items() if not outside(label)]
        if expected not in (None, files[name]):
            _made_anew(store, consumer, f"it was made from another {name} than there is")
    return tuple(dict(sorted(found.items())) for found in (files, code, inputs))


def _made_anew(store: Artifacts, name: str, why: str) -> NoReturn:
    path = store.results / name
    aside = store.set_aside(path, OUTDATED)
    raise ArtifactError(
        f"{path}: {why}; it was moved to {aside}. Run the same command again: it is made anew"
    )


def _sums(ledger: pl.DataFrame, by: list[str], columns: list[str]) -> list[dict[str, Any]]:
    return ledger.group_by(by).agg(pl.col(columns).sum()).sort(by).to_dicts()


def _sha256(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """The model's name, which `platform.processor` does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
