"""Selecting among surfaces, learning curves, other vocabulary sizes, and all that a run reports of them."""

import json

import numpy as np
import pytest
from made_up_proxies import K, compression, mixtures

from trex.proxies.training_set import TrainingSet
from trex.surfaces import mixing_law, select, vocabulary
from trex.surfaces.compare import fit, validate
from trex.surfaces.fit import assign_folds
from trex.surfaces.fitted import FittedSurfaces


def macro(targets: np.ndarray) -> np.ndarray:
    return targets.mean(axis=-1)


def test_objective_std_knows_how_errors_go_together():
    mean, std = np.ones((1, 2)), np.full((1, 2), 0.1)
    average = lambda targets: targets.mean(axis=-1)  # noqa: E731
    together, against = np.array([[1, 1], [-1, -1.0]]), np.array([[1, -1], [-1, 1.0]])
    assert select.objective_std(mean, std, together, average) == pytest.approx([0.1])
    assert select.objective_std(mean, std, against, average) == pytest.approx([0.0])
    # The larger of two targets is .1 too high in both cases of `against`.
    worst = lambda targets: targets.max(axis=-1)  # noqa: E731
    assert select.objective_std(mean, std, against, worst) == pytest.approx([0.1])


def test_selection_is_nested_and_prefers_the_law_that_holds(monkeypatch):
    monkeypatch.setattr(mixing_law, "MAX_ITERATIONS", 15)
    shares = mixtures(40)
    targets = compression(shares)
    regressions = (
        select.Regression("linear", predicts_objective=True),
        select.Regression("mixing_law"),
    )
    training = TrainingSet(shares, targets, macro, np.arange(K))
    found = select.select_surface(training, regressions, folds=3)
    assert found.chosen.regression.name == "mixing_law"
    nested, selected = select.validate_selection(training, regressions, folds=3)
    assert selected == ("mixing_law",) * 3
    whole, law = (validation.scores() for validation in found.validations)
    assert law["mape"] < whole["mape"] / 5
    assert nested.scores()["n"] == 40
    assert len(nested.target_scores()) == K
    assert found.validations[0].target_scores() == []

    # A fold's prediction is that of a surface fitted without it.
    held_out = assign_folds(40, 3, 0) == 1
    alone = select.fit_objective(training.take(~held_out), regressions[1])
    assert np.array_equal(nested.mean[held_out], alone.predict(shares[held_out])[0])
    assert np.array_equal(alone.mean(shares), alone.predict(shares)[0])
    again = select.ObjectiveSurface.from_json(json.loads(json.dumps(alone.to_json())), macro)
    assert np.array_equal(again.predict(shares), alone.predict(shares))


def test_stack_weights_minimise_the_errors_on_the_simplex():
    errors = np.random.default_rng(0).normal(size=(3, 40, 4)) * [
        [[1, 1, 1, 2.0]],
        [[3, 1, 1, 1]],
        [[3, 1, 9, 1]],
    ]
    errors[2, :, 3] = 2 * errors[0, :, 3]  # worth nothing beside the first
    weights = select.stack_weights(errors)
    assert weights.sum(axis=0) == pytest.approx(np.ones(4))
    assert weights.min() == 0
    grid = np.array([(a, b, 50 - a - b) for a in range(51) for b in range(51 - a)]) / 50
    for j, found in enumerate(weights.T):
        losses = ((grid @ errors[:, :, j]) ** 2).sum(axis=1)
        assert ((found @ errors[:, :, j]) ** 2).sum() <= losses.min()
        assert np.abs(found - grid[losses.argmin()]).max() < 0.03


