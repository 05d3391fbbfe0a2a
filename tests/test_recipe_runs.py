"""Recipes side by side: what they share, what each has of its own, and what a new or changed one makes again."""

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest
import tiny
import yaml
from test_workflow import change, planned, snakemake

from trex.config import (
    ConfigError,
    check_files,
    load_config,
    load_run,
    load_yaml,
    paths_of_patterns,
    without_effect,
)
from trex.counting.patterns import PATTERNS
from trex.language_model import device
from trex.language_model.text import Documents

WITHOUT_SEARCH = {
    "search": {"strategies": []},
    "baselines": {"uniform": "uniform"},
    "validation": {"tokenizers": {"other": "reference.json"}, "mixtures": 0},
}
if device.installed():
    check = {"recipes": ["plain", "by_letters"], "mixtures": ["chosen"], "raw_bytes": False, "seeds": 1}
    sizes = {"bytes": 20_000, "evaluation_bytes": 2_000, "depth": 1, "context": 32, "batch": 4}
    WITHOUT_SEARCH["language_model"] = {"check": {**check, **sizes}}
RECIPES = {
    "plain": {},
    "by_letters": {"tokenizer": {"pattern": r"\p{L}+|[^\p{L}]+", "normalizer": "none"}},
}


def set_recipes(folder: Path, recipes: dict | None) -> None:
    config = yaml.safe_load((folder / "my.yaml").read_text())
    config.pop("recipes", None)
    if not recipes:
        config.pop("language_model", None)  # whose check has recipes as rows
    (folder / "my.yaml").write_text(yaml.safe_dump(config | ({"recipes": recipes} if recipes else {})))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of two recipes without a search."""
    folder = tiny.make(tmp_path_factory.mktemp("recipes") / "run", **WITHOUT_SEARCH)
    set_recipes(folder, RECIPES)
    result = snakemake(folder)
    assert result.returncode == 0, result.stderr[-3000:]
    return folder


def test_nothing_is_left_to_do(run):
    assert planned(run) == {}


def test_a_recipe_is_what_a_run_of_its_own_gives(run, tmp_path):
    alone = shutil.copytree(run, tmp_path / "alone", symlinks=True, ignore=shutil.ignore_patterns("results"))
    set_recipes(alone, None)
    result = snakemake(alone, "results/tokenizers/chosen/tokenizer.json", "results/choice/choice.json")
    assert result.returncode == 0, result.stderr[-3000:]
    for file in ("tokenizers/chosen/tokenizer.json", "choice/choice.json"):
        assert (run / "results/recipes/plain" / file).read_bytes() == (alone / "results" / file).read_bytes()
    other = run / "results/recipes/by_letters/tokenizers/chosen/tokenizer.json"
    assert other.read_bytes() != (alone / "results/tokenizers/chosen/tokenizer.json").read_bytes()


def test_a_new_recipe_makes_itself_alone(run):
    """One with a split that is counted, and one with another; then a recipe that changes."""
    set_recipes(run, {**RECIPES, "larger": {"training": {"vocab_size": 600}}})
    rules = planned(run)
    assert "larger__train_tokenizer" in rules
    assert {rule for rule in rules if not rule.startswith("larger__")} == {"compare_recipes"}
    set_recipes(run, {**RECIPES, "nfkc": {"tokenizer": {"normalizer": "nfkc"}}})
    rules = planned(run)
    assert "default_nfkc__count_words" in rules
    assert {rule for rule in rules if not rule.startswith(("nfkc__", "default_nfkc__"))} == {
        "compare_recipes"
    }
    set_recipes(run, {**RECIPES, "plain": {"training": {"vocab_size": 450}}})
    of_models = {rule for rule in planned(run) if "language_model" in rule}
    assert {rule for rule in planned(run) if not rule.startswith("plain__")} == {
        "compare_recipes",
        *of_models,
    }
    assert "collect_language_model_text" not in of_models  # the text has not changed
    # another first recipe that normalizes text alike: existing tokenizers have read it
    set_recipes(run, {"first": {"tokenizer": {"pattern": "gpt2"}}, **RECIPES})
    assert not [rule for rule in planned(run) if rule.endswith("_existing")]
    set_recipes(run, RECIPES)
    assert planned(run) == {}


@pytest.mark.skipif(not device.installed(), reason="JAX or Optax is not installed")
def test_one_check_of_language_models_has_the_recipes_as_rows(run):
    """They read the same documents, of the first recipe's normalizer, and share their budget."""
    of = run / "results/language_model"
    assert list(json.loads((of / "budget.json").read_text())["passes"]) == ["plain", "by_letters"]
    for text in ("training", "measured"):
        plain, other = (Documents.read(of / f"ids/{name}.{text}.parquet") for name in ("plain", "by_letters"))
        assert plain.n_bytes.tolist() == other.n_bytes.tolist()
        assert len(plain.ids) != len(other.ids)
    table = pl.read_parquet(of / "bits_per_byte.parquet")
    assert table.filter(row="by_letters", against="plain", metric="gain_macro").height == 2
    page = (run / "results/recipes.md").read_text()
    assert "## Language models" in page
    assert "One seed of each row, or one document of a corpus, cannot tell differences from `plain`" in page
    assert "## At equal compute" in (run / "results/language_models.md").read_text()
    assert '"language_models":{"said":' in (run / "results/recipes.html").read_text()
    assert not list((run / "results/recipes").glob("*/language_model"))
    assert not planned(run, "language_models")

    check = WITHOUT_SEARCH["language_model"]["check"]
    change(run, language_model={"check": {**check, "recipes": []}})
    rules = planned(run, "language_models")
    change(run, language_model={"check": check})
    assert {rule for rule in rules if "train_language_model" in rule} == {
        f"{recipe}__train_language_model" for recipe in RECIPES
    }


