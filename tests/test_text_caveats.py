"""What the summary says about the text."""

import polars as pl

from trex.counting.corpus import with_left_out
from trex.report.text_caveats import looks_wrong, text_caveats


def counts(corpus: str, too_long: int) -> pl.DataFrame:
    row = {
        "corpus": corpus,
        "split": "held_out",
        "shard": 0,
        "documents": 5,
        "bytes": 9,
        "characters": 9,
        "words": None,
    }
    return with_left_out(
        pl.DataFrame([row | {"duplicates": 1}], schema_overrides={"words": pl.Int64}), {"too_long": too_long}
    )


def test_caveats():
    ledgers = pl.concat([counts("deu", 0), counts("vie", 1200)])
    assert ledgers.filter(corpus="vie", split="too_long").drop("corpus", "split", "shard").row(0) == (
        1200,
        0,
        0,
        None,
        0,
    )
    evaluation = pl.DataFrame(
        {
            "corpus": ["deu", "vie", "vie"],
            "bytes": [1000, 500, 500],
            "nfc_changed": [10, 500, 100],
            "too_long": [2, 0, 3],
        }
    )
    nfc, training, measured = text_caveats(ledgers, evaluation)
    assert "60 % of the evaluation text of `vie`" in nfc  # and not 1 % of deu
    assert training.endswith(
        "`counting.max_document_bytes` and left out of the training text: 1,200 of `vie`."
    )
    assert measured.endswith("left out of the evaluation text: 3 of `vie`, 2 of `deu`.")
    assert not list(text_caveats(ledgers.filter(corpus="deu"), evaluation[:1].with_columns(too_long=0)))


def test_corpora_that_look_wrong_are_named():
    def warned(*kinds: str) -> dict:
        return {"warnings": [{"kind": kind, "text": "..."} for kind in kinds]}

    hygiene = {"deu": warned(), "vie": warned("tags", "URLs", "tags")} | {
        f"x{i}": warned("script") for i in range(6)
    }
    (said,) = looks_wrong(hygiene)
    assert said.startswith(
        "[hygiene.md](hygiene.md) warns of the text of 7 of 8 corpora: `vie` (tags, URLs), "
    )
    assert said.endswith("`x3` (script) and 2 more.")
    assert not list(looks_wrong({"deu": warned()}))
