"""The configuration: what is refused and in which words, what is filled in, and that its documents agree."""

import copy
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from trex.config import (
    ConfigError,
    check_files,
    documents,
    limiting_tokenizers,
    load_config,
    load_yaml,
    named_files,
)
from trex.config.fields import parse_bytes
from trex.config.schema import json_schema, properties, resolve
from trex.counting.patterns import DEFAULT

ROOT = Path(__file__).parents[1]
SCHEMA = json_schema()
SHIPPED = sorted((ROOT / "config").glob("*.yaml"))

TWO_CORPORA = "corpora: {deu: {source: {demo: deu}}, eng: {source: {demo: eng}}}\n"


def load(text: str, base: Path = ROOT) -> dict[str, Any]:
    return load_config(yaml.safe_load(text), base)


# --- what is refused ------------------------------------------------------------------------------------

# what is wrong on top of two good corpora, start of the problem's line, what else that line says
BAD = [
    # single keys
    ("sead: 1", "sead: unknown key", "did you mean seed?"),
    ("proxies: {vocab: 8192}", "proxies.vocab: unknown key", "did you mean vocab_size?"),
    ("zzz: 1", "zzz: unknown key", "available: seed, results"),
    ("seed: -1", "seed: -1 is not", "a whole number of at least 0"),
    ("seed: true", "seed: true is not", "a whole number"),
    ("seed: '1'", 'seed: "1" is not', "(write 1)"),
    ("seed: 1.5", "seed: 1.5 is not", "a whole number"),
    (
        "language_model: {check: {byte_share: 1.5}}",
        "language_model.check.byte_share: 1.5 is not",
        "a number of more than 0 and less than 1",
    ),
    ("proxies: {count: 48}", "proxies.count: 48 mixtures leave fewer than the 40", "write at least 56"),
    (
        "proxies: {mixtures: {m00001: {a: 0.5, b: 0.5}}}",
        "proxies.mixtures.m00001: is the name of a sampled mixture",
        "another name",
    ),
    (
        "corpora: {a: {source: {text: a, max_bytes: 1MB}}, b: {source: {text: b, max_bytes: 1MB}}}\n"
        "proxies: {bytes: 9MB}",
        "proxies.bytes: 9,000,000 bytes are more than the corpora's max_bytes, 2,000,000",
        "write at most 8,000,000",
    ),
    ("seed: 1.0", "seed: 1.0 is not", "(write 1)"),
    ("seed: null", "seed: null is not", "leave the key out to have the default"),
    ("proxies:", "proxies: null is not", "leave the key out to have the default"),
    ("proxies: [1]", "proxies: [1] is not", "a mapping"),
    ("evaluation: {held_out_share: 0}", "evaluation.held_out_share: 0 is not", "more than 0 and at most 0.5"),
    ("evaluation: {held_out_share: 0.6}", "evaluation.held_out_share: 0.6 is not", "at most 0.5"),
    ("evaluation: {held_out_share: .nan}", "evaluation.held_out_share: nan is not", "a finite number"),
    ("proxies: {max_epochs: .inf}", "proxies.max_epochs: inf is not", "a finite number"),
    ("verification: {replicates: 2}", "verification: is now called choice", "write that"),
    ("counting: {shards: 5}", "counting.shards: is gone", "remove it"),
    ("search: {strategies: [trex]}", 'search.strategies[0]: "trex" is now called paper', "write that"),
    ("regression: {model: lightgbm_direct}", "regression.model: ", "is now called lightgbm_objective"),
    ("regression: {compare: [lightgbm_direct]}", "regression.compare[0]: ", "lightgbm_objective"),
    ("counting: {deduplicate: 1}", "counting.deduplicate: 1 is not", "true or false"),
    ("counting: {parts: 0}", "counting.parts: 0 is not", "at least 1"),
    ("tokenizer: {unit: word}", 'tokenizer.unit: "word" is not', "line or document"),
    ("tokenizer: {max_token_length: 1}", "tokenizer.max_token_length: 1 is not", "at least 2 or null"),
    ("tokenizer: {special_tokens: [x]}", 'tokenizer.special_tokens[0]: "x" is not', "length at least 2"),
    (
        "tokenizer: {special_tokens: ['  ']}",
        'tokenizer.special_tokens[0]: "  " is not',
        "not white space alone",
    ),
    ("tokenizer: {special_tokens: [ab, ab]}", 'tokenizer.special_tokens: "ab" is listed twice', "once"),
    (
        "tokenizer: {special_tokens: [<|reserved_1|>], reserved: 2}",
        'tokenizer.special_tokens[0]: "<|reserved_1|>" is a reserved token',
        "another name",
    ),
    (
        "release: {bos_token: <s>}",
        'release.bos_token: "<s>" is not in tokenizer.special_tokens; add it',
        "<|endoftext|>",
    ),
    ("release: {add_bos_token: true}", "release.add_bos_token: needs release.bos_token", "name one"),
    ("release: {license: Apache 2.0}", 'release.license: "Apache 2.0" is not', "apache-2.0"),
    ("release: {exports: [onnx]}", 'release.exports[0]: "onnx" is not', "gguf"),
    ("tokenizer: {pattern: multilingal}", "tokenizer.pattern: unknown pattern", "did you mean multilingual"),
    ("tokenizer: {pattern: 'cl100k base '}", "tokenizer.pattern: unknown pattern", "did you mean cl100k"),
    ("tokenizer: {alphabet: latin1}", "tokenizer.alphabet: latin1 is for binary sources", "write utf8"),
    ("tokenizer: {pattern: '(a'}", 'tokenizer.pattern: "(a" is not', "a regex that compiles"),
    ("proxies: {bytes: 2 megabytes}", 'proxies.bytes: "2 megabytes" is not', "2MB, 1.5GB or 1GiB"),
    ("proxies: {bytes: 0}", "proxies.bytes: 0 is not", "from 1 byte"),
    ("proxies: {bytes: all}", 'proxies.bytes: "all" is not', "an amount"),
    ("proxies: {bytes: true}", "proxies.bytes: true is not", "an amount"),
    ("training: {bytes: some}", 'training.bytes: "some" is not all', "an amount"),
    ("search: {draws: 1e6}", 'search.draws: "1e6" is not', "(write 1000000)"),
    ("search: {strength: 3}", "search.strength: 3 is not", "a range [low, high]"),
    ("proxies: {strength: [1]}", "proxies.strength: [1] is not", "a range [low, high]"),
    ("proxies: {strength: [0, 1]}", "proxies.strength[0]: 0 is not", "more than 0"),
    (
        "objective: {aggregate: mean}",
        'objective.aggregate: "mean" is not',
        "macro, pooled, worst, weighted or soft_worst",
    ),
    ("objective: {evaluation_sets: []}", "objective.evaluation_sets: [] is not", "one or more"),
    ("regression: {model: gp}", 'regression.model: "gp" is not', "auto, gaussian_process"),
    (
        "regression: {compare: [stack, linear, lightgbm_objective]}",
        "regression.compare: stack is a mean of two or more",
        "only linear is compared; add some",
    ),
    ("choice: {replicates: 11}", "choice.replicates: 11 is not", "at most 3"),
    ("baselines: {Mine: uniform}", "baselines.Mine: ", "a small letter"),
    ("baselines: {paper: uniform}", "baselines.paper: the name paper is reserved", "choose another"),
    ("baselines: {a: even}", 'baselines.a: "even" is not', "uniform, natural, {tempered: 0.3}"),
    ("baselines: {a: {tempered: 2}}", "baselines.a.tempered: 2 is not", "at most 1"),
    ("baselines: {a: {temperd: 1}}", "baselines.a.temperd: unknown key", "did you mean tempered?"),
    ("baselines: {a: {tempered: 1, shares: {deu: 1}}}", "baselines.a: ", "is not uniform, natural"),
    (
        "baselines: {a: {infer: o200k}}",
        'baselines.a.infer: "o200k" is no known name',
        "o200k_base, cl100k_base",
    ),
    ("baselines: {a: {infer: {merges: 5}}}", "baselines.a.infer.tokenizer: is missing", "o200k_base"),
    (
        "baselines: {a: {infer: {tokenizer: gone.json}}}",
        'baselines.a.infer: "gone.json" is no known name',
        "tokenizer.json",
    ),
    (
        "baselines: {a: {infer: {tokenizer: o200k_base, bytes: none}}}",
        'baselines.a.infer.bytes: "none"',
        "2MB",
    ),
    ("validation: {waived_gates: [byte]}", 'validation.waived_gates[0]: "byte" is not', "scripts, documents"),
    ("validation: {words: {xyz: words.txt}}", "validation.words.xyz: unknown corpus", ""),
    (
        "validation: {words: {deu: gone.txt}}",
        'validation.words.deu: "gone.txt" is no file',
        "one word a line",
    ),
    ("proxies: {prior: {infer: o200k_base}}", "proxies.prior: only a baseline", "write the shares"),
    ("reference: o200k", 'reference: "o200k" is no known name', "o200k_base, cl100k_base"),
    ("reference: {revision: main}", "reference.huggingface: is missing", "give text"),
    ("results: ../elsewhere", 'results: "../elsewhere" is not', "below the working directory"),
    ("results: '{x}'", 'results: "{x}" is not', "in letters, digits and the signs"),
    ("results: ~", "results: null is not", "leave the key out"),
    ("results: ~/out", 'results: "~/out" is not', "in letters, digits and the signs"),
    ("results: '$(touch x)'", 'results: "$(touch x)" is not', "in letters, digits and the signs"),
    ("results: 'a; touch x'", 'results: "a; touch x" is not', "in letters, digits and the signs"),
    ("results: a'b", 'results: "a\'b" is not', "in letters, digits and the signs"),
    ('results: "a\\0b"', 'results: "a\\u0000b" is not', "in letters, digits and the signs"),
    ("results: a/../../b", 'results: "a/../../b" is not', "without .."),
    ("corpora: {../x: {}, eng: {}}", 'corpora.../x: "../x" is not a corpus id', "letters, digits"),
    ("seed: !!binary aGVsbG8=", "seed: bytes values have no place here", "in quotes"),
    ("seed: !!set {a}", "seed: set values have no place here", "in quotes"),
    ("results: .", 'results: "." is not', "such as results"),
    ("seed: 2020-01-01", "seed: date values have no place here", "in quotes"),
    ('results: "\\ud800"', "results: '\\ud800' is not valid", "Unicode"),
    ("seed: 0xffffffffffffffffffffff", "seed: the number is too large", ""),
    # keys against each other
    ("proxies: {count: 60}", "proxies.count: 60 is not a multiple of proxies.per_job (8)", "56 or 64"),
    ("proxies: {count: 4}", "proxies.count: 4 is not a multiple", "write 8"),
    ("proxies: {vocab_size: 257}", "proxies.vocab_size: 257 leaves no room", "at least 258"),
    ("training: {vocab_size: 100}", "training.vocab_size: 100 is not", "at least 257"),
    ("training: {vocab_size: 32k}", 'training.vocab_size: "32k" can mean 32000 or 32768', "whole number"),
    ("training: {vocab_size: most}", 'training.vocab_size: "most" is not', "auto, or a whole number"),
    ("training: {ladder: [257]}", "training.ladder[0]: 257 leaves no room", "at least 258"),
    ("training: {vocab_size: auto, vocab_range: [257, 999]}", "training.vocab_range[0]: 257 leaves", "258"),
    ("training: {vocab_size: auto, vocab_range: [900, 1000]}", "training.vocab_range: [900, 1000]", "128"),
    ("training: {vocab_range: [900, 500]}", "training.vocab_range: [900, 500] falls", "[500, 900]"),
    ("proxies: {vocab_grid: [9000]}", "proxies.vocab_grid[0]: 9000 is more than", "at most 8192"),
    ("search: {top_k: 20, draws: 10}", "search.top_k: 20 is more than search.draws", "at most 10"),
    ("regression: {folds: 65}", "regression.folds: 65 is more than proxies.count", "at most 64"),
    ("proxies: {strength: [4, 1]}", "proxies.strength: [4, 1] falls", "[1, 4]"),
    ("search: {strength: [4, 1]}", "search.strength: [4, 1] falls", "[1, 4]"),
    ("proxies: {mixtures: {a: {deu: 0.5}}}", "proxies.mixtures.a: the shares sum to 0.5", "sum to 1"),
    ("proxies: {mixtures: {a: {deu: 1.5}}}", "proxies.mixtures.a.deu: 1.5 is not", "at most 1"),
    ("proxies: {mixtures: {a: {dut: 1}}}", "proxies.mixtures.a.dut: unknown corpus", "did you mean deu?"),
    ("proxies: {mixtures: {a: {}}}", "proxies.mixtures.a: {} is not", "shares that sum to 1"),
    ("proxies: {prior: {shares: {deu: 1}}}", "proxies.prior.shares: every corpus needs", "eng"),
    ("baselines: {a: {shares: {deu: 0.9}}}", "baselines.a.shares: the shares sum to 0.9", "sum to 1"),
    ("objective: {weights: {deu: -1}}", "objective.weights.deu: -1 is not", "at least 0"),
    ("objective: {weights: {dou: 1}}", "objective.weights.dou: unknown corpus", "did you mean deu?"),
    ("objective: {aggregate: weighted}", "objective.weights: the weighted aggregate", "{deu: 1, eng: 2}"),
    ("objective: {evaluation_sets: [heldout]}", 'objective.evaluation_sets[0]: "heldout"', "held_out?"),
    ("objective: {sharpness: 0}", "objective.sharpness: 0 is not", "more than 0"),
    ("objective: {max_loss: {unifrom: 2}}", "objective.max_loss.unifrom: unknown baseline", "uniform?"),
    (
        "objective: {max_loss: {v1/tokenizer.json: 0}}",
        "objective.max_loss.v1/tokenizer.json: ",
        "does not exist; write",
    ),
    (
        "objective: {max_loss: {Qwen/Qwen3-0.6B: 0}}",
        "objective.max_loss.Qwen/Qwen3-0.6B: unknown",
        "Hugging Face hub by",
    ),
    ("objective: {max_loss: {uniform: -2}}", "objective.max_loss.uniform: -2 is not", "at least 0"),
    ("objective: {max_gini: 0.1}", "objective.parallel_set: is missing", "parallel text"),
    ("objective: {parallel_set: udhr}", 'objective.parallel_set: "udhr" is no evaluation set', "corpora."),
    ("objective: {max_premium: 2}", "objective.pivot: is missing", "such as deu"),
    ("objective: {pivot: dou}", 'objective.pivot: "dou" is no corpus', "did you mean deu?"),
    ("search: {floors: {dou: 0.1}}", "search.floors.dou: unknown corpus", "did you mean deu?"),
    ("search: {floors: {deu: 0.7, eng: 0.6}}", "search.floors: the floors of all corpora", "1 or less"),
    ("search: {ceilings: {deu: 0.7, eng: 0.2}}", "search.ceilings: the ceilings of all", "1 or more"),
    (
        "search: {floors: {deu: 0.7}, ceilings: {deu: 0.2}}",
        "search.ceilings.deu: 0.2 is below the corpus's floor",
        "at least 0.7",
    ),
    # corpora
    ("corpora:", "corpora: null is not", "at least 2 corpora"),
    ("corpora: {deu: {source: {demo: deu}}}", "corpora: ", "at least 2 corpora"),
    ("corpora: [deu, eng]", 'corpora: ["deu", "eng"] is not', "at least 2 corpora by id"),
    ("corpora: {no: {}, eng: {}}", "corpora.False: the key is not text", "in quotes"),
    ("corpora: {a b: {}, eng: {}}", 'corpora.a b: "a b" is not a corpus id', "letters, digits"),
    ("corpora: {name: {}, eng: {}}", "corpora.name: the name name is reserved", "choose another"),
    ("counting: {max_document_bytes: ten}", 'counting.max_document_bytes: "ten" is not', "2MB"),
    ("corpora: {worst: {}, eng: {}}", "corpora.worst: the name worst is reserved", "choose another"),
    ("corpora: {deu: {source: x.parquet}, eng: {}}", 'corpora.deu.source: "x.parquet"', "{parquet: "),
    ("corpora: {deu: {}, eng: {}}", "corpora.deu.source: gives no source", "exactly one of demo, parquet"),
    (
        "corpora: {deu: {source: {demo: deu, text: x}}, eng: {}}",
        "corpora.deu.source: gives demo and text",
        "one",
    ),
    ("corpora: {deu: {source: {demo: 1}}, eng: {}}", "corpora.deu.source.demo: 1 is not", "such as deu"),
    ("corpora: {deu: {source: {paquet: x}}, eng: {}}", "corpora.deu.source.paquet: unknown", "parquet?"),
    (
        "corpora: {deu: {source: {jsonl: a.jsonl, max_bad_records: 1%}}, fra: {source: {demo: fra}}}",
        "corpora.deu.source.max_bad_records: has no effect",
        "write on_bad_record: skip beside it",
    ),
    (
        "corpora: {deu: {source: {jsonl: a, on_bad_record: skip, max_bad_records: 1}}, fra: {source: {demo: fra}}}",
        "corpora.deu.source.max_bad_records: 1 may be meant",
        "1% or as 100%",
    ),
    (
        "corpora: {deu: {source: {parquet: x, split: y}}, eng: {}}",
        "corpora.deu.source.split: does not go with parquet",
        "only with dataset or huggingface",
    ),
    (
        "corpora: {deu: {source: {demo: deu}, evaluation: {held_out: {demo: deu}}}, eng: {}}",
        "corpora.deu.evaluation.held_out: the name held_out is reserved",
        "choose another",
    ),
    (
        "corpus_defaults: {source: {where: {a: {b: 1}}}}",
        'corpus_defaults.source.where.a: {"b": 1} is not',
        "such as '>= 8'",
    ),
    (
        "objective: {evaluation_sets: [udhr]}\n"
        "corpora: {deu: {source: {demo: deu}, evaluation: {udhr: {demo: deu}}}, eng: {source: {demo: eng}}}",
        "objective.evaluation_sets[0]: udhr is missing for eng",
        "corpora.<corpus>.evaluation.udhr",
    ),
    (
        "objective: {max_premium: 2, parallel_set: udhr, pivot: eng}\n"
        "corpora: {deu: {source: {demo: deu}, evaluation: {udhr: {demo: deu}}}, eng: {source: {demo: eng}}}",
        "objective.pivot: eng lacks the parallel set",
        "corpora.eng.evaluation.udhr",
    ),
]


