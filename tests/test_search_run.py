"""All searches of a run, on a small index: the search space, rounds, candidates, and the choice among them."""

import json
from types import SimpleNamespace
from typing import get_args

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter, ValidationError
from small_index import CORPORA, TOKENIZER, build_index

from trex.config.fields import TokenizerName
from trex.config.models import Strategy as StrategyName
from trex.mixtures.baselines import kind
from trex.mixtures.bounds import Bounds
from trex.objective.objective import Objective
from trex.proxies.train import Trainer
from trex.proxies.training_set import TrainingSet
from trex.search.finalists import finalists
from trex.search.measurements import measure
from trex.search.pareto import measured_front, points_to_measure
from trex.search.registry import STRATEGIES
from trex.search.rounds import Round
from trex.search.searches import begin_study, candidates_table, front, read_results
from trex.search.space import SearchSpace
from trex.search.strategy import Study, by_name
from trex.surfaces.compare import fit
from trex.surfaces.select import PAPER, Regression

V = 400
LINEAR = Regression("linear")
SEARCH = {
    "strategies": ["direct", "adaptive", "surrogate", "paper"],
    "floors": {"ccc": 0.1}, "ceilings": {"aaa": 0.5}, "draws": 2000, "top_k": 10, "strength": None,
    "within_support": True, "kappa": 1.0, "direct_rounds": 3,
}  # fmt: skip
PARAMS = SimpleNamespace(
    seed=1,
    corpora=CORPORA,
    objective={
        "aggregate": "macro", "evaluation_sets": ["held_out"], "max_loss": {"uniform": 3}, "vocab_size": V,
    },
    sampling={"prior": "uniform", "strength": [1, 4], "min_share": 0.01, "max_epochs": 4, "bytes": 30_000},
    search=SEARCH,
    baselines={"uniform": "uniform", "theirs": {"infer": {"tokenizer": "o200k_base"}}},
)  # fmt: skip


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    inferred = folder / "theirs.json"
    inferred.write_text(json.dumps({"shares": {"aaa": 3, "ccc": 1}}))
    trainer = Trainer(build_index(folder, 10, 300), TOKENIZER, PARAMS.sampling["bytes"], [V])
    return SearchSpace.from_params(trainer, PARAMS, [str(inferred)])


@pytest.fixture(scope="module")
def training(space):
    shares = space.sampler.mixtures(range(56))
    targets = np.stack([space.objective.flat(space.measure(mixture)) for mixture in shares])
    columns = [("held_out", corpus) for corpus in CORPORA]
    names = [f"m{i:05d}" for i in range(56)]
    return TrainingSet(shares, targets, space.objective, space.objective.own, names, columns)


@pytest.fixture(scope="module")
def study(space, training):
    surfaces = fit(training, ["linear"], paper=True, folds=4, seed=1).surfaces
    rounds = [{"round": 0, "stopped": False, "trained": 2}, {"round": 1, "stopped": True, "trained": 0}]
    return begin_study(space, training.take(np.arange(50)), surfaces, training, rounds, 1), surfaces


def test_space_of_a_config(space):
    assert list(space.baselines) == ["matched", "uniform", "theirs"]
    assert space.baselines["theirs"].tolist() == [0.75, 0, 0.25, 0]
    assert space.bounds.low.tolist() == [0.01, 0.01, 0.1, 0.01]
    assert space.bounds.high[0] == 0.5
    assert space.bounds.contain(space.baselines["matched"])
    # what the limit compares with was measured: uniform itself is 3 % below it
    (limit,) = space.constraints
    excess = limit.excess(space.measure(space.baselines["uniform"]), space.objective.reference_tokens)
    assert excess == pytest.approx(np.full(4, 1 / 1.03 - 1))


