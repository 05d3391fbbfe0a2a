"""Bad records, arrays of JSON, and shards without text."""

import gzip
import json

import pyarrow as pa

from awkward.case import LINES, NOISE, SKIP, TEXTS, case, lines

# --- Bad records ------------------------------------------------------------------------------------------

OK = b'{"text": "ok"}\n'
BAD = {
    "cut JSON": ("not_json", b'{"text": "o\n', ("a.jsonl:2", "not JSON", "repair or remove")),
    "half of a surrogate pair": (
        "half_surrogate",
        b'{"text": "ab\\ud800"}\n',
        ("a.jsonl:2", r"\ud800", "character 2"),
    ),
    "no key of that name": (
        "no_text",
        b'{"body": "x", "id": 3}\n',
        ("a.jsonl:2", "'text'", "available: body, id"),
    ),
    "a number": ("not_text", b'{"text": 17}\n', ("a.jsonl:2", "17, not a string")),
    "a list of numbers": ("not_text", b'{"text": [1, 2]}\n', ("a.jsonl:2", "[1, 2], not a string")),
    "Latin-1 in JSON": (
        "not_utf8",
        b'{"text": "caf\xe9"}\n',
        ("a.jsonl:2", "0xe9 at byte 13", "convert the file"),
    ),
    "a key twice": (
        "two_texts",
        b'{"text": "a", "id": 1, "text": "b"}\n',
        ("a.jsonl:2", "'text'", "2 times"),
    ),
    "an array": ("not_json", b'["text"]\n', ("a.jsonl:2", "a JSON list, not an object")),
    "brackets without end": ("not_json", b"[" * 99_999 + b"\n", ("a.jsonl:2", "not JSON")),
}
for what, (reason, line, says) in BAD.items():
    case(what, "jsonl", "a.jsonl", OK + line + OK, says=(*says, "on_bad_record: skip"))
    case(
        f"{what}, skipped", "jsonl", "a.jsonl", OK + line + OK, ["ok"] * 2, options=SKIP, left_out={reason: 1}
    )
case("null", "jsonl", "a.jsonl", OK + b'{"text": null}\n{"text": ""}\n', ["ok"], left_out={"null": 1})
case("a key twice, with the same text", "jsonl", "a.jsonl", b'{"text": "a", "text": "a"}\n', ["a"])
case(
    "an inner key twice, in a list",
    "jsonl",
    "a.jsonl",
    b'{"m": [{"c": "a"}, {"c": "b", "c": "x"}]}\n',
    says=("a.jsonl:1", "'c' is there 2 times"),
    options={"column": "m.c"},
)
case(
    "a key twice, in an array, skipped",
    "jsonl",
    "a.json",
    b'[{"text": "a"}, {"text": "b", "text": "x"}, {"text": "text", "m": {"text": 1}}]',
    ["a", "text"],
    options=SKIP,
    left_out={"two_texts": 1},
)
case(
    "a key of that name within",
    "jsonl",
    "a.jsonl",
    b'{"m": {"text": 1}, "text": "a \\"text\\": b"}\n',
    ['a "text": b'],
)
case(
    "blank lines, CRLF, no newline at the end",
    "jsonl",
    "a.jsonl",
    b'\r\n{"text": "a"}\r\n \n{"text": "b"}',
    ["a", "b"],
)
case("NaN and NUL", "jsonl", "a.jsonl", b'{"n": NaN, "text": "a\\u0000b"}\n', ["a\0b"])
case(
    "records that span lines",
    "jsonl",
    "a.jsonl",
    b'{\n  "text": "a"\n}\n',
    says=("a.jsonl:1", "not JSON", "jq -c ."),
)
case(
    "the last of 20,000 records is cut off",
    "jsonl",
    "a.jsonl",
    lines(NOISE) + b'{"text": "o',
    says=("a.jsonl", "the line from byte", "not JSON"),
)
case(
    "a record in the middle is bad",
    "jsonl",
    "a.jsonl",
    lines(NOISE) + b"{}\n" + lines(NOISE),
    says=("a.jsonl:20001", "unknown key 'text'"),
    before=False,
)
case(
    "a record in the middle is bad, skipped",
    "jsonl",
    "a.jsonl",
    lines(NOISE) + b"{}\n" + lines(NOISE),
    NOISE * 2,
    options={"on_bad_record": "skip"},
    left_out={"no_text": 1},
)
case(
    "1 of 99 records is bad, 0.1% may be",
    "jsonl",
    "a.jsonl",
    OK * 98 + b"{}\n",
    options={"on_bad_record": "skip"},
    says=("1 of 99 records are bad", "max_bad_records (0.1%)", "1 without a text", "a.jsonl:99"),
    before=False,
)
case(
    "all records are bad, and all may be",
    "jsonl",
    "a.jsonl",
    b'{"body": "x"}\n' * 9,
    options={"on_bad_record": "skip", "max_bad_records": "100%"},
    says=("the corpus is empty", "9 without a text", "a.jsonl:1", "available: body"),
    before=False,
)
case(
    "half of the records are bad, 0.1% may be",
    "jsonl",
    "a.jsonl",
    (OK + b"{}\n") * 99,
    options={"on_bad_record": "skip"},
    says=("99 are bad", "max_bad_records (0.1%)", "a.jsonl:2"),
)