def test_stack_takes_each_target_from_the_kind_that_suits_it(monkeypatch):
    monkeypatch.setattr(mixing_law, "MAX_ITERATIONS", 15)
    shares, at = mixtures(60), mixtures(200, seed=1)

    def measured(shares: np.ndarray, seed: int) -> np.ndarray:
        law = compression(shares)
        line = 1 + 20 * shares @ np.random.default_rng(5).random((K, 2))
        noise = np.random.default_rng(seed).normal(0, 0.001, law.shape)
        return np.concatenate([law[:, :-2], line], axis=1) * np.exp(noise)

    training = TrainingSet(shares, measured(shares, 2), macro, np.r_[np.arange(K - 2), [-1, -1]])
    singles = (select.Regression("linear"), select.Regression("mixing_law"))
    stack = select.stack_of((*singles, select.PAPER))
    assert stack.members == singles
    assert stack.has_gradient
    found = select.select_surface(training, (*singles, stack), folds=4)
    assert select.validate_selection(training, (*singles, stack), folds=4)[1] == ("stack",) * 4
    linear, law, together = (validation.scores()["mape"] for validation in found.validations)
    assert together < min(linear, law)
    # alone, a stack cross-validates its members itself
    again = select.cross_validate_objective(training, stack, folds=4)
    assert np.array_equal(again.mean, found.validations[2].mean)

    surface = found.chosen.surface
    weight_of_law = surface.weights[1]
    assert weight_of_law[: K - 2].min() > 0.7 > 0.3 > weight_of_law[-2:].max()
    mean, std = surface.predict(at)
    inside = np.abs(mean - measured(at, 3)) < 1.645 * std
    assert 0.85 < inside.mean() < 0.97
    loaded = select.ObjectiveSurface.from_json(json.loads(json.dumps(found.chosen.to_json())), macro)
    assert loaded.regression == stack
    assert np.array_equal(loaded.predict(at), found.chosen.predict(at))
    assert np.array_equal(loaded.mean(at), loaded.predict(at)[0])

    step = 1e-6 * np.eye(K)[0]
    here = at[:1]
    mean_slope, std_slope = surface.gradient(here)[2:]
    up, down = surface.predict(here + step), surface.predict(here - step)
    assert mean_slope[..., 0] == pytest.approx((up[0] - down[0]) / 2e-6, rel=1e-4)
    assert std_slope[..., 0] == pytest.approx((up[1] - down[1]) / 2e-6, rel=1e-4)


def test_stack_of_surfaces_without_gradients_is_not_searched(by_size):
    found = fit(by_size[4096], ["stack", "linear", "lightgbm"], model="stack", folds=4, seed=0)
    assert found.surfaces.used.name == "stack"
    assert [member.name for member in found.surfaces.used.regression.members] == ["linear", "lightgbm"]
    assert found.surfaces.searched.name == "linear"
    with pytest.raises(ValueError, match=r"needs two or more other surfaces .* compared are linear"):
        fit(by_size[4096], ["linear", "stack"], folds=4, seed=0)


def test_learning_curve():
    shares = mixtures(60)
    regression = select.Regression("linear", predicts_objective=True)
    training = TrainingSet(shares, compression(shares), macro)
    rows = select.learning_curve(training, regression, [10, 40], repeats=2)
    assert [(row["proxies"], row["repeat"], row["n"]) for row in rows] == [
        (10, 0, 50), (40, 0, 20), (10, 1, 50), (40, 1, 20),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="up to 60 needs mixtures to test on"):
        select.learning_curve(training, regression, [60])


def test_vocabulary_sizes_are_joined_by_straight_lines():
    shares = mixtures(30)
    # log target = log 8 - log V / 2 + log compression: a straight line in log V
    sizes = (1024, 4096, 8192)
    surfaces = [
        mixing_law.MixingLawSurface.fit(
            shares, compression(shares) * 8 / np.sqrt(size), own=np.arange(K), seed=0
        )
        for size in sizes
    ]
    means = np.stack([surface.mean(shares) for surface in surfaces])
    assert vocabulary.leave_one_size_out(means, sizes) == pytest.approx(means, rel=3e-3)
    with pytest.raises(ValueError, match="two or more ascending"):
        vocabulary.line_weights([8192], 4096)


