"""The option ``where``: the same rows from every kind of table, nulls, and what the reader is told."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_corpora import read, through_the_config

from trex.config import ConfigError, load_yaml
from trex.corpora import BadRecords, CorpusError, check_source
from trex.corpora.parquet import Parquet
from trex.corpora.where import Comparison, parse_condition

QUALITY = [9, 8, 7, None, 10, 8]
SCORE = [0.95, 0.9, 0.99, 0.99, None, 0.2]
SOURCE = ["wiki", "news", "wiki", "wiki", "news", "spam"]
ROWS = [
    {"text": f"row {i}", "quality": quality, "score": score, "source": source, "good": i % 2 == 0,
     "day": f"2024-0{i + 1}-01", "meta": {"lang": {"score": score}, "n": i},
     "tags": ["a"]}
    for i, (quality, score, source) in enumerate(zip(QUALITY, SCORE, SOURCE, strict=True))
]  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("where")
    pq.write_table(pa.Table.from_pylist(ROWS), base / "rows.parquet", row_group_size=2)
    (base / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (base / "a.txt").write_text("a\nb\n")
    pytest.importorskip("datasets").Dataset.from_list(ROWS).save_to_disk(base / "saved")
    return base


SOURCES = [
    {"parquet": "rows.parquet"},
    {"arrow": "saved/*.arrow"},
    {"jsonl": "rows.jsonl"},
    {"dataset": "saved"},
    {"huggingface": "json", "data_files": "rows.jsonl"},
]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ({"quality": ">= 8"}, [0, 1, 4, 5]),
        ({"quality": ">= 8", "score": ">= .9", "source": ["wiki", "news"]}, [0, 1]),
        ({"quality": "> 7.5 and <9"}, [1, 5]),
        ({"quality": "!= 8"}, [0, 2, 4]),  # not null
        ({"quality": [7, 10]}, [2, 4]),
        ({"source": "!= spam", "score": "< 0.99"}, [0, 1]),
        ({"source": ">= 'news' and < 'spbm'"}, [1, 4, 5]),
        ({"good": True, "quality": "== 10"}, [4]),
        ({"day": ">= 2024-03-01", "score": "> -1e3"}, [2, 3, 5]),
        ({"meta.lang.score": ">= .95", "meta.n": "!= 2"}, [0, 3]),
    ],
    ids=str,
)
def test_every_kind_reads_the_same_rows(where, rows, base):
    for source in SOURCES:
        source = through_the_config({**source, "where": where}, base)
        assert read(source, base) == [f"row {i}" for i in rows], source


def test_rows_that_are_left_out_are_counted(base, caplog):
    caplog.set_level("INFO")
    where = {"quality": ">= 8", "score": ">= .9"}
    for source in SOURCES:
        bad = BadRecords()
        assert read({**source, "where": where}, base, bad=bad) == ["row 0", "row 1"]
        assert bad.ledger() == {"filtered": 4}
        assert "where left out 4 of 6 rows, 1 for 'quality' is null, 1 for 'score' is null" in caplog.text
        caplog.clear()


def test_row_groups_that_cannot_match_are_not_read(tmp_path):
    """Rows 0 to 99 in groups of ten; a broken text in a group that is not wanted is never met."""
    table = pa.table({"n": range(100), "text": [f"text {i}" for i in range(100)]})
    pq.write_table(table, tmp_path / "t", row_group_size=10, compression="none", use_dictionary=["n"])
    data = (tmp_path / "t").read_bytes()
    (tmp_path / "t").write_bytes(data.replace(b"text 55", b"text \xff5"))
    source = {"parquet": "t", "where": {"n": ">= 60"}}
    assert read(source, tmp_path) == [f"text {i}" for i in range(60, 100)]
    reader = Parquet(source, tmp_path)
    assert sum(map(len, reader.pieces())) == 40
    assert (reader.where.rows, reader.where.left_out) == (100, 60)
    for where, rows in (
        ({"n": [3, 71]}, [3, 71]),
        ({"n": "< 1"}, [0]),
        ({"n": "> 5 and < 7", "text": "text 6"}, [6]),
    ):
        assert read({"parquet": "t", "where": where}, tmp_path) == [f"text {i}" for i in rows]
    with pytest.raises(
        CorpusError, match=r"row 55.*0xff"
    ):  # and errors in what is read count rows of the file
        read({"parquet": "t", "where": {"n": ">= 40"}}, tmp_path)


@pytest.mark.parametrize(
    ("values", "condition", "rows"),
    [
        (pa.array([1, 2, 2**63 + 5], pa.uint64()), ">= 2", [1, 2]),
        (pa.array([0.5, 0.9], pa.float32()), ">= .9", [1]),
        (pa.array([0.5, 0.9], pa.float16()), "> .6", [1]),
        (pa.array([Decimal("1.5"), Decimal("2.5")]), "> 1.7", [1]),
        (pa.array([Decimal("1.5"), Decimal("2.5")]), 2.5, [1]),
        (pa.array(["a", None, "b"]).dictionary_encode(), ["b", "c"], [2]),
        (pa.array(["a", "b"], pa.string_view()), "> a", [1]),
        (
            pa.array([datetime(2023, 12, 31, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)]),
            ">= 2024-01-01",
            [1],
        ),
        (pa.array([1, 2], pa.int8()), "< 1000", [0, 1]),
        (pa.array([0, 2**63 + 5], pa.uint64()), "> -0.5 and < 9e18", [0]),
        (pa.array([7, 8, 2**60 + 1], pa.int64()), "> 7.5 and <= 1152921504606846976.5", [1]),
        (pa.array([7, 8], pa.int8()), [8.0], [1]),
        (pa.array([datetime(2023, 12, 31).date(), datetime(2024, 1, 1).date()]), ">= 2024-01-01", [1]),
    ],
    ids=str,
)
def test_columns_of_many_types(values, condition, rows, tmp_path):
    pq.write_table(pa.table({"x": values, "text": [f"{i}" for i in range(len(values))]}), tmp_path / "t")
    source = {"parquet": "t", "where": {"x": condition}}
    check_source(source, tmp_path)
    assert read(source, tmp_path) == [f"{i}" for i in rows]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"qualty": ">= 8"}, ["unknown column 'qualty'", "text, quality"]),
        ({"source": ">= 8"}, ["'source'", ">= 8", "that type"]),
        ({"quality": "wiki"}, ["'quality'", "'wiki'", "that type"]),
        ({"quality": ["8"]}, ["'quality'", "'8'", "that type"]),
        ({"good": "> 0"}, ["'good'", "> 0", "that type"]),
        ({"meta.lang.n": 1}, ["unknown column 'meta.lang.n'"]),
        ({"meta": "wiki"}, ["'meta'"]),
        ({"tags": "a"}, ["'tags'", "list"]),
    ],
    ids=str,
)
def test_conditions_that_do_not_fit_are_found_before_reading(where, says, base):
    for source in SOURCES[:4]:
        with pytest.raises(CorpusError) as error:
            check_source({**source, "where": where}, base)
        assert [word for word in says if word not in str(error.value)] == []


@pytest.mark.parametrize(
    ("values", "condition", "says"),
    [
        # Arrow would take these numbers for days and microseconds since 1970, and 7.5 for 7
        (
            pa.array([datetime(2024, 1, 1).date()]),
            "> 2024",
            "date32.*cannot be > 2024: write a date in quotes",
        ),
        (pa.array([datetime(2024, 1, 1)]), ">= 1700000000", "timestamp.*write a date in quotes"),
        (pa.array([7, 8]), 7.5, "int64 and cannot be equal to 7.5"),
    ],
    ids=str,
)
def test_a_value_that_arrow_would_misread(values, condition, says, tmp_path):
    pq.write_table(pa.table({"x": values, "text": [f"{i}" for i in range(len(values))]}), tmp_path / "t")
    with pytest.raises(CorpusError, match=says):
        check_source({"parquet": "t", "where": {"x": condition}}, tmp_path)


def test_a_file_whose_column_has_no_value_at_all(tmp_path):
    for name, quality in (("a", pa.array([8, 9])), ("b", pa.nulls(2))):
        pq.write_table(pa.table({"quality": quality, "text": ["x", "y"]}), tmp_path / f"{name}.parquet")
    source = {"parquet": "*.parquet", "where": {"quality": ">= 9"}}
    check_source(source, tmp_path)
    assert read(source, tmp_path) == ["y"]


def test_a_json_value_without_order_is_found_where_it_is(tmp_path):
    lines = [{"text": "a", "n": 1}] * 1500 + [{"text": "b", "n": "many"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = {"jsonl": "a.jsonl", "where": {"n": "> 0"}}
    check_source(source, tmp_path)  # looks at the first records alone
    with pytest.raises(
        CorpusError, match=r"a.jsonl:1501: where: 'n' is 'many', text, and cannot be > 0, a number"
    ):
        read(source, tmp_path)
    assert read({**source, "on_bad_record": "skip"}, tmp_path) == ["a"] * 1500
    # true is no number, a record without the key is out
    (tmp_path / "b.jsonl").write_text('{"text": "a", "n": 1}\n{"text": "b", "n": true}\n{"text": "c"}\n')
    assert read({"jsonl": "b.jsonl", "where": {"n": 1}}, tmp_path) == ["a"]


@pytest.mark.parametrize("where", ["{quality: >= 8, n: 1}", "\n        quality: >= 8"])
def test_a_comparison_without_quotes(where, tmp_path):
    (tmp_path / "c.yaml").write_text(f"corpora:\n  a:\n    source:\n      where: {where}\n")
    with pytest.raises(ConfigError, match=r'(?s)c.yaml: is not valid YAML.*in quotes: quality: ">= 8"'):
        load_yaml(tmp_path / "c.yaml")


def test_what_a_condition_may_be(base):
    assert parse_condition(">=8") == (Comparison(">=", (8,)),)
    assert parse_condition("!= rock and roll") == (Comparison("!=", ("rock and roll",)),)
    assert parse_condition("== '8'") == (Comparison("==", ("8",)),)
    assert parse_condition(["> 8"]) == (Comparison("in", ("> 8",)),)  # what a list holds is meant as it is
    assert parse_condition("!= '<unk>'") == (Comparison("!=", ("<unk>",)),)
    for condition in ("> ", ">= 8 and <", [], "<> wiki", "> a and", "> b or < a"):
        with pytest.raises(ValueError, match=r"no condition|empty"):
            parse_condition(condition)
        with pytest.raises(ConfigError, match=r"corpora\.a\.source\.where\.n"):
            through_the_config({"parquet": "rows.parquet", "where": {"n": condition}}, base)
