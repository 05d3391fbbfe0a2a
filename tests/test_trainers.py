"""The kinds of tokenizers that `load_trainer` makes trainers of, and what the config refuses of them."""

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_index import CORPORA, TOKENIZER, build_index, made_up_text
from tokenizers import Tokenizer

from trex.config import ConfigError, load_config
from trex.proxies.trainers import load_trainer
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.cut import cutter
from trex.tokenizer.huggingface import released

S = 40_000
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
PLAIN = {
    **TOKENIZER, "pattern": "default", "normalizer": "nfc", "special_tokens": ["<|endoftext|>"],
    "superwords": None, "base": None, "keep": "all", "base_size": None, "algorithm": "bpe", "parity": None,
}  # fmt: skip
SUPERWORDS = {
    "from": 0.5, "pattern": "superwords", "max_words": 4, "barriers": ":", "bytes": 20_000, "word_mixture": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The inputs of a rule that trains."""
    folder = tmp_path_factory.mktemp("trainers")
    build_index(folder / "words", 6, 300)
    build_index(folder / "pieces", 6, 300, "superwords")
    inputs = SimpleNamespace(word_index=folder / "words/index", pieces_index=folder / "pieces/index")
    model = trainer(inputs, PLAIN, [400]).train(SHARES).model
    to_tokenizer(model).save(str(folder / "base.json"))
    inputs.base = folder / "base.json"
    return inputs


def trainer(files, kind, sizes, **options):
    return load_trainer(files, SimpleNamespace(corpora=CORPORA, tokenizer=kind), S, sizes, **options)


@cache
def evaluation_texts() -> list[str]:
    return [made_up_text(corpus, 20_000, 6) for corpus in CORPORA]


def encoded(tokenizer: Tokenizer) -> list[int]:
    return [len(encoding) for encoding in tokenizer.encode_batch_fast(evaluation_texts())]


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({}, [300, 450]),
        ({"superwords": SUPERWORDS}, [300, 450, 500]),
        ({"superwords": {**SUPERWORDS, "word_mixture": {"shares": {"aaa": 1.0}}}}, [450, 500]),
        ({"base": "base.json", "base_size": 400}, [400, 450]),
        ({"base": "base.json", "base_size": 300, "keep": 43}, [300, 420, 500]),
    ],
)
def test_finished_tokenizers_give_the_reported_tokens(files, changes, sizes):
    """Whole, and cut to every size that was measured."""
    kind = {**PLAIN, **changes}
    made = trainer(files, kind, sizes, count_uses=True)
    trained = made.train(SHARES)
    tokenizer = made.finished(trained.model)
    assert tokenizer.get_vocab_size() == sizes[-1]
    cut = cutter(files.base if kind["base"] else None, kind["keep"])
    for size in sizes:
        tokens = trained.compression.filter(vocab_size=size)
        assert tokens["corpus"].to_list() == CORPORA
        smaller = cut(tokenizer, size)
        assert smaller.get_vocab_size() == size
        assert encoded(smaller) == tokens["tokens"].to_list()
    assert trained.compression["words"].unique().to_list() == [20_000]  # never pieces
    uses = trained.uses.filter(vocab_size=sizes[-1]).row(0, named=True)
    assert uses["entries"] == sizes[-1] - 1
    several = [token for token in tokenizer.get_vocab() if "Ġ" in token[1:]]
    assert bool(several) == bool(kind["superwords"])


def test_a_mixture_of_words_alone(files):
    """Only pieces follow the mixture, and the ledger is theirs."""
    alone = {**SUPERWORDS, "word_mixture": {"shares": {"aaa": 1.0}}}
    models = [trainer(files, {**PLAIN, "superwords": alone}, [500]).train(s) for s in (SHARES, SHARES[::-1])]
    first = 500 - 122  # 121 merges of 243 are of words
    assert models[0].model.merges[: first - 257] == models[1].model.merges[: first - 257]
    assert models[0].model.merges != models[1].model.merges
    assert abs(models[0].ledger["given_bytes"].sum() - SUPERWORDS["bytes"]) < 2_000


def test_what_a_base_has_stays(files, tmp_path):
    """Its ids, its post-processor, its added tokens in place; padding goes behind all ids, gaps or not."""
    config = json.loads(files.base.read_text())
    gap = {"id": 410, "special": True, "content": "<|far|>"}
    flags = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    config["added_tokens"].append({**gap, **flags})
    bos = {"SpecialToken": {"id": "<|far|>", "type_id": 0}}
    config["post_processor"] = {
        "type": "TemplateProcessing", "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [bos],
        "special_tokens": {"<|far|>": {"id": "<|far|>", "ids": [410], "tokens": ["<|far|>"]}},
    }  # fmt: skip
    config["model"]["vocab"]["<|far|>"] = 410
    (tmp_path / "base.json").write_text(json.dumps(config))
    own = SimpleNamespace(word_index=files.word_index, base=tmp_path / "base.json")
    made = trainer(own, {**PLAIN, "base": "base.json", "base_size": 401}, [401, 450])
    finished = made.finished(made.train(SHARES).model)
    ends = {"bos": None, "eos": None}
    for tokenizer in (
        released(cutter(own.base, "all")(finished, 430), ends, 64),
        released(finished, ends, 64),
    ):
        vocab = tokenizer.get_vocab()
        assert config["model"]["vocab"].items() <= vocab.items()
        assert max(vocab.values()) % 64 == 63
        assert len(set(vocab.values())) == len(vocab)
        assert tokenizer.encode("abc").ids[0] == 410
    assert released(finished, ends).get_vocab().items() >= finished.get_vocab().items()
    assert sorted(finished.get_vocab().values())[400:] == list(range(410, 460))


def refused(tokenizer, folder: Path, **sections) -> str:
    corpora = {"deu": {"source": {"demo": "deu"}}, "eng": {"source": {"demo": "eng"}}}
    with pytest.raises(ConfigError) as error:
        load_config({"corpora": corpora, "tokenizer": tokenizer, **sections}, folder)
    return str(error.value)


def test_configs_of_superwords(tmp_path):
    kind = {"superwords": {}}
    for problem, sections in {
        "training.vocab_size: auto does not go with tokenizer.superwords": {
            "training": {"vocab_size": "auto"}
        },
        "training.ladder[0]: 40000 is above training.vocab_size": {"training": {"ladder": [40_000]}},
        "training.ladder[1]: 20000 is cut below 26266, where 0.8 of the merges": {
            "training": {"ladder": [30_000, 20_000]}
        },
    }.items():
        assert problem in refused(kind, tmp_path, **sections)
    shares = {"superwords": {"word_mixture": {"shares": {"deu": 0.5, "fra": 0.5}}}}
    assert "tokenizer.superwords.word_mixture.shares.fra: unknown corpus" in refused(shares, tmp_path)


def test_configs_of_a_base(files):
    folder = files.base.parent
    corpora = {"deu": {"source": {"demo": "deu"}}, "eng": {"source": {"demo": "eng"}}}
    sections = {"proxies": {"vocab_size": 420}, "training": {"vocab_size": 500}}
    config = load_config({"corpora": corpora, "tokenizer": {"base": "base.json"}, **sections}, folder)
    assert config == load_config(config, folder)
    kind = config["tokenizer"]
    assert (kind["base_size"], kind["normalizer"], kind["special_tokens"]) == (400, "nfc", ["<|endoftext|>"])
    assert config["validation"]["grid"] == [
        {"bytes": 500_000, "vocab_size": 405},
        {"bytes": 1_000_000, "vocab_size": 410},
    ]
    for problem, tokenizer, changes in [
        ("proxies.vocab_size: 400 leaves no room for a merge beside the 400 entries of", {},
         {"proxies": {"vocab_size": 400}}),
        ("training.vocab_size: 399 leaves no room", {}, {"training": {"vocab_size": 399}}),
        ("tokenizer.normalizer: is that of tokenizer.base, \"nfc\"; remove it", {"normalizer": "nfkc"}, {}),
        ("tokenizer.keep: ", {"keep": 500}, {}),
        ("tokenizer.superwords: does not go with tokenizer.base", {"superwords": {}}, {}),
        ("release.add_bos_token: does not go with tokenizer.base", {},
         {"release": {"add_bos_token": True, "bos_token": "<|endoftext|>"}}),
    ]:  # fmt: skip
        assert problem in refused({"base": "base.json", **tokenizer}, folder, **{**sections, **changes})
    assert "tokenizer.base: 'none.json' is no known name and no .json file" in refused(
        {"base": "none.json"}, folder
    )
    assert "tokenizer.keep: is only for a tokenizer with a base" in refused({"keep": 3}, folder)
