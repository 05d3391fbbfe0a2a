"""Limits of an objective with real proxies of a small index: what a search proposes keeps them as it is measured."""

import random
from collections import Counter

import numpy as np
import polars as pl
import pytest
from trex.metrics import Objective
from trex.regression import fit_with_residuals
from trex.targets import Targets
from trex.verification import SLACK

from trex import constraints, proxies, search
from trex.files import write_table
from trex.mixtures import sample_mixtures, uniform
from trex.pretokenize import count_words
from trex.wordindex import WordIndex

ALPHABETS = {"aaa": "abcdefgh", "bbb": "αβγδεζηθ", "ccc": "あいうえおかきく", "ddd": "бвгджзкл"}
CORPORA = list(ALPHABETS)
K = len(CORPORA)
SHARDS, S, V = 50, 500_000, 600
TOKENIZER = {"special_tokens": [], "min_frequency": 0, "max_token_length": None}
# the weights pull towards the first corpus, the limit away from that
WEIGHTS = {"aaa": 8, "bbb": 1, "ccc": 1, "ddd": 1}
OBJECTIVE = {"aggregate": "weighted", "weights": WEIGHTS, "evaluation_sets": ["held_out"]}
OBJECTIVE |= {"max_gini": None, "max_premium": None}
PERCENT = 2.0


def made_up_text(corpus: str, n: int, seed: int) -> str:
    words = random.Random(corpus)
    known = ["".join(words.choices(ALPHABETS[corpus], k=words.randint(1, 9))) for _ in range(2000)]
    text = random.Random(f"{corpus} {seed}")
    return " ".join(text.choices(known, [1 / rank for rank in range(1, 2001)], k=n))


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> WordIndex:
    folder = tmp_path_factory.mktemp("limits")
    counts, ledgers, evaluation = {}, {}, {}
    for corpus in CORPORA:
        texts = [made_up_text(corpus, 1500, shard) for shard in range(SHARDS)]
        words = Counter()
        for shard, text in enumerate(texts):
            words.update({(word, shard): n for word, n in count_words(text).items()})
        rows = [(word, shard, n) for (word, shard), n in sorted(words.items())]
        table = pl.DataFrame(
            rows, schema={"word": pl.Binary, "shard": pl.UInt16, "count": pl.Int64}, orient="row"
        )
        counts[corpus] = folder / f"{corpus}.parquet"
        write_table(table.group_by("word", maintain_order=True).agg("shard", "count"), counts[corpus])
        ledgers[corpus] = folder / f"{corpus}.ledger.parquet"
        sizes = [len(text.encode()) for text in texts]
        write_table(pl.DataFrame({"part": "train", "shard": range(SHARDS), "bytes": sizes}), ledgers[corpus])
        text = made_up_text(corpus, 20_000, SHARDS)
        held_out = count_words(text)
        paths = folder / f"{corpus}.words.parquet", folder / f"{corpus}.eval.parquet"
        write_table(pl.DataFrame({"word": held_out.keys(), "count": held_out.values()}), paths[0])
        numbers = {"documents": 1, "bytes": len(text.encode()), "characters": len(text), "words": 20_000}
        row = {"evaluation_set": "held_out", "corpus": corpus, **numbers, "reference_tokens": 40_000}
        write_table(pl.DataFrame([row]), paths[1])
        evaluation["held_out", corpus] = paths
    WordIndex.build(folder / "index", counts, ledgers, evaluation)
    return WordIndex.load(folder / "index", CORPORA)


@pytest.fixture(scope="module")
def measure(index):
    return search.measurer(index, ["held_out"], S, V, TOKENIZER)


@pytest.fixture(scope="module")
def targets(index):
    _, reference_tokens = proxies.evaluation_arrays(index, ["held_out"])
    return Targets(Objective.from_config(OBJECTIVE, CORPORA), reference_tokens)


def limits(measure):
    config = OBJECTIVE | {"max_loss": {"uniform": PERCENT}}
    return search.objective_limits(config, CORPORA, {"uniform": uniform(K)}, measure)


def by_direct(measure, targets, limited):
    found = limits(measure) if limited else ()
    start, low, high = uniform(K), np.zeros(K), np.ones(K)
    return search.direct(targets, measure, start, low, high, constraints=found, rounds=24)


def on_surface(measure, targets, limited, given):
    """The problem on a surface fitted to proxies at mixtures [n, k], and their targets [n, t]."""
    flat = np.stack([targets.flat(measure(shares)) for shares in given])
    surface, errors = fit_with_residuals(given, flat, "gaussian_process", own=targets.own)
    found = limits(measure) if limited else ()
    low, high = np.zeros(K), np.ones(K)
    return search.Problem(surface, targets, low, high, constraints=found, errors=errors), flat


def random_mixtures(n):
    return sample_mixtures(range(n), seed=1, prior=uniform(K), strength=(1, 4))


def by_surrogate(measure, targets, limited):
    given = random_mixtures(64)
    problem, _ = on_surface(measure, targets, limited, given)
    return search.surrogate(problem.within_support(given), uniform(K))


def by_adaptive(measure, targets, limited):
    given = random_mixtures(16)
    for seed in range(2):
        problem, flat = on_surface(measure, targets, limited, given)
        given = np.concatenate([given, search.propose_batch(problem, given, flat, 6, seed=seed)])
    problem, flat = on_surface(measure, targets, limited, given)
    return search.adaptive(problem, given, flat)


@pytest.mark.parametrize("strategy", [by_direct, by_surrogate, by_adaptive])
def test_limits_hold_as_measured(strategy, measure, targets):
    at_uniform = measure(uniform(K))
    values, over = [], []
    for limited in (False, True):
        for candidate in strategy(measure, targets, limited).candidates:
            nsl = measure(candidate.shares)
            values.append(float(targets.value(targets.flat(nsl))))
            over.append(float(constraints.violation(limits(measure), nsl, targets.reference_tokens)))
    free, limited = np.split(np.array(over), 2)
    assert (free > 0.02).all()  # the limit binds
    assert (limited <= SLACK).all()
    assert values[len(free)] < float(
        targets.value(targets.flat(at_uniform))
    )  # and there is something to gain
