"""The surfaces of a run: `fit` makes what searches need, `validate` what only reports do, while searches run."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trex.proxies.training_set import TrainingSet
from trex.surfaces.base import MANY
from trex.surfaces.fitted import FittedSurfaces
from trex.surfaces.select import (
    CURVE,
    PAPER,
    REGRESSIONS,
    CrossValidation,
    ObjectiveSurface,
    Regression,
    Selection,
    cross_validate_objective,
    fit_objective,
    learning_curve,
    learning_sizes,
    select_surface,
    stack_of,
    validate_selection,
)
from trex.surfaces.stack import StackSurface
from trex.surfaces.vocabulary import LEFT_OUT, left_out_scores

log = logging.getLogger(__name__)

# What searches by gradients use if no compared regression has them.
SMOOTH = REGRESSIONS["gaussian_process"]
STACK = StackSurface.kind
MIXING_LAW = "mixing_law"
METRICS = {"model": str, "used": bool} | dict.fromkeys(("mape", "spearman", "r2"), float)
METRICS |= {"n": int, "coverage90": float}


@dataclass(frozen=True, eq=False)
class Fitted:
    """What `fit` finds. Tables have the columns of the files of their names (docs/contracts.md)."""

    surfaces: FittedSurfaces
    metrics: pl.DataFrame
    corpus_metrics: pl.DataFrame
    predictions: pl.DataFrame


def fit(
    training: TrainingSet,
    regressions: Sequence[str],
    *,
    model: str = "auto",
    paper: bool = False,
    folds: int,
    seed: int,
) -> Fitted:
    """Fit and cross-validate surfaces, and select the one that searches use.

    Args:
        training: the proxies' targets at the vocabulary size that is searched at.
        regressions: names of those to compare, keys of REGRESSIONS or `stack`, which is made of the others.
        model: the name of the one to use, or auto for the best.
        paper: whether a strategy needs the paper's surface.
        folds, seed: of the cross-validation.

    Raises:
        ValueError: the proxies have nothing to learn from, or a surface cannot be fitted to them.
    """
    training.check()
    compared = _compared(training, regressions, model, paper)
    use = None if model == "auto" else compared[model]
    selection = select_surface(training, list(compared.values()), use, folds, seed)
    used = selection.chosen.regression
    fitted = {used.name: selection.chosen}

    def fit(regression: Regression) -> ObjectiveSurface:
        if regression.name not in fitted:
            fitted[regression.name] = fit_objective(training, regression, seed)
        return fitted[regression.name]

    surfaces = FittedSurfaces(
        selection.chosen, fit(_searched(selection, compared)), fit(PAPER) if paper else None
    )
    return Fitted(
        surfaces,
        pl.DataFrame([_metrics(validation, used) for validation in selection.validations], schema=METRICS),
        pl.DataFrame(_corpus_metrics(selection.validations, training), infer_schema_length=None),
        pl.concat([_predictions(validation, training) for validation in selection.validations]),
    )


@dataclass(frozen=True, eq=False)
class Validated:
    """What `validate` finds. Tables have the columns of the files of their names (docs/contracts.md).

    other_sizes: by vocabulary size, surfaces of the same regressions as those that searches use.
    """

    other_sizes: Mapping[int, FittedSurfaces]
    selected_metrics: pl.DataFrame
    selected_predictions: pl.DataFrame
    learning_curve: pl.DataFrame
    vocabulary: pl.DataFrame


def validate(
    by_size: Mapping[int, TrainingSet],
    surfaces: FittedSurfaces,
    regressions: Sequence[str],
    *,
    model: str = "auto",
    folds: int,
    seed: int,
) -> Validated:
    """How far the surfaces of a run can be trusted, and the same at other vocabulary sizes. No search needs it.

    Args:
        by_size: the proxies' targets at every vocabulary size, rising; the last is the one that is searched at.
        surfaces: what `fit` found; its other arguments are those of `fit`, too.
    """
    *other_sizes, searched_size = by_size
    training = by_size[searched_size]
    used, searched = surfaces.used.regression, surfaces.searched.regression
    paper = [PAPER] if surfaces.paper else []
    compared = _compared(training, regressions, model, bool(paper))
    nested, selected = validate_selection(
        training, list(compared.values()), None if model == "auto" else compared[model], folds, seed
    )
    log.info("selected in each fold: %s", ", ".join(selected))
    validated = {
        size: cross_validate_objective(of_size, searched, folds, seed)
        for size, of_size in by_size.items()
        if other_sizes
    }
    return Validated(
        {size: _at(by_size[size], surfaces, validated[size], seed) for size in other_sizes},
        pl.DataFrame([_metrics(nested, used)], schema=METRICS),
        _predictions(nested, training),
        pl.DataFrame(_curves(training, [used, *paper], seed), schema=CURVE),
        pl.DataFrame(
            left_out_scores(by_size, validated) if len(by_size) > 2 else [],
            schema=LEFT_OUT,
        ),
    )


def without_mixing_law(names: Sequence[str]) -> list[str]:
    """What is compared with more than MANY corpora. There the mixing law takes as long as the Gaussian process and
    predicts worse. It stays if nothing else predicts every corpus, or a stack would have one member alone.

    >>> without_mixing_law(["gaussian_process", "mixing_law", "linear", "stack"])
    ['gaussian_process', 'linear', 'stack']
    >>> without_mixing_law(["gaussian_process", "mixing_law", "stack"])
    ['gaussian_process', 'mixing_law', 'stack']
    """
    rest = [name for name in names if name != MIXING_LAW]
    of_targets = [name for name in rest if name != STACK and not REGRESSIONS[name].predicts_objective]
    return rest if len(of_targets) > (STACK in names) else list(names)


def _at(
    training: TrainingSet, surfaces: FittedSurfaces, validation: CrossValidation, seed: int
) -> FittedSurfaces:
    """The same regressions as `surfaces`, fitted to another vocabulary size.

    validation: of the one that searches use, at that size. It is made for the errors between sizes anyway, so that this
    costs final fits alone.
    """
    used = surfaces.used.regression
    searched = fit_objective(training, surfaces.searched.regression, seed, validation)
    return FittedSurfaces(
        searched if used == searched.regression else fit_objective(training, used, seed), searched
    )


def _compared(
    training: TrainingSet, regressions: Sequence[str], model: str, paper: bool
) -> dict[str, Regression]:
    """Regressions by name, each once; a stack comes last, as it is made of the others. Arguments as of `fit`.

    Raises:
        ValueError: the stack has fewer than two members.
    """
    names = [*regressions, *([] if model == "auto" else [model])]
    if training.shares.shape[1] > MANY and model != MIXING_LAW:
        names = without_mixing_law(names)
    single = {name: REGRESSIONS[name] for name in names if name != STACK}
    if paper:
        single[PAPER.name] = PAPER
    if STACK not in names:
        return single
    stack = stack_of(list(single.values()))
    if stack is None:
        raise ValueError(
            "a stack needs two or more other surfaces that predict every corpus, such as gaussian_process and "
            f"mixing_law; compared are {', '.join(single) or 'none'}"
        )
    return {**single, STACK: stack}


def _searched(selection: Selection, compared: Mapping[str, Regression]) -> Regression:
    """The regression that searches by gradients use: the best that has them, which need not be the best of all."""
    used = selection.chosen.regression
    if used.has_gradient:
        return used
    smooth = [v for v in selection.validations if compared[v.regression].has_gradient]
    return compared[min(smooth, key=lambda v: v.scores()["mape"]).regression] if smooth else SMOOTH


def _metrics(validation: CrossValidation, used: Regression) -> dict[str, Any]:
    row = {"model": validation.regression, "used": validation.regression == used.name, **validation.scores()}
    log.info("%s, held out: %s", validation.regression, row)
    return row


def _corpus_metrics(validations: Sequence[CrossValidation], training: TrainingSet) -> list[dict[str, Any]]:
    return [
        {"model": validation.regression, "evaluation_set": evaluation_set, "corpus": corpus, **scores}
        for validation in validations
        for (evaluation_set, corpus), scores in zip(
            training.columns, validation.target_scores(), strict=False
        )
    ]


def _predictions(validation: CrossValidation, training: TrainingSet) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "mixture_id": training.names,
            "model": validation.regression,
            "measured": validation.measured,
            "predicted": validation.mean,
            "predicted_std": validation.std,
        }
    )


def _curves(training: TrainingSet, regressions: Sequence[Regression], seed: int) -> list[dict[str, Any]]:
    rows = []
    for regression in {regression.name: regression for regression in regressions}.values():
        if sizes := learning_sizes(len(training), regression):
            repeats = 5 if training.shares.shape[1] <= MANY else 1
            rows += learning_curve(training, regression, sizes, repeats, seed)
    return rows