# --- Arrays of JSON ---------------------------------------------------------------------------------------

RECORDS = [{"text": text} for text in TEXTS]
ARRAY = json.dumps(RECORDS, ensure_ascii=False).encode()
case("a JSON array", "jsonl", "data.json", ARRAY, TEXTS)
case(
    "a JSON array over many lines, gzip",
    "jsonl",
    "data.jsonl",
    gzip.compress(json.dumps(RECORDS, indent=2).encode()),
    TEXTS,
)
case(
    "a JSON array of 3 MB",
    "jsonl",
    "data.json",
    json.dumps([{"text": word * 20} for word in NOISE]).encode(),
    [word * 20 for word in NOISE],
)
case(
    "a JSON array, cut off",
    "jsonl",
    "data.json",
    ARRAY[:-9],
    says=("data.json: record 3", "the file ends in it"),
)
case(
    "a JSON array, cut off, skipped",
    "jsonl",
    "data.json",
    ARRAY[:-9],
    TEXTS[:2],
    options=SKIP,
    left_out={"not_json": 1},
)
case(
    "a JSON array, cut off between records",
    "jsonl",
    "data.json",
    b'[{"text": "a"}',
    says=("data.json", "cut off after record 1"),
)
case(
    "a JSON array with bad records, skipped",
    "jsonl",
    "data.json",
    b'[{"text": 1}, {"text": "a"}, {"text": "caf\xe9"}, {"text": "b"}]',
    ["a", "b"],
    options=SKIP,
    left_out={"not_utf8": 1, "not_text": 1},
)
case(
    "a JSON array of strings",
    "jsonl",
    "data.json",
    b'["a", "b"]',
    says=("data.json: record 1", "a JSON str, not an object"),
)
case(
    "a JSON array without a comma",
    "jsonl",
    "data.json",
    b'[{"text": "a"} {"text": "b"}]',
    says=("data.json: record 2", "a comma", "jq -c '.[]'"),
)
case(
    "a JSON array with a comma behind its last record",
    "jsonl",
    "data.json",
    b'[{"text": "a"}, ]',
    says=("data.json", "comma behind its last record (1)"),
)
case("a JSON array after many blank lines", "jsonl", "data.json", b" \n" * 200 + b'[{"text": "a"}]', ["a"])
case(
    "arrays, one a line",
    "jsonl",
    "data.json",
    b'[{"text": "a"}]\n[{"text": "b"}]\n',
    says=("data.json", "record 1, more follows"),
)
case(
    "an empty array beside another file",
    "jsonl",
    "a.json",
    b"[ ]",
    TEXTS,
    read="[ab].json*",
    beside={"b.jsonl": LINES},
)

# --- Shards without text ----------------------------------------------------------------------------------

TABLE = pa.table({"text": TEXTS})
case("0 bytes", "jsonl", "a.jsonl", b"", TEXTS, read="[ab].jsonl", beside={"b.jsonl": LINES})
case("0 bytes, parquet", "parquet", "a.parquet", b"", TEXTS, read="*.parquet", beside={"b.parquet": TABLE})
case(
    "0 rows", "parquet", "a.parquet", TABLE.slice(0, 0), TEXTS, read="*.parquet", beside={"b.parquet": TABLE}
)
case(
    "0 bytes and nothing else",
    "text",
    "a.txt",
    b"",
    read="a.*",
    says=("a.txt has 0 bytes", "no file has any record"),
)
case(
    "_SUCCESS and what else Spark writes",
    "parquet",
    "spark/part-0",
    TABLE,
    TEXTS,
    read="spark/*",
    beside={
        "spark/_SUCCESS": b"",
        "spark/_metadata": b"PAR1",
        "spark/part-0.crc": b"crc",
        "spark/.part-0.crc": b"crc",
    },
)
case(
    "_SUCCESS and nothing else",
    "jsonl",
    "spark/_SUCCESS",
    b"",
    read="spark/*",
    says=("spark/*", "matches none"),
)
case(
    "a text column of nulls",
    "parquet",
    "a.parquet",
    pa.table({"text": pa.array([None] * 9, pa.string())}),
    TEXTS,
    read="*.parquet",
    beside={"b.parquet": TABLE},
    left_out={"null": 9},
)
case(
    "a text column of the type null",
    "parquet",
    "a.parquet",
    pa.table({"text": pa.nulls(9)}),
    TEXTS,
    read="*.parquet",
    beside={"b.parquet": TABLE},
    left_out={"null": 9},
)
case("blank lines alone", "jsonl", "a.jsonl", b"\n \n", TEXTS, read="[ab].jsonl", beside={"b.jsonl": LINES})