def test_a_recipe_changes_keys_and_not_sections(tmp_path):
    run = tiny.CONFIG | {"reference": "o200k_base", "validation": {}}
    raw = run | {
        "recipes": {"a": {"training": {"vocab_size": 300}}, "b": {"baselines": {"n": "natural"}}, "c": None}
    }
    _, loaded = load_run(raw, tmp_path)
    assert [recipe["training"] for recipe in loaded.values()] == [
        load_config(run | {"training": {"vocab_size": 300, "baselines": False}}, tmp_path)["training"],
        load_config(run, tmp_path)["training"],
        load_config(run, tmp_path)["training"],
    ]
    assert [list(recipe["baselines"]) for recipe in loaded.values()] == [["uniform"], ["n"], ["uniform"]]


@pytest.mark.parametrize(
    ("recipes", "said"),
    [
        (
            {"a": {"tokenizer": {"patern": "o200k"}}},
            "recipes.a.tokenizer.patern: unknown key; did you mean pattern?",
        ),
        ({"a": {"training": {"vocab_size": 12}}}, "recipes.a.training.vocab_size: 12 is not"),
        ({"a": {"corpora": {}}}, "recipes.a.corpora: is the same in all recipes; write it beside them"),
        ({"a": {"recipes": {}}}, "recipes.a.recipes: unknown key; available: tokenizer"),
        ({"a b": {}}, "recipes.a b"),
        ({"a": {"tokenizer": "o200k"}}, "recipes.a.tokenizer"),
        ({"a": {"objective": {"parallel_set": "x"}}}, "recipes.a.objective.parallel_set"),
        ({"o200k_base": {}}, "recipes.o200k_base: has the name of a tokenizer of validation.tokenizers"),
        (
            {"a": {"tokenizer": {"superwords": {"pattern": "default"}}}},
            "recipes.a.tokenizer.superwords.pattern",
        ),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(recipes, said, tmp_path):
    raw = {"corpora": tiny.CONFIG["corpora"], "recipes": recipes}
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_run(raw, tmp_path)


def said_of(recipes: dict, folder: Path, **run) -> str:
    with pytest.raises(ConfigError) as error:
        load_run({"corpora": tiny.CONFIG["corpora"], **run, "recipes": recipes}, folder)
    return str(error.value)


def keys_of(error: str) -> list[str]:
    return [line.partition(": ")[0] for line in error.splitlines()]


def test_all_problems_are_told_together_and_each_once(tmp_path):
    """Unknown keys, values, keys that do not go together, what the file gives to some recipes and what shared keys ask
    of one."""
    said = said_of(
        {
            "a": {"tokenizer": {"patern": "o200k"}, "proxies": {"count": 72}},
            "b": {"training": {"vocab_size": 12}},
            "c": {"tokenizer": {"patern": "gpt2", "parity": {}}},
            "d": {"tokenizer": {"algorithm": "unigram"}, "proxies": {"count": 64}},
            "e": {"corpora": {}, "tokenizer": {"parity": {}}},
        },
        tmp_path,
        seed="x",
        proxies={"count": 60},
        validation={"mixtures": 70},
    )
    assert keys_of(said) == [
        "seed",
        "recipes.e.corpora",
        "recipes.a.tokenizer.patern (also in c)",
        "recipes.b.training.vocab_size",
        "proxies.count (in the recipes b, c, e)",
        "validation.mixtures (in the recipes b, c, e)",
        "validation.mixtures (in the recipe d)",
        "recipes.d.search.strategies",
        "recipes.e.search.strategies",
    ]
    assert "proxies.count (in the recipes b, c, e): 60 is not a multiple of proxies.per_job" in said
    # of all recipes, where it is mended
    assert keys_of(said_of({"a": {}, "b": None}, tmp_path, proxies={"count": 60})) == ["proxies.count"]


def test_files_of_corpora_and_recipes_are_told_together(tmp_path):
    own = {"release": {"chat_template": "gone.jinja"}}
    raw = {
        "corpora": {"a": {"source": {"text": "gone.txt"}}, "b": {"source": {"demo": "deu"}}},
        "recipes": {"x": own, "y": {}, "z": own | {"tokenizer": {"pattern": "gpt2"}}},
    }
    keys = ["corpora.a.source", "recipes.x.release.chat_template (also in z)"]
    for written, more in ((raw, []), (raw | own, ["release.chat_template (in the recipe y)"])):
        run, recipes = load_run(written, tmp_path)
        with pytest.raises(ConfigError) as error:
            check_files(run, tmp_path, recipes, written)
        assert keys_of(str(error.value)) == [*keys, *more]


def test_a_file_need_not_be_valid_without_its_recipes(tmp_path):
    """Sizes of an extension are the recipes'; what they share is made as the first one says."""
    file = {
        "corpora": tiny.CONFIG["corpora"],
        "tokenizer": {"base": "o200k_base"},
        "proxies": {"vocab_size": 201_000},
    }
    with pytest.raises(ConfigError, match=r"training\.vocab_size: 32768 leaves no room"):
        load_run(file, tmp_path)
    sizes = {f"plus_{n}": {"training": {"vocab_size": 200_000 + n}} for n in (4096, 8192)}
    run, recipes = load_run(file | {"recipes": sizes}, tmp_path)
    assert [recipe["training"]["vocab_size"] for recipe in recipes.values()] == [204_096, 208_192]
    assert run == {key: value for key, value in recipes["plus_4096"].items() if key != "place"}
    said = said_of(sizes | {"plain": {}}, tmp_path, **file)
    assert keys_of(said) == ["training.vocab_size (in the recipe plain)"]


def test_merges_kept_of_one_base_are_not_those_of_another(tmp_path):
    file = {
        "tokenizer": {"base": "o200k_base", "keep": 50_000},
        "training": {"vocab_size": 150_000},
        "proxies": {"vocab_size": 120_000},
    }
    other = {"tokenizer": {"base": "cl100k_base"}}
    said = said_of({"a": {"tokenizer": {"base": "o200k_base"}}, "b": other}, tmp_path, **file)
    assert said == (
        'recipes.b.tokenizer.keep: 50000 merges are to stay of "o200k_base", and this recipe extends "cl100k_base"; '
        "write keep in the recipe too: all, or a number of merges"
    )
    raw = {"corpora": tiny.CONFIG["corpora"], **file, "recipes": {"b": other}}
    assert load_run(raw | {"tokenizer": {"base": "o200k_base", "keep": "all"}}, tmp_path)  # of any base
    raw["recipes"] = {"a": {}, "b": {"tokenizer": {"base": "cl100k_base", "keep": "all"}}}
    kept = [recipe["tokenizer"]["keep"] for recipe in load_run(raw, tmp_path)[1].values()]
    assert kept == [50_000, "all"]


def test_what_a_recipe_cannot_remove_it_can_turn_off(tmp_path):
    """The cure that is named works."""
    run = {"tokenizer": {"base": "o200k_base"}, "training": {"vocab_size": 210_000}}
    parity = {"tokenizer": {"parity": {}}, "search": {"strategies": []}}
    said = said_of({"a": parity}, tmp_path, **run, proxies={"vocab_size": 205_000})
    assert "recipes.a.tokenizer.parity: does not go with tokenizer.base; remove one of the two" in said
    assert "tokenizer.base is the run's own: this recipe turns it off with tokenizer: {base: null}" in said
    cured = parity | {"tokenizer": {"parity": {}, "base": None}}
    raw = {"corpora": tiny.CONFIG["corpora"], **run, "proxies": {"vocab_size": 205_000}}
    assert load_run(raw | {"recipes": {"a": cured}}, tmp_path)[1]["a"]["tokenizer"]["base"] is None
    # what is kept of a base goes with it
    raw["tokenizer"] = {"base": "o200k_base", "keep": 1000}
    assert load_run(raw | {"recipes": {"a": cured}}, tmp_path)[1]["a"]["tokenizer"]["keep"] == "all"


def test_release_of_a_base_is_turned_off_in_the_recipe(tmp_path):
    release = {"bos_token": "<|endoftext|>", "add_bos_token": True}
    base = {
        "tokenizer": {"base": "o200k_base"},
        "training": {"vocab_size": 210_000},
        "proxies": {"vocab_size": 205_000},
    }
    said = said_of({"a": base}, tmp_path, release=release)
    assert "this recipe turns it off with release: {add_bos_token: false}" in said
    said = said_of({"a": base}, tmp_path, release={"bos_token": "<s>"}, tokenizer={"special_tokens": ["<s>"]})
    assert 'recipes.a.release.bos_token: "<s>" is no special token of tokenizer.base; write null' in said


@pytest.mark.parametrize("name", ["../x", "a/b", "Plain", "x" * 65, "", "1st"])
def test_names_of_recipes_are_names_of_folders(name, tmp_path):
    with pytest.raises(ConfigError, match="is not the name of a recipe"):
        load_run({"corpora": tiny.CONFIG["corpora"], "recipes": {name: {}}}, tmp_path)


@pytest.mark.parametrize(
    ("sections", "paths"),
    [
        ({}, []),
        ({"tokenizer": {"superwords": {"from": 1}}}, ["tokenizer.superwords.from"]),
        ({"tokenizer": {"superwords": {"max_words": 1}}}, ["tokenizer.superwords.max_words"]),
        ({"tokenizer": {"superwords": {"barriers": ": ;"}}}, ["tokenizer.superwords.barriers"]),
        ({"tokenizer": {"superwords": {"pattern": "o200k"}}}, ["tokenizer.superwords.pattern"]),
        ({"tokenizer": {"pattern": "o200k", "superwords": {}}}, ["tokenizer.superwords.pattern"]),
        ({"tokenizer": {"pattern": "o200k", "superwords": {"pattern": "superbpe"}}}, []),
        ({"tokenizer": {"superwords": {"pattern": "none"}}}, []),
        (
            {"tokenizer": {"parity": {"global_merges": 40_000, "window_size": 50}}, "search": {"strategies": []}},
            ["tokenizer.parity.global_merges", "tokenizer.parity.window_size"],
        ),
        (
            {"tokenizer": {"parity": {"variant": "window", "alpha": 3}}, "search": {"strategies": []}},
            ["tokenizer.parity.alpha"],
        ),
        (
            {
                "corpora": dict(list(tiny.CONFIG["corpora"].items())[:2]),
                "tokenizer": {"parity": {"variant": "window"}},
                "search": {"strategies": []},
            },
            ["tokenizer.parity.variant"],
        ),
        (  # the ladder's tokenizer has more merges than those
            {
                "tokenizer": {"parity": {"variant": "base", "global_merges": 40_000}},
                "training": {"ladder": [65_536]},
                "search": {"strategies": []},
            },
            [],
        ),
        ({"objective": {"sharpness": 5, "weights": {"aaa": 1}}}, ["objective.weights", "objective.sharpness"]),
        ({"search": {"strategies": ["direct"], "draws": 5000}}, ["search.draws"]),
        ({"search": {"strategies": []}, "proxies": {"count": 8}}, ["proxies.count"]),
        ({"training": {"vocab_range": [20_000, 40_000]}}, ["training.vocab_range"]),
        ({"training": {"ladder": [16_384, 32_768]}}, ["training.ladder"]),
        ({"training": {"bytes": "all", "draws": 3}}, ["training.draws"]),
        ({"training": {"bytes": "all", "draws": 1}}, []),
        ({"training": {"bytes": "10MB", "draws": 2}}, []),
        ({"tokenizer": {"superwords": {"from": 0, "word_mixture": "natural"}}},
         ["tokenizer.superwords.word_mixture"]),
        (
            {
                "search": {"strategies": [], "within_support": False},
                "proxies": {"per_job": 4, "vocab_size": 4096, "vocab_grid": [1024], "prior": "natural", "bytes": "1MB",
                            "max_epochs": 2, "min_share": 0.1},
                "validation": {"mixtures": 8, "grid": [{"bytes": "1MB", "vocab_size": 1024}]},
            },
            ["proxies.per_job", "proxies.prior", "proxies.vocab_grid", "proxies.vocab_size", "search.within_support",
             "validation.grid", "validation.mixtures"],
        ),
        (  # defaults, and what turns off what is off
            {
                "search": {"strategies": [], "kappa": 1},
                "proxies": {"per_job": 8, "vocab_grid": [], "bytes": "2MB"},
                "validation": {"mixtures": 0, "grid": []},
                "language_model": {"check": {"seeds": 0, "depth": 2, "bytes": "2MB"}},
            },
            [],
        ),
        ({"validation": {"mixtures": 0, "grid": [{"bytes": "1MB", "vocab_size": 1024}]}}, ["validation.grid"]),
        ({"language_model": {"check": {"depth": 4, "context": 512}}}, ["language_model.check"]),
        ({"language_model": {"check": {"seeds": 2, "byte_share": 0.5}}}, ["language_model.check.byte_share"]),
        ({"language_model": {"served_tokens": 0, "generated_share": 0.5}}, ["language_model.generated_share"]),
        ({"counting": {"draw_from": 20}}, ["counting.draw_from"]),
        ({"corpora": {c: {"source": {"demo": c}} for c in ("deu", "fra")}, "counting": {"parts": 4}},
         ["counting.parts"]),
        ({"counting": {"parts": 4}}, []),
        ({"counting": {"draw_from": 20}, "corpus_defaults": {"source": {"max_bytes": "1MB"}}}, []),
        ({"counting": {"draw_from": 20}, "corpus_defaults": {"source": {"max_bytes": "1MB", "where": {"a": 1}}}},
         ["counting.draw_from"]),
        ({"corpora": {c: {"source": {"text": c}} for c in "ab"}, "tokenizer": {"unit": "line"}}, ["tokenizer.unit"]),
        ({"tokenizer": {"unit": "line"}}, []),
    ],
)  # fmt: skip
def test_settings_without_effect_are_named(sections, paths, tmp_path):
    raw = {"corpora": tiny.CONFIG["corpora"], **sections}
    assert sorted(without_effect(raw, *load_run(raw, tmp_path))) == sorted(paths)


def test_patterns_have_the_key_that_they_come_from(tmp_path):
    own = {"a": {}, "b": {"tokenizer": {"superwords": {"pattern": "superbpe"}}}}
    raw = {"corpora": tiny.CONFIG["corpora"], "recipes": own}
    paths = paths_of_patterns(load_run(raw, tmp_path)[1])
    assert paths == {
        PATTERNS["default"]: "tokenizer.pattern",
        PATTERNS["superbpe"]: "tokenizer.superwords.pattern of b",
    }


def test_settings_that_serve_another_recipe_are_not_named(tmp_path):
    own = {"a": {}, "b": {"search": {"strategies": []}, "objective": {"sharpness": 5}}}
    raw = {"corpora": tiny.CONFIG["corpora"], "proxies": {"count": 72}, "recipes": own}
    assert list(without_effect(raw, *load_run(raw, tmp_path))) == ["recipes.b.objective.sharpness"]
    # of the run, once; a check of recipes is no setting of each
    raw["language_model"] = {"check": {"seeds": 2, "recipes": ["a"], "depth": 4, "byte_share": 0.5}}
    assert list(without_effect(raw, *load_run(raw, tmp_path)))[1:] == ["language_model.check.byte_share"]


def test_recipes_that_give_the_same_are_named(tmp_path):
    """An empty key is null in YAML, and not a mapping of defaults."""
    own = {"a": {}, "b": {"tokenizer": {"superwords": None}}, "c": {"tokenizer": {"superwords": {}}}}
    raw = {"corpora": tiny.CONFIG["corpora"], "recipes": own}
    said = without_effect(raw, *load_run(raw, tmp_path))
    assert list(said) == ["recipes.b"]
    assert "settings of recipes.a" in said["recipes.b"]
    assert "tokenizer.superwords is null here: write {}" in said["recipes.b"]


@pytest.mark.parametrize("name", ["config", "recipes", "domains", "binary", "paper"])
def test_shipped_configs_have_no_setting_without_effect(name):
    raw = load_yaml(tiny.ROOT / f"config/{name}.yaml")
    assert without_effect(raw, *load_run(raw, tiny.ROOT)) == {}
