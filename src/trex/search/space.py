"""The search problem that a config asks for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from trex import proxies
from trex.bpe import Workspace
from trex.constraints import Constraint, from_config
from trex.files import read_json
from trex.mixtures import resolve
from trex.search.closed_form import matched_candidate
from trex.search.limits import project, share_limits
from trex.targets import Targets, evaluation_sets
from trex.wordindex import WordIndex


def limits_from_config(index: WordIndex, law: Mapping, search: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest share [k]: what the text allows, proxies.min_share, search.floors and search.ceilings.

    law: `mixtures.sampling_law`. search: the section of the config.
    """
    return share_limits(
        index.corpora,
        law["caps"],
        min_share=law["min_share"],
        floors=search["floors"],
        ceilings=search["ceilings"],
    )


def with_inferred(baselines: Mapping, files: Sequence[str]) -> dict:
    """The baselines of the config; those to be inferred have the shares that `infer_mixture` wrote to the files."""
    found = {Path(file).stem: read_json(file)["shares"] for file in files}
    return {name: {"shares": found[name]} if name in found else spec for name, spec in baselines.items()}


def reference_mixtures(
    index: WordIndex,
    targets: Targets,
    evaluation: tuple[np.ndarray, np.ndarray],
    baselines: Mapping,
    low: np.ndarray,
    high: np.ndarray,
) -> dict[str, np.ndarray]:
    """The matched mixture, within the limits, and the baselines of the config. [k] each

    evaluation: bytes and reference tokens of the sets that the objective counts, `proxies.evaluation_arrays`.
    """
    (matched,) = matched_candidate(targets.objective, *evaluation).candidates
    resolved = {name: resolve(spec, index.corpora, index.available_bytes) for name, spec in baselines.items()}
    return {"matched": project(matched.shares, low, high), **resolved}


def measurer(
    index: WordIndex, evaluation_sets: list[str], n_bytes: int, vocab_size: int, tokenizer: Mapping
) -> Callable[..., np.ndarray]:
    """A function that trains a proxy on shares [k] and returns its NSL [sets, k]; on another draw of text, if it is
    given replicate and replicates of `WordIndex.slice`."""
    workspace = Workspace()

    def measure(shares: np.ndarray, replicate: int = 0, replicates: int = 1) -> np.ndarray:
        training = index.slice(shares, n_bytes, replicate, replicates)
        model = proxies.train(index, training, vocab_size, tokenizer, workspace)
        table = proxies.compression(index, model, [vocab_size]).with_columns(name=pl.lit("proxy"))
        return proxies.nsl_array(table, ["name"], evaluation_sets, list(index.corpora), vocab_size)[1][0]

    return measure


def objective_limits(
    objective: Mapping,
    corpora: Sequence[str],
    references: Mapping[str, np.ndarray],
    measure: Callable[[np.ndarray], np.ndarray],
) -> tuple[Constraint, ...]:
    """The limits in the objective's section of the config.

    The baselines that they compare with are measured, each with a proxy: a surface is off by more than what
    `verify_candidates` lets pass.

    references: `reference_mixtures`. measure: `measurer` on the sets of `targets.evaluation_sets`.
    """
    baselines = {name: measure(references[name]) for name in objective["max_loss"]}
    return from_config(objective, corpora, evaluation_sets(objective), baselines)