@pytest.mark.parametrize(("text", "start", "advice"), BAD, ids=[text.partition("\n")[0] for text, *_ in BAD])
def test_problem_is_named_with_advice(text: str, start: str, advice: str) -> None:
    raw = yaml.safe_load(TWO_CORPORA) | yaml.safe_load(text)
    with pytest.raises(ConfigError) as error:
        load_config(raw, ROOT)
    lines = str(error.value).splitlines()
    assert any(line.startswith(start) and advice in line for line in lines), lines


def test_all_problems_are_listed_together() -> None:
    with pytest.raises(ConfigError) as error:
        load(TWO_CORPORA + "sead: 1\nproxies: {count: 60, bytes: x}\nsearch: {top_k: 20, draws: 10}")
    keys = [line.partition(":")[0] for line in str(error.value).splitlines()]
    assert keys == ["sead", "proxies.bytes", "proxies.count", "search.top_k"]


def test_min_share_fits_the_corpora() -> None:
    corpora = {f"c{i}": {"source": {"demo": "deu"}} for i in range(3)}
    assert load_config({"corpora": corpora, "proxies": {"min_share": 1 / 3}}, ROOT)
    with pytest.raises(ConfigError, match=r"proxies.min_share: 0.4 for 3 corpora .* at most 0.3333"):
        load_config({"corpora": corpora, "proxies": {"min_share": 0.4}}, ROOT)


