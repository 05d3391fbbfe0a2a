"""Text that goes to extremes: spellings of special tokens, endless runs, words of megabytes. Training and encoding
agree with each other and with `tokenizers`, in bounded memory."""

import subprocess
import sys
from random import Random

import numpy as np
import pytest
from conftest import ROOT, train_with_tokenizers

from trex.bpe.byte_alphabet import spell
from trex.bpe.training import train_bpe
from trex.counting.pretokenize import count_words
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.encode import encode, of_plain_text

SPECIALS = ("<|endoftext|>", "the", " of")  # one that the pattern cuts, and two that are words


def trained(text: str, vocab_size: int, specials=SPECIALS):
    """(model whose one evaluation column is the text, its words)"""
    words = count_words(text)
    counts = np.array(list(words.values()))
    model = train_bpe(list(words), counts, vocab_size, special_tokens=specials, eval_counts=counts[None])
    return model, words


def check_encoding(model, text: str) -> None:
    """`tokenizers` makes of the text as many tokens as the training counted, and gives it back."""
    tokenizer = of_plain_text(to_tokenizer(model))
    tokens, _ = encode(tokenizer, [text], model.vocab_size)
    assert tokens[0] == model.token_counts()[0]
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def dna(n: int) -> str:
    return "".join(Random(n).choices("ACGT", k=n))


AWKWARD = {
    "special tokens": "<|endoftext|> of the <|endoftext|>the of<|endoftext|>\n" * 50
    + "then thethe often of of",
    "a run of letters": "a" * 3001 + " b",
    "a run of marks": "x" + "\u0323" * 2000,
    "runs of all kinds": "".join(character * 700 + "x" for character in "a.\n \t0é漢🙂ا"),
    "DNA": dna(5000) + "\n" + dna(4000),
}


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
def test_training_is_that_of_tokenizers(text):
    model, words = trained(text, 400)
    spelled = [(spell(a), spell(b)) for a, b in model.merges]
    assert (model.vocab, spelled) == train_with_tokenizers(words, 400, SPECIALS)
    check_encoding(model, text)


def test_special_tokens_in_text_are_text():
    text = AWKWARD["special tokens"]
    model, _ = trained(text, 300)
    tokenizer = of_plain_text(to_tokenizer(model))
    ids = tokenizer.encode(text).ids
    assert model.vocab["<|endoftext|>"] not in ids  # the pattern cuts it into <| endoftext |>
    assert model.vocab["the"] in ids  # what the merges spell is that token, as in `tokenizers`' training
    # as it is published, the tokenizer finds the special tokens first
    assert to_tokenizer(model).encode("x<|endoftext|>").ids[-1] == model.vocab["<|endoftext|>"]


@pytest.mark.parametrize(("character", "doublings"), [("a", 20), (" ", 20), ("漢", 16)])
def test_a_million_equal_characters(character, doublings):
    """2^20 of them make tokens of 2, 4, 8, ... characters, and in the end are one; bytes of a character join first."""
    text = character * 2**doublings
    size = len(character.encode())
    model, words = trained(text, 256 + doublings + size - 1, specials=())
    assert words == {text.encode(): 1}
    assert [len(token) for token in model.spellings[256:]] == [
        *range(2, size + 1),
        *(size * 2**k for k in range(1, doublings + 1)),
    ]
    assert model.token_counts()[0] == 1
    tokens, _ = encode(of_plain_text(to_tokenizer(model)), [text], model.vocab_size)
    assert tokens[0] == 1


def test_a_million_newlines_and_digits():
    assert count_words("\n" * 10**6) == {b"\n" * 10**6: 1}
    assert count_words("7" * 10**6) == {b"7": 10**6}


MEGABYTES = r"""
import resource, sys
from pathlib import Path
import numpy as np
from trex.bpe.training import train_bpe
from trex.corpora import DocumentLimit, read_documents
from trex.counting.pretokenize import WordCounter
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def words(folder, limit):
    counter = WordCounter()
    for batch in read_documents({"text": "t.txt"}, folder, limit=DocumentLimit(limit)):
        counter.add(batch)
    counts = counter.result()
    return counts.words.to_pylist(), counts.totals()
folder = Path(sys.argv[1])
(folder / "t.txt").write_bytes(b"ACGT\n" * 9)
train_bpe(*words(folder, 10**6), 258)  # everything is compiled and loaded
before = peak()
n = 16_000_000
line = np.random.default_rng(1).choice(np.frombuffer(b"ACGT", np.uint8), n)
with open(folder / "t.txt", "wb") as file:
    file.write(line); file.write(b"\nACGT\n" * 9)
del line
found, counts = words(folder, 2 * n)
assert sorted(map(len, found)) == [1, 4, n], sorted(map(len, found))
model = train_bpe(found, counts, 300, eval_counts=counts[None])
assert len(model.steps) == 44
assert peak() - before < 32 * n, (peak() - before) / n
"""


def test_a_word_of_megabytes_in_bounded_memory(tmp_path):
    """One line of 16 MB that is one word: read, counted and trained on in at most 32 times its size."""
    command = [sys.executable, "-c", MEGABYTES, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
