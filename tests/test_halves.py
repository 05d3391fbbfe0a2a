"""Evaluation text in two halves, one to choose on and one to test on."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from trex.counting.corpus import EvaluationOptions, count_evaluation
from trex.counting.documents import document_hashes
from trex.counting.patterns import DEFAULT
from trex.report.text_caveats import halves_caveats

SEED = 3


def halves(texts: list[str], size: int = 7, *, parallel: bool = False, corpus: str = "aaa"):
    """(selection half, test half, ledger row) of texts that come in batches."""
    kept = [], []
    batches = (pa.array(texts[i : i + size], pa.large_string()) for i in range(0, len(texts), size))
    words, ledger = count_evaluation(
        batches,
        ("dev", corpus),
        lambda batch: np.full(len(batch), 2),
        tuple(lambda batch, _, half=half: half.extend(batch.to_pylist()) for half in kept),
        np.empty(0, np.uint64),
        EvaluationOptions(SEED, DEFAULT, parallel=parallel),
    )
    row = ledger.row(0, named=True)
    counted = pl.from_arrow(words.summed())
    assert (counted["word"].bin.size() * counted["count"]).sum() == row["bytes"]
    for half, prefix in zip(kept, ("", "test_"), strict=True):
        assert row[f"{prefix}documents"] == len(half)
        assert row[f"{prefix}bytes"] == sum(len(text.encode()) for text in half)
        assert row[f"{prefix}reference_tokens"] == 2 * len(half)
    return *kept, row


TEXTS = [f"document {i}" for i in range(200)]


def test_a_document_has_its_half_by_its_content():
    selection, test, row = halves(TEXTS)
    hashes = document_hashes(pa.array(TEXTS, pa.large_string()), SEED)
    in_test = hashes >= 2**63
    assert selection == [text for text, is_test in zip(TEXTS, in_test, strict=True) if not is_test]
    assert test == [text for text, is_test in zip(TEXTS, in_test, strict=True) if is_test]
    assert row["dealt"] == "by_hash"
    assert 75 < len(test) < 125
    # the same in another order, among others, and with duplicates
    again, *_ = halves([*reversed(TEXTS[:50]), "another one", *TEXTS[:50]], size=1)
    assert set(again) - {"another one"} == set(selection) & set(TEXTS[:50])


def test_no_half_is_empty():
    one_bit = [
        text for text in TEXTS if document_hashes(pa.array([text], pa.large_string()), SEED)[0] < 2**63
    ]
    for n, size in ((2, 1), (2, 9), (5, 2)):
        selection, test, row = halves(one_bit[:n], size)
        assert (len(selection), len(test)) == (-(-n // 2), n // 2)
        assert sorted(selection + test) == sorted(one_bit[:n])
        assert row["dealt"] == "alternately"
    selection, test, row = halves(one_bit[:1])
    assert selection == test == one_bit[:1]
    assert row["dealt"] == "whole"


def test_parallel_text_is_dealt_by_number():
    translated = {corpus: [f"{corpus} {i}" for i in range(9)] for corpus in ("aaa", "bbb")}
    for size in (2, 3, 20):
        for corpus, texts in translated.items():
            selection, test, row = halves(texts, size, parallel=True, corpus=corpus)
            assert (selection, test) == (texts[::2], texts[1::2])
            assert row["dealt"] == "by_number"
    assert halves(translated["aaa"][:1], parallel=True)[2]["dealt"] == "whole"
    # a document that is there twice does not move those behind it
    assert halves(["x", "y", "y", "z"], parallel=True)[:2] == (["x"], ["y", "z"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"dealt": "whole"}, ["`dev` has one document of `aaa` and `bbb`, which is in both halves"]),
        ({"test_documents": [3, 40]}, ["Fewer than 10 documents are in the test half of `aaa` (3 in `dev`)"]),
        ({"documents": [40, 50]}, []),
        (
            {"documents": [40, 50], "evaluation_set": "par"},
            ["parallel set `par` (40 to 50 in the selection half)"],
        ),
    ],
)
def test_what_is_wrong_with_halves_is_said(changes, said):
    ledger = {"evaluation_set": "dev", "corpus": ["aaa", "bbb"], "dealt": "by_hash", "documents": [40, 40]}
    found = list(halves_caveats(pl.DataFrame(ledger | {"test_documents": [40, 40]} | changes), "par"))
    assert len(found) == len(said)
    assert all(words in text for words, text in zip(said, found, strict=True))
