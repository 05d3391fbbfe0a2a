"""What the summary says about the text."""

from pathlib import Path

import polars as pl

from trex.counting.corpus import with_left_out
from trex.layout import Layout
from trex.report.text_caveats import looks_wrong, text_caveats


def counts(corpus: str, too_long: int, sample: str = "all", read_share: float = 1.0) -> pl.DataFrame:
    row = {
        "corpus": corpus,
        "sample": sample,
        "read_share": read_share,
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


def test_bad_records_are_said_by_reason():
    ledgers = pl.concat([counts("deu", 0), with_left_out(counts("vie", 0), {"not_json": 2, "null": 1_000})])
    evaluation = pl.DataFrame(
        {"corpus": ["deu", "vie"], "sample": ["all"] * 2, "read_share": [1.0] * 2}
        | {"bytes": [9, 9], "nfc_changed": [0, 0], "too_long": [0, 0]}
        | {"not_json": [3, 4], "no_text": [0, 0], "null": [0, 0]}
    )
    assert list(text_caveats(ledgers, evaluation)) == [
        "Bad records that were left out of the training text: 2 of `vie` not JSON, or cut off.",
        "Records without text (null) in the training text: 1,000 of `vie`.",
        "Bad records that were left out of the evaluation text: 4 of `vie`, 3 of `deu` not JSON, or cut off.",
    ]


def test_caveats():
    ledgers = pl.concat([counts("deu", 0), counts("vie", 1200)])
    assert ledgers.filter(corpus="vie", split="too_long").drop(
        "corpus", "sample", "read_share", "split", "shard"
    ).row(0) == (
        1200,
        0,
        0,
        None,
        0,
    )
    evaluation = pl.DataFrame(
        {
            "corpus": ["deu", "vie", "vie"],
            "sample": ["all"] * 3,
            "read_share": [1.0] * 3,
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


def test_samples_are_said():
    drawn = pl.concat(
        [counts("a", 0, "documents"), counts("b", 0, "places", 0.123), counts("c", 0, "documents")]
    )
    evaluation = pl.DataFrame({"corpus": ["a", "b"], "sample": ["stream"] * 2, "read_share": [None, None]})
    evaluation = evaluation.with_columns(bytes=100, nfc_changed=0, too_long=0)
    by_hash, places, stream = text_caveats(drawn, evaluation)
    assert by_hash.startswith(
        "The training text of `a`, `c` is a sample of `max_bytes`: documents drawn by a hash"
    )
    assert places.endswith("places spread over its files (12 to 12 % of their bytes).")
    assert stream.startswith(
        "The evaluation text of all corpora is a sample of `max_bytes`: the beginning of a stream"
    )


def test_corpora_that_look_wrong_are_named():
    def warned(*kinds: str) -> dict:
        warnings = [{"kind": kind, "text": "..."} for kind in kinds]
        return {"warnings": warnings, "marks": {"pattern": "cuts"}}

    hygiene = {"deu": warned(), "vie": warned("tags", "URLs", "tags")} | {
        f"x{i}": warned("script") for i in range(6)
    }
    (said,) = looks_wrong(hygiene, "cuts", "hygiene.md")
    assert said.startswith(
        "[hygiene.md](hygiene.md) warns of the text of 7 of 8 corpora: `vie` (tags, URLs), "
    )
    assert said.endswith("`x3` (script) and 2 more.")
    assert not list(looks_wrong({"deu": warned()}, "cuts", "hygiene.md"))


def test_a_recipe_is_not_warned_of_what_the_pattern_of_another_cuts():
    hygiene = {"hin": {"warnings": [{"kind": "marks", "text": "..."}], "marks": {"pattern": "cuts"}}}
    link = Layout(Path("results/recipes/a"), shared=Path("results")).hygiene_link
    assert link == "../../hygiene.md"
    assert list(looks_wrong(hygiene, "cuts", link)) == [
        "[hygiene.md](../../hygiene.md) warns of the text of 1 of 1 corpora: `hin` (marks)."
    ]
    assert not list(looks_wrong(hygiene, "keeps", link))
