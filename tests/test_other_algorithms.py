"""Parity-aware BPE, Unigram and WordPiece as full-scale tokenizers: equal to `tokenizers`' own trainers, and exact."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from small_index import CORPORA, TOKENIZER, build_index, made_up_text
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.trainers import ParityBpeTrainer

from trex.bpe.byte_alphabet import spell
from trex.config import ConfigError, load_config
from trex.proxies.other_algorithms import AlgorithmTrainer
from trex.proxies.parity import Parity, ParityTrainer
from trex.tokenizer.cut import cut
from trex.tokenizer.huggingface import released
from trex.tokenizer.sizes import curve_sizes
from trex.tokenizer.vocabulary import Vocabulary as FilesVocabulary
from trex.validation.entries import read_vocabulary
from trex.validation.gates import check_gates
from trex.validation.reach import unreachable

KIND = {**TOKENIZER, "special_tokens": ["<|end|>"], "pattern": "default", "normalizer": "nfc"}
UNEVEN = np.array([0.5, 0.3, 0.15, 0.05])
S, SIZES = 30_000, [300, 400, 500]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return build_index(tmp_path_factory.mktemp("other"), 5, 500)


def spelled(index) -> list[str]:
    text, sizes = bytes(index.words.text), index.words.sizes.tolist()
    ends = np.cumsum(sizes).tolist()
    return [spell(text[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


def by_corpus(words, counts) -> list[dict[str, int]]:
    tables = [{} for _ in range(counts.n_columns)]
    for i, word in enumerate(counts.words.tolist()):
        for j in range(counts.offsets[i], counts.offsets[i + 1]):
            tables[counts.columns[j]][words[word]] = int(counts.counts[j])
    return tables


def tokens_of(tokenizer: Tokenizer, words: dict[str, int]) -> int:
    encodings = tokenizer.encode_batch([[word] for word in words], is_pretokenized=True)
    return sum(len(encoding.ids) * n for encoding, n in zip(encodings, words.values(), strict=True))


@pytest.mark.parametrize(
    "parity",
    [Parity(compare="tokens", global_merges=0.5), Parity("window", development=None, ratio=[1, 2, 2, 1.5])],
)
def test_parity_of_a_mixture_is_that_of_tokenizers(index, parity):
    trainer = ParityTrainer(index, KIND, S, SIZES, parity=parity, count_uses=True)
    trained = trainer.train(UNEVEN)
    words = spelled(index)
    counts, ledger = index.slice_by_corpus(UNEVEN, S)
    assert ledger.equals(trained.ledger)
    training, held_out = by_corpus(words, counts), by_corpus(words, index.evaluation)
    n_merges = SIZES[-1] - 257
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.Split("\x00", "removed")
    options = {"global_merges": round(n_merges / 2)} if parity.global_merges else {}
    ParityBpeTrainer(
        n_merges, parity.variant, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        **options,
    ).train_from_iterator(
        theirs,
        [["\x00".join(word for word, n in table.items() for _ in range(n))] for table in training],
        dev_iterators=None
        if parity.development is None
        else [["\x00".join(word for word, n in table.items() for _ in range(n))] for table in held_out],
        ratio=parity.ratio,
    )  # fmt: skip
    merges = [tuple(pair) for pair in json.loads(theirs.to_str())["model"]["merges"]]
    model = trained.model
    assert [(spell(a), spell(b)) for a, b in model.merges] == merges
    # stock tokenizers encode to what training reported, also of training text
    finished = trainer.finished(model)
    finished.pre_tokenizer = None
    for table, corpus in zip(held_out, CORPORA, strict=True):
        row = trained.compression.filter(corpus=corpus, vocab_size=SIZES[-1])
        assert tokens_of(finished, table) == row["tokens"][0]
    in_training = model.uses(model.made_in_training, SIZES[-1])
    assert in_training.sum() == sum(tokens_of(finished, table) for table in training)
    assert trained.compression["vocab_size"].unique().sort().to_list() == SIZES


def test_parity_compares_nsl_of_the_selection_half(index):
    """Where the reference needs many tokens, a corpus has its turn later."""
    rows = index.evaluation_rows
    few, many = (
        ParityTrainer(
            replace(index, evaluation_rows=rows.with_columns(reference_tokens=reference)),
            KIND, S, SIZES, parity=Parity(),
        ).train(UNEVEN).model.leaders
        for reference in (rows["reference_tokens"], rows["reference_tokens"] * pl.Series([1, 1, 1, 40]))
    )  # fmt: skip
    assert 3 in few[:50]
    assert 3 not in many[:50]


def text_of(words: dict[str, int]) -> list[str]:
    return [f"{word} " * n for word, n in words.items()]


@pytest.mark.parametrize("algorithm", ["unigram", "wordpiece"])
def test_other_algorithms_are_tokenizers_own(index, algorithm, tmp_path):
    """The trainer counts exactly the words of the slice, and encodings give the table of compression."""
    V = 800
    trainer = AlgorithmTrainer(index, KIND | {"algorithm": algorithm}, S, [V], count_uses=True)
    trained = trainer.train(UNEVEN)
    words, counts = spelled(index), index.slice(UNEVEN, S).counts
    training = {words[w]: int(counts[w]) for w in np.flatnonzero(counts)}
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if algorithm == "unigram":
        theirs = Tokenizer(models.Unigram())
        own = trainers.UnigramTrainer(
            vocab_size=V - 1, initial_alphabet=alphabet, max_piece_length=64, show_progress=False
        )
    else:
        theirs = Tokenizer(models.WordPiece())
        special = ["<|end|>", *alphabet, *(f"＃{character}" for character in alphabet)]
        own = trainers.WordPieceTrainer(
            vocab_size=V, special_tokens=special, continuing_subword_prefix="＃", show_progress=False
        )
    theirs.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    theirs.train_from_iterator(text_of(training), own)
    finished = trainer.finished(trained.model)
    finished.save(str(tmp_path / "tokenizer.json"))
    finished = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert finished.get_vocab_size() == V
    assert finished.token_to_id("<|end|>") == 0
    if algorithm == "unigram":
        assert set(finished.get_vocab()) == set(theirs.get_vocab()) | {"<|end|>"}
    else:
        assert finished.get_vocab() == theirs.get_vocab()
    again = trainer.finished(trainer.train(UNEVEN).model)
    assert again.to_str() == finished.to_str()
    # any text comes back, whatever bytes it has
    text = "## a ＃b Ωmega <|end|>\n\n" + "x" * 3000 + "".join(map(chr, range(0x20, 0x300)))
    assert (
        finished.decode(finished.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)
        == text
    )
    finished.pre_tokenizer = None
    for table, corpus in zip(by_corpus(words, index.evaluation), CORPORA, strict=True):
        assert trained.compression.filter(corpus=corpus)["tokens"][0] == tokens_of(finished, table)
    assert trained.uses["entries"][0] == V - 1
    assert trained.model.made_in_training.sum() == tokens_of(finished, training)


@pytest.fixture(scope="module", params=["unigram", "wordpiece"])
def finished(request, index):
    trainer = AlgorithmTrainer(index, KIND | {"algorithm": request.param}, S, [700])
    return trainer.finished(trainer.train(UNEVEN).model)


def test_such_tokenizers_are_released_and_pass_the_gates(finished, tmp_path):
    text = "a\u0301b <|end|> " + made_up_text("bbb", 50, 1)
    padded = released(cut(finished, 700), {"bos": None, "eos": "<|end|>"}, 128)
    assert padded.get_vocab_size(with_added_tokens=False) == 768
    assert padded.encode(text).ids == [*finished.encode(text).ids, 0]
    with pytest.raises(ValueError, match="cannot be cut to 600"):
        cut(finished, 600)
    vocabulary = read_vocabulary(finished)
    texts = [bytes(token) for token in vocabulary.entries["bytes"]]
    assert {bytes([byte]) for byte in range(256)} <= set(texts)
    assert not any("＃".encode() in token for token in texts)
    no_changes = pl.DataFrame(schema={"corpus": pl.String, "changed": pl.Int64, "change": pl.String})
    gates = check_gates(padded, vocabulary, unreachable(finished, vocabulary), no_changes)
    assert "fail" not in gates["result"].to_list(), gates.filter(result="fail")
    folder = tmp_path / "folder"
    folder.mkdir()
    padded.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ValueError, match="all exports are for byte-level BPE"):
        FilesVocabulary.load(folder, "chosen")


@pytest.mark.parametrize(
    ("tokenizer", "rest", "path", "advice"),
    [
        ({"parity": {}}, {"search": {"strategies": ["surrogate"]}}, "search.strategies", "write []"),
        ({"algorithm": "unigram"}, {"search": {}}, "search.strategies", "write []"),
        ({"algorithm": "unigram", "parity": {}}, {}, "tokenizer.algorithm", "does not go with tokenizer.parity"),
        ({"parity": {}, "superwords": {}}, {}, "tokenizer.parity", "does not go with tokenizer.superwords"),
        ({"algorithm": "unigram"}, {"training": {"vocab_size": "auto"}}, "training.vocab_size", "another training"),
        ({"algorithm": "unigram"}, {"training": {"ladder": [8192]}}, "training.ladder", "another training"),
        ({"algorithm": "wordpiece"}, {"training": {"vocab_size": 513}}, "training.vocab_size", "at least 514"),
        ({"algorithm": "unigram", "min_frequency": 2}, {}, "tokenizer.min_frequency", "write 0"),
        ({"algorithm": "wordpiece", "max_token_length": 9}, {}, "tokenizer.max_token_length", "write null"),
        ({"parity": {"development": "udhr"}}, {}, "tokenizer.parity.development", "no evaluation set"),
        ({"parity": {"development": None}}, {}, "tokenizer.parity.ratio", "is missing"),
        ({"parity": {"development": None, "ratio": {"a": 1}}}, {}, "tokenizer.parity.ratio", "give one to b"),
        ({"parity": {"compare": "tokens"}}, {}, "tokenizer.parity.compare", "parallel text only"),
        ({"parity": {"global_merges": 1.5}}, {}, "tokenizer.parity.global_merges", "a number of merges"),
    ],
)  # fmt: skip
def test_config_says_what_does_not_go(tmp_path, tokenizer, rest, path, advice):
    with pytest.raises(ConfigError) as error:
        load_config(config(tokenizer, **rest), tmp_path)
    assert any(line.startswith(path) and advice in line for line in str(error.value).splitlines()), (
        error.value
    )


def test_one_size_of_one_training(tmp_path):
    """Other algorithms are measured at V alone; parity at all sizes, as plain BPE."""
    one, all_sizes = (
        curve_sizes(load_config(config(kind), tmp_path))
        for kind in ({"algorithm": "unigram"}, {"parity": {}})
    )
    assert one == [32768]
    assert len(all_sizes) > 10


def config(tokenizer, **rest):
    corpora = {name: {"source": {"demo": demo}} for name, demo in (("a", "deu"), ("b", "fra"))}
    return {"corpora": corpora, "search": {"strategies": []}, "tokenizer": tokenizer, **rest}