def test_a_round_proposes_mixtures_until_too_little_is_gained(space, training):
    few = training.take(np.arange(16))
    proposal = Round(2, per_round=3, tolerance=0.0, seed=1).propose(few, LINEAR, space, [])
    assert list(proposal.mixtures) == ["a02_000", "a02_001", "a02_002"]
    assert space.bounds.contain(np.stack(list(proposal.mixtures.values()))).all()
    assert proposal.notes["trained"] == 3
    assert proposal.notes["best_before"] == few.values.min()
    for last in (
        Round(2, 3, tolerance=1.0, seed=1).propose(few, LINEAR, space, []),
        Round(2, 3, tolerance=0.0, seed=1).propose(few, LINEAR, space, [{"stopped": True}]),
    ):
        assert last.notes["stopped"]
        assert (last.mixtures, last.notes["trained"]) == ({}, 0)


def test_candidates_of_all_strategies(study, space, tmp_path):
    study, surfaces = study
    for name, strategy in STRATEGIES.items():
        # a strategy is given no more of the section than it says it reads, and that without a surface no study
        settings = {key: SEARCH[key] for key in strategy.settings}
        found = strategy.from_config(settings, 1).search(Study(space) if strategy.needs == "space" else study)
        (tmp_path / f"{name}.json").write_text(json.dumps(found.to_json(CORPORA)))
    results = read_results(list(STRATEGIES), [tmp_path / f"{name}.json" for name in STRATEGIES], CORPORA)
    candidates = candidates_table(results, space, surfaces.used)
    assert candidates.columns == ["name", "role", "strategy", "predicted", "predicted_std", *CORPORA]
    names = [name for strategy in STRATEGIES.values() for name in strategy.candidates]
    assert candidates["name"].to_list() == [*names, "matched", "uniform", "theirs"]
    assert candidates.filter(role="baseline")["strategy"].unique().to_list() == ["baseline"]
    assert candidates.filter(name="best_draw")["strategy"].item() == "paper"
    shares = candidates.filter(role="candidate").select(CORPORA).to_numpy()
    assert space.bounds.contain(shares).all()
    mean, std = surfaces.used.predict(candidates.select(CORPORA).to_numpy())
    assert candidates["predicted"].to_list() == pytest.approx(mean)
    assert candidates["predicted_std"].to_list() == pytest.approx(std)
    assert results["adaptive"].notes["rounds"] == 1
    assert results["adaptive"].notes["trained"] == 2
    assert len(results["direct"].table) == SEARCH["direct_rounds"]
    for name, strategy in STRATEGIES.items():  # the pages say what all notes mean, and costs.md reads one
        assert {*results[name].notes} <= {*strategy.note_labels}
        assert strategy.trained_note in (None, *results[name].notes)
    # the k-curve says that the paper's regression predicts it
    assert {row["model"] for row in results["paper"].table} == {PAPER.name}
    only = candidates_table({"surrogate": results["surrogate"]}, space, surfaces.used)
    assert only["name"].to_list() == ["surrogate", "matched", "uniform", "theirs"]


def test_front_as_a_table(study):
    study, _ = study
    table = front(study, SEARCH, 1)
    assert table.columns == ["name", "weight", "average", "worst", *CORPORA]
    assert (np.diff(table["worst"]) < 0).all()