def test_regressions_know_how_many_mixtures_they_need():
    fewest = {name: regression.fewest(5) for name, regression in select.REGRESSIONS.items()}
    # LightGBM splits 40 rows or more: 50 of which a fifth is held out
    assert fewest == {
        "gaussian_process": 5, "lightgbm": 50, "mixing_law": 5, "linear": 5, "lightgbm_objective": 50,
    }  # fmt: skip
    assert select.Regression("lightgbm", settings={"min_data_in_leaf": 5}).fewest(5) == 13
    assert [name for name, regression in select.REGRESSIONS.items() if regression.has_gradient] == [
        "gaussian_process", "mixing_law", "linear",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def by_size():
    shares = mixtures(56)
    names = [f"m{i}" for i in range(56)]
    columns = [("held_out", corpus) for corpus in "abcde"]
    return {
        size: TrainingSet(
            shares, compression(shares) * 8 / np.sqrt(size), macro, np.arange(K), names, columns
        )
        for size in (1024, 2048, 4096)
    }


def test_comparison(by_size):
    settings = {"model": "lightgbm_objective", "folds": 4, "seed": 0}
    found = fit(by_size[4096], ["linear"], paper=True, **settings)
    # the surface asked for has no gradients, so searches by gradients use the best that has
    assert found.surfaces.used.regression == found.surfaces.paper.regression == select.PAPER
    assert found.surfaces.searched.regression.name == "linear"
    assert found.metrics.select("model", "used").rows() == [
        ("linear", False), ("lightgbm_objective", True),
    ]  # fmt: skip
    assert found.predictions.group_by("model", maintain_order=True).len()["len"].to_list() == [56] * 2
    assert found.predictions["measured"][:56].to_list() == by_size[4096].values.tolist()
    assert found.corpus_metrics.select("model", "evaluation_set", "corpus").rows()[1] == (
        "linear", "held_out", "b",
    )  # fmt: skip
    known = validate(by_size, found.surfaces, ["linear"], **settings)
    # nothing was selected, so that the own cross-validation of what was asked for is honest
    assert known.selected_metrics.rows() == [
        ("selected", False, *found.metrics.filter("used").row(0)[2:]),
    ]  # fmt: skip
    assert known.selected_predictions["predicted"].to_list() == found.predictions["predicted"][56:].to_list()
    assert known.learning_curve.height == 0 or known.learning_curve["proxies"].max() == 42
    # a straight line in log V: as good without a size's measurements as with them
    assert known.vocabulary["vocab_size"].to_list() == [1024, 2048, 4096]
    assert known.vocabulary["mape"].to_list() == pytest.approx(
        known.vocabulary["mape_with"].to_list(), rel=0.05
    )
    # the same regressions at the other sizes, whose NSLs are larger by sqrt(4096 / V)
    assert list(known.other_sizes) == [1024, 2048]
    there = known.other_sizes[1024]
    assert (there.used.name, there.searched.name) == ("lightgbm_objective", "linear")
    ratio = there.searched.mean(mixtures(9)) / found.surfaces.searched.mean(mixtures(9))
    assert ratio == pytest.approx(np.full(9, 2), rel=0.05)
    again = FittedSurfaces.from_json(json.loads(json.dumps(found.surfaces.to_json())), macro)
    assert np.array_equal(again.used.predict(mixtures(9)), found.surfaces.used.predict(mixtures(9)))
    assert again.searched.regression.name == "linear"
    assert again.with_threads(2).paper.surface.num_threads == 2


def test_comparison_without_the_paper(by_size):
    found = fit(by_size[4096], ["linear"], folds=4, seed=0)
    assert found.surfaces.paper is None
    assert found.surfaces.used is found.surfaces.searched
    known = validate({4096: by_size[4096]}, found.surfaces, ["linear"], folds=4, seed=0)
    assert known.vocabulary.height == 0
    assert known.other_sizes == {}
    assert FittedSurfaces.from_json(found.surfaces.to_json(), macro).paper is None