def test_many_problems_are_cut_short() -> None:
    corpora = {f"c{i}": {"source": {}} for i in range(100)}
    with pytest.raises(ConfigError, match="and 75 more problems"):
        load_config({"corpora": corpora}, ROOT)


words = st.sampled_from(
    [
        "corpora",
        "deu",
        "source",
        "demo",
        "shares",
        "uniform",
        "tempered",
        "huggingface",
        "1e6",
        "2MB",
        "all",
        "",
        "(",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words | st.dates()
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | scalars, inner, max_size=3),
    max_leaves=8,
)


def key_paths(node: dict[str, Any], depth: int = 3) -> Iterator[tuple[str, ...]]:
    for key, inner in properties(node).items() if depth else ():
        yield (key,)
        yield from ((key, *rest) for rest in key_paths(inner, depth - 1))


PATHS = [
    *key_paths(SCHEMA),
    *(("corpora", "deu", *path) for path in [(), *key_paths({"$ref": "#/$defs/Corpus"})]),
    *(("corpora", "eng", "evaluation", "udhr", *path) for path in key_paths({"$ref": "#/$defs/Source"})),
    *(("baselines", "mine", *path) for path in key_paths({"$ref": "#/$defs/Mixture"})),
]


@given(path=st.sampled_from(PATHS), value=junk)
@settings(max_examples=200, deadline=None)
def test_junk_ends_in_config_error(path: tuple[str, ...], value: Any) -> None:
    """Junk at any key is refused with a ConfigError, or accepted, and then jsonschema accepts it too."""
    raw = yaml.safe_load(TWO_CORPORA)
    inner = raw
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = value
    before = copy.deepcopy(raw)
    try:
        config = load_config(raw, ROOT)
    except ConfigError:
        config = None
    if config:
        json.dumps(config, allow_nan=False)
        assert load_config(config, ROOT) == config
        Draft202012Validator(SCHEMA).validate(raw)
    assert repr(raw) == repr(before)  # repr, for NaN is not equal to itself


