"""Columns of any kind, Arrow files, and what `datasets` saves."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from awkward.case import CASES, SKIP, TEXTS, Case, case, lines

TABLE = pa.table({"text": TEXTS})
# --- Columns ----------------------------------------------------------------------------------------------

PARTS = [[text[:2], None, text[2:]] for text in TEXTS]
JOINED = [f"{text[:2]}\n{text[2:]}" for text in TEXTS]
MESSAGES = [[{"role": "user", "content": part} for part in parts] for parts in PARTS]
NESTED = [{"de": text, "en": "x"} for text in TEXTS]


def column(kind: pa.DataType, values: list = TEXTS) -> pa.Table:
    return pa.table({"id": range(len(values)), "text": pa.array(values, kind)})


def binaries(texts: list[bytes], kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"text": pa.array(texts, kind or pa.binary())})


def not_utf8(texts: list[bytes]) -> pa.Table:
    """A table whose strings are no UTF-8, which a careless writer can make."""
    array = pa.array(texts, pa.large_binary())
    return pa.table({"text": pa.Array.from_buffers(pa.large_string(), len(texts), array.buffers())})


case("large strings", "parquet", "a.parquet", column(pa.large_string()), TEXTS)
case("string views", "parquet", "a.parquet", column(pa.string_view()), TEXTS)
case("a dictionary", "parquet", "a.parquet", column(pa.dictionary(pa.int8(), pa.string())), TEXTS)
case("binary that is UTF-8", "parquet", "a.parquet", binaries([text.encode() for text in TEXTS]), TEXTS)
case(
    "binary of one size", "parquet", "a.parquet", binaries([b"abcd", b"efgh"], pa.binary(4)), ["abcd", "efgh"]
)
case(
    "binary that is not UTF-8",
    "parquet",
    "a.parquet",
    binaries([b"ok", b"\x89PNG"]),
    says=("a.parquet: row 1", "'text'", "0x89"),
)
case(
    "binary that is not UTF-8, skipped",
    "parquet",
    "a.parquet",
    binaries([b"ok", b"\x89PNG"]),
    ["ok"],
    options=SKIP,
    left_out={"not_utf8": 1},
)
case(
    "strings that are not UTF-8",
    "parquet",
    "a.parquet",
    not_utf8([b"ok", b"caf\xe9"]),
    says=("a.parquet: row 1", "0xe9 at byte 3"),
)
case(
    "strings with half of a surrogate pair, skipped",
    "parquet",
    "a.parquet",
    not_utf8([b"ok", b"\xed\xa0\x80", b"b"]),
    ["ok", "b"],
    options=SKIP,
    left_out={"half_surrogate": 1},
)
case(
    "an inner column",
    "parquet",
    "a.parquet",
    pa.table({"translation": NESTED}),
    TEXTS,
    options={"column": "translation.de"},
)
case(
    "a column with a dot in its name",
    "parquet",
    "a.parquet",
    pa.table({"a.b": TEXTS, "a": NESTED}),
    TEXTS,
    options={"column": "a.b"},
)
case(
    "an inner column that is not there",
    "parquet",
    "a.parquet",
    pa.table({"translation": NESTED}),
    options={"column": "translation.fr"},
    says=("a.parquet", "'translation.fr'", "translation.de, translation.en"),
)
case("lists of strings", "parquet", "a.parquet", column(pa.list_(pa.string()), PARTS), JOINED)
case(
    "large lists of dictionaries, a null",
    "parquet",
    "a.parquet",
    column(pa.large_list(pa.dictionary(pa.int8(), pa.string())), [*PARTS, None]),
    JOINED,
    left_out={"null": 1},
)
case(
    "messages: lists of mappings",
    "parquet",
    "a.parquet",
    pa.table({"messages": MESSAGES}),
    JOINED,
    options={"column": "messages.content"},
)
# more than is decoded at once
MANY = [f"{number} {'long ' * 20}" if number % 9 else None for number in range(90_000)]
case(
    "many string views in one batch, as polars writes them",
    "arrow",
    "a.arrow",
    lambda path: pl.DataFrame({"text": MANY}).write_ipc(path),
    [text for text in MANY if text],
    left_out={"null": 10_000},
)
case(
    "a categorical as polars writes it",
    "arrow",
    "a.arrow",
    lambda path: pl.DataFrame({"text": pl.Series(TEXTS, dtype=pl.Categorical)}).write_ipc(path),
    TEXTS,
    options={"where": {"text": TEXTS}},
)
case(
    "a where column with a dot in its name, and one of that name within",
    "parquet",
    "a.parquet",
    pa.table({"text": TEXTS, "a.b": [1, 2, 3], "a": [{"b": 9}] * 3}),
    TEXTS[1:],
    options={"where": {"a.b": "> 1"}},
    left_out={"filtered": 1},
)
case(
    "a list within a mapping",
    "parquet",
    "a.parquet",
    pa.table({"page": [{"parts": message} for message in MESSAGES]}),
    JOINED,
    options={"column": "page.parts.content"},
)
case(
    "one file under several names",
    "parquet",
    "data/a.parquet",
    TABLE,
    TEXTS,
    read="data/**/*.parquet",
    beside={
        "data/b.parquet": lambda path: path.symlink_to("a.parquet"),
        "data/c/again": lambda path: path.symlink_to(".."),  # for ever
    },
)
case("a name that begins with ~", "parquet", "~a.parquet", TABLE, TEXTS)
case(
    "a name that is not UTF-8",
    "jsonl",
    "a\udcff.jsonl",
    json.dumps({"text": "a"}).encode(),
    read="*.jsonl",
    says=("not UTF-8", "rename"),
)
case(
    "folders in place of files",
    "parquet",
    "data/a/0.parquet",
    TABLE,
    read="data/*",
    says=("data/*", "folders and no file", "data/*/*"),
)
case(
    "an address",
    "parquet",
    "a.parquet",
    TABLE,
    read="https://a.org/a.parquet",
    says=("no such file", "huggingface: OWNER/NAME"),
)
case(
    "an inner key",
    "jsonl",
    "a.jsonl",
    "".join(json.dumps({"t": one}) + "\n" for one in NESTED).encode(),
    TEXTS,
    options={"column": "t.de"},
)
case("lists of strings in JSON", "jsonl", "a.jsonl", lines(PARTS), JOINED)
case(
    "messages in JSON",
    "jsonl",
    "a.jsonl",
    "".join(json.dumps({"messages": one}) + "\n" for one in MESSAGES).encode(),
    JOINED,
    options={"column": "messages.content"},
)
case(
    "two columns of one name",
    "arrow",
    "a.arrow",
    lambda path: to_arrow(pa.Table.from_arrays([pa.array(TEXTS)] * 2, ["text"] * 2), path),
    says=("a.arrow", "'text' is there 2 times"),
)
case(
    "a column of numbers",
    "parquet",
    "a.parquet",
    column(pa.int64(), [1, 2]),
    says=("a.parquet", "'text' is int64", "strings are: none"),
)
case(
    "a parquet file, cut off",
    "parquet",
    "a.parquet",
    lambda path: cut(TABLE, path),
    says=("a.parquet", "not a readable parquet file"),
)
case(
    "a parquet file as a whole in gzip",
    "parquet",
    "a.parquet.gz",
    gzip.compress(b"PAR1"),
    says=("a.parquet.gz", "gzip-compressed as a whole"),
)
case(
    "a parquet file named .jsonl",
    "jsonl",
    "a.jsonl",
    TABLE,
    says=("a.jsonl", "is a parquet file: write parquet"),
)


def cut(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path)
    path.write_bytes(path.read_bytes()[:-20])


# --- Arrow, and what `datasets` saves ---------------------------------------------------------------------


def to_arrow(table: pa.Table, path: Path, new: Callable = pa.ipc.new_stream) -> None:
    with new(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def saved(texts: list[str]) -> dict[str, Any]:
    """The files of a saved Dataset: two shards, and what the library keeps of an earlier computation."""
    shards = {f"data-0000{i}-of-00002.arrow": pa.table({"text": texts[i::2]}) for i in range(2)}
    state = {"_data_files": [{"filename": name} for name in shards], "_split": None, "_indices": None}
    files: dict[str, Any] = {
        name: (lambda path, table=table: to_arrow(table, path)) for name, table in shards.items()
    }
    return files | {
        "state.json": json.dumps(state).encode(),
        "cache-0.arrow": b"old",
        "dataset_info.json": b"{}",
    }


def in_folder(folder: str, files: dict[str, Any]) -> dict[str, Any]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def dataset_case(what: str, files: dict[str, Any], gives: list[str] | None = None, **more) -> None:
    source = {"dataset": "saved", **more.pop("options", {})}
    CASES.append(Case(what, in_folder("saved", files), gives, source, **more))


RUN_ENDS = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", "b"]))
case("an Arrow stream", "arrow", "a.arrow", lambda path: to_arrow(TABLE, path), TEXTS)
case("an Arrow file", "arrow", "a.arrow", lambda path: to_arrow(TABLE, path, pa.ipc.new_file), TEXTS)
case(
    "a Feather file, compressed",
    "arrow",
    "a.feather",
    lambda path: pa.feather.write_feather(TABLE, str(path), "zstd"),
    TEXTS,
)
case(
    "an Arrow stream of a dictionary",
    "arrow",
    "a.arrow",
    lambda path: to_arrow(column(pa.dictionary(pa.int8(), pa.string())), path),
    TEXTS,
)
case(
    "an Arrow stream of binary views",
    "arrow",
    "a.arrow",
    lambda path: to_arrow(binaries([text.encode() for text in TEXTS], pa.binary_view()), path),
    TEXTS,
)
case(
    "an Arrow file of run ends",
    "arrow",
    "a.arrow",
    lambda path: to_arrow(pa.table({"text": RUN_ENDS}), path, pa.ipc.new_file),
    ["a", "a", "b"],
)
case(
    "an Arrow stream of the extension arrow.json",
    "arrow",
    "a.arrow",
    lambda path: to_arrow(
        pa.table({"text": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"]))}), path
    ),
    ["{}"],
)
case(
    "an Arrow stream of list views",
    "arrow",
    "a.arrow",
    lambda path: to_arrow(column(pa.list_view(pa.string()), PARTS), path),
    JOINED,
)
case(
    "an Arrow stream, cut off",
    "arrow",
    "a.arrow",
    lambda path: (to_arrow(TABLE, path), path.write_bytes(path.read_bytes()[:-60])),
    says=("a.arrow", "not a readable Arrow", "cut off"),
    before=False,
)
case(
    "an Arrow stream named .parquet",
    "parquet",
    "a.parquet",
    lambda path: to_arrow(TABLE, path),
    says=("a.parquet", "is an Arrow stream: write arrow"),
)
case(
    "0 bytes beside an Arrow file",
    "arrow",
    "a.arrow",
    b"",
    TEXTS,
    read="*.arrow",
    beside={"b.arrow": lambda path: to_arrow(TABLE, path)},
)
SPLITS = (
    {"dataset_dict.json": b'{"splits": ["train", "test"]}'}
    | in_folder("train", saved(["a", "b", "c"]))
    | in_folder("test", saved(["d", "e"]))
)
dataset_case("a saved Dataset", saved(["a", "b", "c"]), ["a", "c", "b"])
dataset_case("a saved DatasetDict", SPLITS, ["a", "c", "b"])
dataset_case(
    "a saved DatasetDict, two splits", SPLITS, ["d", "e", "a", "c", "b"], options={"split": "test+train"}
)
dataset_case(
    "a saved DatasetDict, no such split",
    SPLITS,
    options={"split": "dev"},
    says=("unknown split 'dev'", "train, test"),
)
dataset_case(
    "a saved Dataset, a shard is missing",
    {k: v for k, v in saved(["a", "b"]).items() if "00001-of" not in k},
    says=("data-00001-of-00002.arrow is not there",),
)