def test_points_of_the_front_are_measured(space):
    rows = {"name": ["a", "b", "c"], "average": [1.0, 1.1, 1.3], "worst": [1.6, 1.4, 1.35]}
    shares = np.array([[0.25] * 4, [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    table = pl.DataFrame(rows | dict(zip(CORPORA, shares.T, strict=True)))
    objective = Objective.from_config(PARAMS.objective, CORPORA)
    trainer = space.measure.func.__self__
    found = measured_front("front_knee", table, trainer, objective, 2)
    assert found.select("name", "point", "replicate").rows() == [
        ("front_knee", "b", 0),
        ("front_knee", "b", 1),
    ]
    nsl = space.measure(shares[1])[0]
    assert found["average"][0] == pytest.approx(nsl.mean())
    assert found["worst"][0] == pytest.approx(nsl.max())
    assert found["average"][1] != found["average"][0]
    # the front bulges away from the optimum: no point is below the line through its ends
    bulging = table.with_columns(worst=pl.Series([1.6, 1.59, 1.35]))
    assert measured_front("front_knee", bulging, trainer, objective, 2).is_empty()
    assert points_to_measure(table[:1]) == {"front_average": "a"}


def test_strategies_are_those_that_a_config_can_name():
    assert get_args(StrategyName) == tuple(STRATEGIES)
    for name, strategy in STRATEGIES.items():
        assert by_name(name) is strategy
        for candidate in strategy.candidates:  # no baseline may have its name
            with pytest.raises(ValidationError, match="reserved"):
                TypeAdapter(TokenizerName).validate_python(candidate)


# --- What was measured----------------------------------------------------------------------------------------

MIXTURES = {"paper": [0.8, 0.2], "uniform": [0.5, 0.5]}
NSL = {"paper": [[1.0, 1.1], [1.0, 1.3]], "uniform": [[1.1, 1.1], [1.2, 1.2]]}  # by replicate and corpus


def ranked(bounds=None, **objective):
    candidates = pl.DataFrame(
        [
            {"name": name, "role": "baseline" if name == "uniform" else "candidate", "strategy": name,
             "predicted": 1.0, "a": a, "b": b}
            for name, (a, b) in MIXTURES.items()
        ]
    )  # fmt: skip
    compression = pl.DataFrame(
        [
            {"name": name, "draw": r, "evaluation_set": "held_out", "corpus": corpus, "vocab_size": V,
             "nsl": nsl, "reference_tokens": 1000}
            for name, replicates in NSL.items()
            for r, row in enumerate(replicates)
            for corpus, nsl in zip("ab", row, strict=True)
        ]
    )  # fmt: skip
    documents = {
        name: [pl.DataFrame(
            [
                {"evaluation_set": "held_out", "corpus": corpus, "document": d, "tokens": int(100 * nsl) + d,
                 "reference_tokens": 100, "sampled": 1.0}
                for corpus, nsl in zip("ab", NSL[name][0], strict=True)
                for d in range(4)
            ]
        )]
        for name in MIXTURES
    }  # fmt: skip
    section = {"aggregate": "macro", "evaluation_sets": ["held_out"], "vocab_size": V, **objective}
    wanted = Objective.from_config(section, ["a", "b"])
    measured = measure(candidates, compression, documents, wanted, bounds, seed=0)
    columns = (dict(candidates.select("name", column).iter_rows()) for column in ("strategy", "predicted"))
    kinds = {name: kind(name, {"uniform": "uniform"}) for name in candidates["name"]}
    return finalists(measured, kinds, *columns, {})


def test_the_best_measured_mixture_is_first():
    found = ranked()
    assert found["best"] == "paper"
    row = found["ranking"][0]
    assert row["values"] == pytest.approx([1.05, 1.15])
    assert row["violation"] is None
    gain = found["gains"]["uniform"]
    assert gain["percent"] == pytest.approx(100 * np.mean([1 - 1.05 / 1.1, 1 - 1.15 / 1.2]))
    assert gain["documents_error"] > 0


def test_limits_are_those_of_the_baselines_on_the_same_draw():
    # corpus b of paper: 1.1 / 1.1 in the first replicate, 1.3 / 1.2 in the second, 5 % are allowed
    found = ranked(max_loss={"uniform": 5})
    violations = {row["name"]: row["violation"] for row in found["ranking"]}
    assert found["best"] == "uniform"
    assert violations == pytest.approx({"uniform": 0, "paper": (1.3 / 1.26 - 1) / 2})


def test_floors_and_ceilings_are_limits_too():
    found = ranked(Bounds.of_corpora(["a", "b"], floors={"b": 0.3}, ceilings={}))
    assert found["best"] == "uniform"
    assert found["ranking"][1]["violation"] == pytest.approx(0.1)