@given(junk)
@settings(max_examples=100, deadline=None)
def test_junk_as_configuration(raw: Any) -> None:
    with pytest.raises(ConfigError):
        load_config(raw, ROOT)


def test_yaml_that_repeats_itself_exponentially() -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [
        f"{this}: &{this} [{', '.join([f'*{last}'] * 9)}]"
        for last, this in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    with pytest.raises(ConfigError, match="more than 200,000 values"):
        load(TWO_CORPORA + "\n".join(lines))


def test_endless_yaml() -> None:
    with pytest.raises(ConfigError, match="nested more than"):
        load(TWO_CORPORA + "search: &a {draws: *a}")


# --- what comes out -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configs_load(path: Path) -> None:
    raw = load_yaml(path)
    before = copy.deepcopy(raw)
    config = load_config(raw, ROOT)
    assert raw == before
    assert load_config(config, ROOT) == config
    assert json.loads(json.dumps(config)) == config
    Draft202012Validator(SCHEMA).validate(raw)
    Draft202012Validator(SCHEMA).validate(config)


def test_paper_config_is_the_papers() -> None:
    config = load_config(load_yaml(ROOT / "config/paper.yaml"), ROOT)
    assert len(config["corpora"]) == 19
    source = config["corpora"]["cmn_Hani"]["source"]
    assert (source["huggingface"], source["config"]) == ("epfml/FineWeb2-HQ", "cmn_Hani")
    assert (config["proxies"]["count"], config["proxies"]["bytes"]) == (512, 10**9)
    assert (config["search"]["draws"], config["search"]["top_k"]) == (50_000_000, 1024)
    assert (config["training"]["bytes"], config["training"]["vocab_size"]) == (30 * 10**9, 200_000)


def test_defaults_come_from_the_schema() -> None:
    config = load(TWO_CORPORA)
    for section in [name for name in SCHEMA["properties"] if isinstance(config[name], dict)]:
        for key, value in properties(SCHEMA["properties"][section]).items():
            if section != "corpus_defaults" and (section, key) not in {
                ("training", "bytes"),
                ("training", "pad_to"),
                ("proxies", "vocab_grid"),
                ("tokenizer", "pattern"),
                ("validation", "grid"),
                ("language_model", "check"),
                ("release", "eos_token"),
                ("release", "pad_token"),
            }:
                assert config[section][key] == value["default"], (section, key)
    check = properties(SCHEMA["properties"]["language_model"])["check"]
    assert config["language_model"]["check"] == {
        key: value["default"] for key, value in properties(check).items()
    }
    assert config["training"]["bytes"] is None
    assert config["tokenizer"]["pattern"] == DEFAULT
    assert {config["release"]["eos_token"], config["release"]["pad_token"]} == {"<|endoftext|>"}
    assert config["proxies"]["vocab_grid"] == [8192]
    assert config["validation"]["grid"][0] == {"bytes": 500_000, "vocab_size": 2048}
    assert config["corpora"]["deu"] == {"source": {"demo": "deu"}, "evaluation": {}}
    assert list(config)[:3] == ["seed", "results", "reference"]


def test_reserved_tokens_are_special_tokens_behind_the_others() -> None:
    text = TWO_CORPORA + "tokenizer: {special_tokens: [<s>, </s>], reserved: 2}\nrelease: {bos_token: <s>}"
    config = load(text)
    assert config["tokenizer"]["special_tokens"] == ["<s>", "</s>", "<|reserved_0|>", "<|reserved_1|>"]
    assert [config["release"][role] for role in ("bos_token", "eos_token", "unk_token")] == [
        "<s>",
        "<s>",
        None,
    ]
    assert load_config(config, ROOT) == config
    with pytest.raises(ConfigError, match=r"beside 256 bytes and 1000 special tokens; write at least 1257"):
        load(TWO_CORPORA + "tokenizer: {special_tokens: [], reserved: 1000}\nproxies: {vocab_size: 1000}")


def test_corpus_defaults_are_merged_deeply() -> None:
    config = load("""
        corpus_defaults:
          source: {parquet: ["{corpus}/*.parquet"], max_bytes: 1GB, where: {lang: "{corpus}"}}
          evaluation: {udhr: {text: "udhr/{corpus}.txt"}}
        corpora:
          deu:
          eng: {source: {max_bytes: null, where: {quality: high}}}
    """)
    assert config["corpus_defaults"] == {}
    deu, eng = config["corpora"]["deu"], config["corpora"]["eng"]
    where = {"lang": "deu"}
    parquet = ["deu/*.parquet"]
    assert deu["source"] == {"parquet": parquet, "column": "text", "where": where, "max_bytes": 10**9}
    assert deu["evaluation"] == {"udhr": {"text": "udhr/deu.txt", "sample_by": "line"}}
    assert eng["source"]["where"] == {"lang": "eng", "quality": "high"}
    assert "max_bytes" not in eng["source"]


def test_sources_have_their_own_options_and_what_is_given() -> None:
    """A saved Dataset has no split, so that none is filled in; null takes back what corpus_defaults say."""
    config = load("""
        corpus_defaults: {source: {parquet: "{corpus}.parquet"}}
        corpora: {a: , b: {source: {parquet: null, dataset: saved}}}
    """)
    source = config["corpora"]["b"]["source"]
    assert source == {"dataset": "saved", "column": "text", "where": {}}
    assert config["corpora"]["a"]["source"] == {"parquet": "a.parquet", "column": "text", "where": {}}


def test_problem_in_corpus_defaults_is_named_there_and_once() -> None:
    with pytest.raises(ConfigError) as error:
        load("corpus_defaults: {source: {demo: deu, max_byte: 1}}\ncorpora: {a: , b: , c: }")
    assert str(error.value) == "corpus_defaults.source.max_byte: unknown key; did you mean max_bytes?"


def test_shares_are_completed_in_order() -> None:
    config = load(
        "corpora: {a: {source: {demo: deu}}, b: {source: {demo: eng}}, c: {source: {demo: fra}}}\n"
        "proxies: {mixtures: {mine: {c: 0.7, a: 0.3000003}}, vocab_grid: [4096, 2048, 4096]}"
    )
    mine = config["proxies"]["mixtures"]["mine"]
    assert list(mine) == ["a", "b", "c"]
    assert mine["b"] == 0
    assert sum(mine.values()) == pytest.approx(1, abs=1e-15)
    assert config["proxies"]["vocab_grid"] == [2048, 4096, 8192]


def test_weighted_objective_needs_its_sets_for_weighted_corpora_only() -> None:
    text = """
        corpora:
          deu: {source: {demo: deu}, evaluation: {udhr: {demo: deu}}}
          eng: {source: {demo: eng}}
        objective: {aggregate: weighted, weights: {deu: 1}, evaluation_sets: [held_out, udhr]}
    """
    assert load(text)["objective"]["weights"] == {"deu": 1}


def test_reference_is_a_file_below_base(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    assert load(TWO_CORPORA + "reference: mine.json", tmp_path)["reference"] == "mine.json"
    mapping = load(TWO_CORPORA + "reference: {huggingface: a/b}")["reference"]
    assert mapping == {"huggingface": "a/b", "revision": "main"}


@pytest.mark.parametrize(
    ("amount", "size"),
    [
        (1, 1),
        (2e6, 2_000_000),
        ("2_000_000", 2_000_000),
        ("1e6", 1_000_000),
        ("1.5GB", 1_500_000_000),
        ("2 mb", 2_000_000),
        ("1GiB", 2**30),
        ("0.5KiB", 512),
        ("3B", 3),
    ],
)
def test_parse_bytes(amount: int | float | str, size: int) -> None:
    assert parse_bytes(amount) == size


@pytest.mark.parametrize(
    "amount",
    [
        0,
        -1,
        1.5,
        True,
        None,
        "",
        "MB",
        "1G",
        "1 000",
        "-1MB",
        "0.1B",
        "1e99",
        float("nan"),
        float("inf"),
        [1],
    ],
)
def test_parse_bytes_refuses(amount: Any) -> None:
    with pytest.raises(ConfigError, match="is not an amount of bytes"):
        parse_bytes(amount)


# --- files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corpora:\n  deu: 1\n  eng: 2\n  deu: 3\n", "line 4: the key 'deu' was given before, on line 2"),
        ("corpora: {deu: 1, deu: 2}", "line 1: the key 'deu' was given before, on line 1"),
        ("a: [{b: 1, b: 2}]", "line 1: the key 'b'"),
        ("a: {b: 1", "is not valid YAML"),
        ("a: 2020-99-99", "is not valid YAML"),
        ("a: !!python/object/apply:os.system [touch x]", "could not determine a constructor for the tag"),
        ("a:\n\tb: 1", "is not valid YAML"),
        ("{[1]: 2}", "is not valid YAML"),
        ("", "holds null; a mapping of keys"),
        ("- 1", "a mapping of keys"),
    ],
)
def test_yaml_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_yaml(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_missing_yaml_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: cannot be read: No such file"):
        load_yaml(tmp_path / "none.yaml")


def test_yaml_merge_keys_and_anchors_are_no_repetition(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, y: 3}\nd: *a\n")
    assert load_yaml(path)["c"] == {"x": 2, "y": 3}


def test_a_tokenizer_to_infer(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text('{"model": {"type": "WordPiece"}, "pre_tokenizer": null}')
    config = load(
        TWO_CORPORA + "baselines: {gpt: {infer: o200k_base}, words: {infer: {tokenizer: words.json}}}",
        tmp_path,
    )
    assert config["baselines"]["gpt"] == {
        "infer": {"tokenizer": "o200k_base", "merges": 30000, "bytes": 8000000}
    }
    assert load_config(config, tmp_path) == config
    with pytest.raises(ConfigError, match=r"baselines.words.infer: .*WordPiece; it must be byte-level BPE"):
        check_files(config, tmp_path)


def test_limits_compare_with_existing_tokenizers(tmp_path: Path) -> None:
    (tmp_path / "v1.json").write_text("{}")
    config = load(
        TWO_CORPORA
        + "objective: {max_loss: {matched: 1, uniform: 1, v1.json: 0, cl100k_base: 2, v0: 3}}\n"
        + "validation: {tokenizers: {v0: {huggingface: me/v0}}}",
        tmp_path,
    )
    v0 = {"huggingface": "me/v0", "revision": "main"}
    assert limiting_tokenizers(config) == {"v1.json": "v1.json", "cl100k_base": "cl100k_base", "v0": v0}
    assert named_files(config, tmp_path)["objective.max_loss.v1.json"] == [tmp_path / "v1.json"]
    with pytest.raises(ConfigError, match=r"objective.max_loss.v1.json: .*is not a tokenizer.json"):
        check_files(config, tmp_path)


def test_check_files_lists_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    class CorpusError(ValueError):
        pass

    def check_source(source: dict[str, Any], base: Path) -> None:
        if source["demo"] == "xxx":
            raise CorpusError(f"no such demo in {base}")

    module = SimpleNamespace(check_source=check_source, CorpusError=CorpusError)
    monkeypatch.setitem(sys.modules, "trex.corpora", module)
    good = load(TWO_CORPORA)
    check_files(good, Path("here"))
    bad = load("""
        corpora:
          deu: {source: {demo: xxx}}
          eng: {source: {demo: eng}, evaluation: {udhr: {demo: xxx}}}
    """)
    with pytest.raises(ConfigError) as error:
        check_files(bad, Path("here"))
    assert str(error.value).splitlines() == [
        "corpora.deu.source: no such demo in here",
        "corpora.eng.evaluation.udhr: no such demo in here",
    ]


def test_a_word_list_without_words_is_found_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "words.txt").write_text("word\n")
    loaded = load(
        TWO_CORPORA + "validation: {words: {deu: words.txt, eng: empty.txt}, morphemes: {deu: empty.txt}}",
        tmp_path,
    )
    with pytest.raises(ConfigError) as error:
        check_files(loaded, tmp_path)
    assert str(error.value).splitlines() == [
        f"validation.{key}: {tmp_path / 'empty.txt'} has no words; write one a line"
        for key in ("words.eng", "morphemes.deu")
    ]


# --- the schema and its description ---------------------------------------------------------------------


def nodes(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every key of the schema, with its node and whether it is required."""
    for name, node in [("", schema), *schema["$defs"].items()]:
        for key, inner in node.get("properties", {}).items():
            yield f"{name}.{key}", resolve(inner), key in node.get("required", ()) or "$ref" in inner


def test_schema_is_valid_and_complete() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for key, node, required in nodes(SCHEMA):
        assert re.fullmatch(r"\w*\.[a-z0-9_]+", key)
        assert node.get("description", "").endswith("."), key
        assert required or "default" in node, key
    for name, node in SCHEMA["$defs"].items():
        assert "properties" not in node or node["additionalProperties"] is False, name


def test_committed_schema_and_readme_are_those_of_the_models() -> None:
    again = "run python -m trex.config.documents"
    readme = documents.README_PATH.read_text(encoding="utf-8")
    assert documents.SCHEMA_PATH.read_text(encoding="utf-8") == documents.schema_text(), again
    assert readme == documents.readme_text(readme), again
    assert {f"<!-- keys: {name} -->" for name in ["top", *documents.sections()]} <= set(readme.splitlines())
