"""Facts about text that can be counted by hand, the warnings, and the page."""

import json

import polars as pl
import pyarrow as pa
import pytest

from trex.counting.corpus import CountingOptions, by_shard, count_corpus, held_out_file, with_left_out
from trex.counting.patterns import DEFAULT, PATTERNS
from trex.files import write_table
from trex.hygiene.documents import document_facts, sample
from trex.hygiene.facts import corpus_facts
from trex.hygiene.marks import mark_facts, marks_message, marks_of_sources
from trex.hygiene.noise import KINDS
from trex.hygiene.page import write_hygiene
from trex.hygiene.words import word_facts
from trex.report.markdown import code, short_percent

NOTHING = {kind.name: 0 for kind in KINDS}


def write_words(path, words: dict[str | bytes, int]):
    rows = [(word.encode() if isinstance(word, str) else word, n) for word, n in words.items()]
    counts = [[n // 2, n - n // 2] for _, n in rows]  # in two shards
    pl.DataFrame({"word": [word for word, _ in rows], "count": counts}).write_parquet(path)
    return path


def test_facts_about_words(tmp_path):
    words = {
        "ab": 10,  # 20 characters of Latin
        " где": 5,  # 20 of Cyrillic, 35 bytes
        "5": 4,
        "日本": 5,  # 10 of Han, 30 bytes
        "=" * 20 + "ー" * 16: 2,  # two runs of 36 characters; ー is a letter of both kanas
        "x" * 15: 1,
        b"\xff\xfe": 1,
    }
    facts = word_facts(write_words(tmp_path / "w", words))
    assert facts["words"] == 7
    assert facts["bytes"] == 20 + 35 + 4 + 30 + 2 * 68 + 15 + 2 == 242
    assert facts["characters"] == 20 + 20 + 4 + 10 + 72 + 15
    assert facts["not_text"] == pytest.approx(2 / 242)
    letters = 20 + 20 + 10 + 72 + 15
    expected = {"Latin": 35, "Cyrillic": 20, "Han": 10}
    assert {name: facts["scripts"][name] for name in expected} == pytest.approx(
        {name: n / letters for name, n in expected.items()}
    )
    assert facts["heaviest"][0]["share"] == pytest.approx(136 / 242)
    assert [word["word"] for word in facts["heaviest"][1:4]] == [" где", "日本", "ab"]
    assert facts["longest"] == {"word": "=" * 20 + "ーーーー…", "bytes": 68, "count": 2}
    assert facts["longest_run"] == {"character": "=", "length": 20}
    assert facts["in_runs"] == pytest.approx(72 / 141)


def test_a_run_does_not_cross_words(tmp_path):
    facts = word_facts(write_words(tmp_path / "w", {"a" * 16 + "b" * 15: 3, "b" * 17: 1}))
    assert facts["longest_run"] == {"character": "b", "length": 17}
    assert facts["in_runs"] == pytest.approx((3 * 16 + 17) / (3 * 31 + 17))


@pytest.mark.parametrize(
    ("text", "kind", "characters"),
    [
        ("see <a href='x'>it</a> a < b > c", "tags", 12 + 4),
        ("fish &amp; chips &#8220; R&D; AT&T", "entities", 5 + 7),
        ("{{cite|x}} [[Link]] {x} [y]", "wiki", 10 + 8),
        ("at https://a.b/c?d=1 and", "URLs", 17),
        ("x " + "aB3/" * 20 + " y", "base64", 80),
        ("ACGT" * 50 + " " + "w" * 70, "nothing", 0),
        ("id " + "0af3" * 8 + " 1234567890", "hex", 32),
        ("bell\x07 and tab\t\n\x0c\x85", "control", 1),
        ("caf\ufffd", "U+FFFD", 1),
        ("cafÃ© â€œquotedâ€™ but Ãrea", "mojibake", 2 + 3 + 3),
    ],
)
def test_noise_is_found_and_nothing_else(text, kind, characters):
    noise = document_facts(pl.Series([text]), ["Latin"], frozenset({"Latin"}))["noise"]
    found = {name: round(facts["characters"] * len(text)) for name, facts in noise.items()}
    assert found == NOTHING | ({kind: characters} if characters else {})


def test_facts_about_documents():
    texts = pl.Series(
        [
            "menu\nfirst text of some length\n",
            "menu\n\nsecond text of some length",
            "это русский текст, и длинный",
        ]
    )
    facts = document_facts(texts, ["Latin", "Cyrillic"], frozenset({"Latin"}))
    assert facts["repeated_lines"] == pytest.approx(1 / 5)
    assert facts["other_script"] == {
        "share": 1 / 3,
        "script": "Cyrillic",
        "example": "это русский текст, и длинный",
    }
    assert facts["sizes"]["p99"] == len("это русский текст, и длинный".encode())
    assert (
        document_facts(texts, ["Latin", "Cyrillic"], frozenset({"Latin", "Cyrillic"}))["other_script"][
            "share"
        ]
        == 0
    )


def test_text_without_letters_is_of_no_script():
    assert document_facts(pl.Series(["1234 " * 100] * 5), [], frozenset())["other_script"]["share"] == 0


def test_bytes_that_are_no_text_have_a_page_that_says_so():
    assert "bytes that are no text" in write_hygiene({})


def test_a_sample_is_spread_over_the_file(tmp_path):
    path = tmp_path / "held_out.parquet"
    with held_out_file(path) as keep:
        keep(pa.array([f"{i:09d}" for i in range(50_000)], pa.large_string()))
    texts = sample(path, 20_000)
    numbers = texts.cast(pl.Int64).to_numpy()
    assert 1000 <= len(texts) <= 2500
    assert numbers.min() < 100
    assert numbers.max() > 49_000
    assert (numbers[1:] > numbers[:-1]).all()


def test_a_corpus_that_is_not_what_it_says(tmp_path):
    """2,000 documents of hin_Deva: three in four are English, with tags; one is a word of 20 kB."""
    hindi = "यह एक लंबा वाक्य है जो हिंदी में लिखा गया है"
    texts = [f"{hindi} {i}" if i % 4 == 0 else f"<p>This is document number {i}</p>" for i in range(2000)]
    documents = pa.array([*texts, "A" * 20_000], pa.large_string())
    with held_out_file(tmp_path / "held_out") as hold_out:
        counts = count_corpus(
            [documents], "hin_Deva", hold_out, CountingOptions(1, 0.2, True, DEFAULT, False)
        )
    ledger, shard_of = by_shard([with_left_out(counts.ledger, {"too_long": 3, "null": 0})])
    counts.words.write(tmp_path / "words", shard_of)
    write_table(ledger, tmp_path / "ledger")
    facts = corpus_facts("hin_Deva", tmp_path / "words", tmp_path / "ledger", tmp_path / "held_out", DEFAULT)
    assert facts["counted"]["documents"] == 2001
    assert facts["counted"]["left_out"] == {"too_long": 3}
    warned = {warning["kind"] for warning in facts["warnings"]}
    assert {"script", "tags", "marks"} <= warned
    said = " ".join(warning["text"] for warning in facts["warnings"])
    assert "in a corpus that should be Devanagari" in said
    assert "of the documents are mostly Latin" in said
    page = write_hygiene({"hin_Deva": json.loads(json.dumps(facts))})
    assert "- `hin_Deva`: " in page
    assert "3 too long" in page
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {5, 6, 7, 11, 12}


def test_marks(tmp_path):
    # five characters, three of them marks: the default makes ह, two marks, द and a mark of it
    assert mark_facts(["हिंदी हिंदी"], DEFAULT) == {"marks": 6 / 11, "words": 8, "multilingual": 2}
    assert mark_facts(["e\u0301t\u00e9"], DEFAULT)["words"] is None  # NFC has no marks here
    # Persian joiners count: می‌روم is one word
    facts = mark_facts(["می\u200cروم و می\u200cروم"], DEFAULT)
    assert (facts["words"], facts["multilingual"]) == (5, 3)
    (tmp_path / "hin.txt").write_text("हिंदी हिंदी\n" * 100)
    (tmp_path / "deu.txt").write_text("Wörter ohne Zeichen\n")
    sources = {name: {"text": f"{name}.txt"} for name in ("deu", "hin", "missing")} | {
        "hub": {"huggingface": "x/y"}
    }
    found = marks_of_sources(sources, tmp_path, DEFAULT)
    assert list(found) == ["hin"]
    assert "hin has 800 words where multilingual makes 300." in marks_message(found, "tokenizer.pattern")
    assert marks_of_sources(sources, tmp_path, PATTERNS["multilingual"]) == {}


def test_what_is_written_in_cells():
    assert code("a|b\n\u200c`") == "`` a¦b\\n\\u200c` ``"
    assert [short_percent(share) for share in (0, 0.123, 0.0123, 0.00123, 0.000123, 1e-6, 1)] == [
        "0 %", "12 %", "1.2 %", "0.12 %", "0.01 %", "<0.01 %", "100 %",
    ]  # fmt: skip
