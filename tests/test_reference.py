"""Reference token counts against tiktoken itself, on the published ranks."""

import gzip
import hashlib
import inspect
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from trex.tokenizer.reference import ENCODINGS, load_reference

DATA = Path(os.environ.get("TREX_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
# Special tokens, NUL, decomposed and composed, lone combining marks, jamo, emoji, BOM, blanks, contractions.
ODD = ["", "<|endoftext|>", "a<|endofprompt|>b", "\x00", "a\x00b", "e\u0301", "é", "\u0301\u0301 \u0301"]
ODD += [
    "\u1100\u1161",
    "👩‍👩‍👧🏽",
    "\ufeffx",
    "  \t\r\n\n  x  ",
    "1234567",
    "I'LL don'ſ ǅungla",
    "\U0010ffff",
]
ODD += ["=" * 500, "DON'T /\n//\r", "x" * 5_000, "\u3000\u00a0 \u2028"]


@pytest.fixture(scope="module", params=ENCODINGS)
def encoding(request):
    """A tiktoken.Encoding from the ranks that bpe_openai ships and the pattern that tiktoken ships."""
    tiktoken = pytest.importorskip("tiktoken")
    public = pytest.importorskip("tiktoken_ext.openai_public")
    packed = resources.files("bpe_openai.data") / f"{request.param}.tiktoken.gz"
    ranks_file = gzip.decompress(packed.read_bytes())
    # The very file that OpenAI publishes: tiktoken refuses to load one with another hash.
    assert hashlib.sha256(ranks_file).hexdigest() in inspect.getsource(getattr(public, request.param))

    def load_ranks(_url, expected_hash):
        lines = (line.split() for line in ranks_file.splitlines())
        return {tiktoken.load.base64.b64decode(token): int(rank) for token, rank in lines}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(public, "load_tiktoken_bpe", load_ranks)
        return tiktoken.Encoding(**getattr(public, request.param)())


def test_counts_are_those_of_tiktoken(encoding):
    if not (DATA / "ood" / "udhr.parquet").is_file():
        pytest.skip(
            f"{DATA}/ood/udhr.parquet is absent: set TREX_TEST_DATA to the directory of the test data"
        )
    table = pq.read_table(DATA / "ood" / "udhr.parquet")
    assert len(set(table["lang"].to_pylist())) >= 20
    texts = table["text"].to_pylist()
    expected = [len(tokens) for tokens in encoding.encode_ordinary_batch(texts, num_threads=1)]
    counts = load_reference(encoding.name, Path()).count(table["text"])
    assert counts.dtype == np.int64
    assert counts.tolist() == expected


def test_odd_strings_count_as_in_tiktoken(encoding):
    expected = [len(encoding.encode_ordinary(text)) for text in ODD]
    reference = load_reference(encoding.name, Path())
    assert reference.name == encoding.name
    assert reference.count(ODD).tolist() == expected
    assert reference.count(pa.array(ODD, pa.large_string())).tolist() == expected
    assert reference.count(iter(ODD)).tolist() == expected
    assert reference.count([]).tolist() == []
    # A million characters and more: the limit of bpe_openai's public class.
    assert reference.count(["ab " * 400_000]).item() > 200_000


def test_a_tokenizer_json_counts_plain_text_only(tmp_path):
    # Words and punctuation are tokens. The file asks for <s> around a text, padding to 10, truncation to 2.
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1, "<s>": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A <s>", special_tokens=[("<s>", 2)])
    tokenizer.enable_padding(length=10)
    tokenizer.enable_truncation(2)
    (tmp_path / "nested").mkdir()
    tokenizer.save(str(tmp_path / "nested" / "tokenizer.json"))

    reference = load_reference("nested/tokenizer.json", tmp_path)
    assert reference.name == "nested/tokenizer.json"
    assert reference.count(["a a a", "", "a <s> a"]).tolist() == [3, 0, 5]  # a < s > a
    lengths = [number % 7 for number in range(3_000)]  # more than one chunk
    assert reference.count("a " * length for length in lengths).tolist() == lengths


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("o201k_base", "o200k_base, cl100k_base"),
        ("missing.json", "missing.json does not exist"),
        ("bad.json", "bad.json is not a tokenizer.json"),
        ({"huggingface": ""}, "huggingface: NAME"),
    ],
)
def test_bad_references_are_explained(spec, says, tmp_path):
    (tmp_path / "bad.json").write_text('{"model": 3}')
    with pytest.raises(ValueError, match=says):
        load_reference(spec, tmp_path)
