"""More merges for an existing tokenizer: what it had stays, and the rest is as if it had been trained in one go."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from small_index import made_up_text

from trex.bpe.byte_alphabet import spell
from trex.bpe.training import train_bpe, train_flat
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.pretokenize import WordCounter, count_words
from trex.tokenizer.base import base_facts, kept_tokens
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.cut import cutter
from trex.tokenizer.encodings import ENCODINGS, RANKS, read_ranks
from trex.tokenizer.existing import load_existing
from trex.tokenizer.extend import kept_merges, load_base


def flat(words) -> FlatWords:
    return FlatWords.build(pa.array(list(words), type=pa.large_binary()))


def test_our_own_continued_is_the_longer_training(udhr, tmp_path):
    words = count_words("\n".join(udhr["eng_Latn"] + udhr["pol_Latn"]), by_line=True)
    counts, specials = np.array(list(words.values())), ["<|endoftext|>", "the"]
    whole = train_bpe(list(words), counts, 900, special_tokens=specials)
    to_tokenizer(train_bpe(list(words), counts, 500, special_tokens=specials)).save(
        str(tmp_path / "500.json")
    )
    base = load_base(load_existing("500.json", tmp_path))
    tokenizer = base.to_tokenizer(train_flat(flat(words), counts, 900, start=base.model))
    assert json.loads(tokenizer.to_str()) == json.loads(to_tokenizer(whole).to_str())


def test_cl100k_extended(udhr):
    existing = load_existing("cl100k_base", Path())
    base = load_base(existing)
    facts = base_facts("cl100k_base", Path())
    assert (facts.entries, facts.merges) == (base.vocab_size, len(existing.merges))
    assert facts.special_tokens == [t["content"] for t in existing.config["added_tokens"]]
    assert {name: len(read_ranks(name)) for name in ENCODINGS} == RANKS
    texts = ["\n".join(udhr[language]) for language in ("pol_Latn", "ell_Grek", "zho_Hans")]
    counter, columns = WordCounter(existing.word_rules(), by_line=True), []
    counter.add(pa.array(texts, type=pa.large_string()))
    for text in texts:
        column = WordCounter(existing.word_rules())
        column.add(pa.array([text], type=pa.large_string()))
        columns.append(column.result())
    counts = counter.result()
    table = sorted(set(counts.words.to_pylist()).union(*(column.words.to_pylist() for column in columns)))
    row = {word: number for number, word in enumerate(table)}
    evaluation = np.zeros((len(columns), len(table)), dtype=np.int64)
    for number, column in enumerate(columns):
        evaluation[number, [row[word] for word in column.words.to_pylist()]] = column.totals()
    trained = np.zeros(len(table), dtype=np.int64)
    trained[[row[word] for word in counts.words.to_pylist()]] = counts.totals()
    n = base.model.vocab_size
    model = train_flat(
        flat(table), trained, n + 300, start=base.model, evaluation=EvalCounts.from_dense(evaluation)
    )
    old = existing.to_tokenizer()
    assert model.token_counts(n).tolist() == [len(old.encode(text).ids) for text in texts]
    new = base.to_tokenizer(model.cut(n + 200))
    encoded = [len(new.encode(text, add_special_tokens=False).ids) for text in texts]
    assert model.token_counts(n + 200).tolist() == encoded
    assert all(after < before for after, before in zip(encoded, model.token_counts(n), strict=True))
    before, after = old.get_vocab(), new.get_vocab()
    assert {token: after[token] for token in before} == before
    assert sorted(after[token] for token in after.keys() - before.keys()) == list(range(100_277, 100_477))
    assert new.decode(new.encode(texts[1]).ids) == texts[1]


def test_kept_merges_leave_their_ids_to_new_tokens(udhr, tmp_path):
    words = count_words("\n".join(udhr["eng_Latn"]), by_line=True)
    counts = np.array(list(words.values()))
    model = train_bpe(list(words), counts, 600)
    to_tokenizer(model).save(str(tmp_path / "base.json"))
    base = load_base(load_existing("base.json", tmp_path), keep=200)
    again = base.to_tokenizer(train_flat(flat(words), counts, 700, start=base.model))
    longer = train_bpe(list(words), counts, 700)
    assert again.get_vocab() == longer.vocab
    with pytest.raises(ValueError, match="has 344 merges, so that 345 of them cannot be kept"):
        load_base(load_existing("base.json", tmp_path), keep=345)


@pytest.mark.parametrize("keep", ["all", 50, 0])
def test_added_tokens_keep_their_ids(keep, tmp_path):
    """Of a file that has them behind its vocabulary and not in it, as most do; a merge makes one of them as well."""
    words = count_words(made_up_text("aaa", 20_000, 0))
    counts = np.array(list(words.values()))
    model = train_bpe(list(words), counts, 400)
    tokenizer = to_tokenizer(model)
    tokenizer.add_special_tokens(["<s>", spell(b"".join(model.merges[-1])), "</s>"])
    ids = {token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()}
    assert sorted(ids.values()) == [399, 400, 401]
    path = tmp_path / "base.json"
    tokenizer.save(str(path))
    base = load_base(load_existing(path.name, tmp_path), kept_merges(keep))
    size = base.vocab_size
    assert (
        base_facts(path.name, tmp_path, kept_merges(keep)).entries == len(kept_tokens(path, keep)[0]) == size
    )
    extended = base.to_tokenizer(train_flat(flat(words), counts, size + 60, start=base.model))
    for finished, new in ((extended, 60), (cutter(path, keep)(extended, size + 30), 30)):
        vocab = finished.get_vocab()
        assert {token: vocab[token] for token in ids} == ids
        assert len(vocab) == len(set(vocab.values())) == size + new
        finished.encode_special_tokens = False
        assert finished.encode("<s></s>").ids == [400, 401]


def test_tokens_that_no_merge_reaches(tmp_path):
    """A merge that never happens, as "ab" is made first, and a token without a merge: both may still be made."""
    tokenizer = to_tokenizer(train_bpe([b"ab"], np.array([1]), 257), "none", "none")
    config = json.loads(tokenizer.to_str())
    config["model"]["vocab"] |= {"bc": 257, "abc": 258, "abcd": 259}
    config["model"]["merges"] += [["b", "c"], ["a", "bc"]]
    (tmp_path / "odd.json").write_text(json.dumps(config))
    existing = load_existing("odd.json", tmp_path)
    base = load_base(existing)
    words = [b"abc", b"abcd", b"bc"]
    evaluation = EvalCounts.from_dense(np.array([[1, 10, 100]]))
    model = train_flat(flat(words), np.array([5, 3, 1]), 261, start=base.model, evaluation=evaluation)
    assert model.merges[-2:] == [(b"ab", b"c"), (b"abc", b"d")]
    assert model.vocab_size == 260  # both have ids
    finished = base.to_tokenizer(model)
    assert finished.encode("abcd").ids == [259]
    tokens = [len(finished.encode(word.decode()).ids) for word in words]
    assert model.token_counts().tolist() == [np.dot(tokens, [1, 10, 100])]


def test_refusals(tmp_path):
    tokenizer = to_tokenizer(train_bpe([b"abc"], np.array([1]), 258))
    config = json.loads(tokenizer.to_str())
    cases = {
        "merge 0, b'ab' and b'c', has parts that no earlier one makes": {"merges": [["ab", "c"], ["a", "b"]]},
        "merge 3, b'a' and b'bc', makes what an earlier one made": {
            "vocab": config["model"]["vocab"] | {"bc": 258},
            "merges": [["a", "b"], ["b", "c"], ["ab", "c"], ["a", "bc"]],
        },
        "no merges make 1 of them, such as b'abc'": {"merges": [["a", "b"]], "ignore_merges": True},
    }
    for message, changes in cases.items():
        (tmp_path / "bad.json").write_text(json.dumps({**config, "model": {**config["model"], **changes}}))
        with pytest.raises(ValueError, match=message):
            load_base(load_existing("bad.json", tmp_path))
    tokenizer.add_tokens(["xyz"])
    tokenizer.save(str(tmp_path / "added.json"))
    with pytest.raises(ValueError, match="1 added tokens that are not special, such as 'xyz'"):
        load_base(load_existing("added.json", tmp_path))
