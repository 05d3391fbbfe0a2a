"""What a case is, and the texts that most of them hold."""

import json
from dataclasses import dataclass, field
from typing import Any

TEXTS = ["Grüße", "日本語", "naïve 🙂"]
SKIP = {"on_bad_record": "skip", "max_bad_records": "50%"}


def lines(texts: list = TEXTS, **columns) -> bytes:
    records = [{**columns, "text": text} for text in texts]
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


PLAIN = "".join(text + "\n" for text in TEXTS).encode()
AS_LINES = [text + "\n" for text in TEXTS]
LINES = lines()
NOISE = [f"{i * 2654435761 % 2**32:x}" for i in range(20_000)]


@dataclass(frozen=True)
class Case:
    """One case: files, the source that names them, and what it must give.

    files: content by name, bytes or what writes it. gives: the documents; or None for an error that holds the words of
    `says`. before: whether a quick look finds the error, before the run. left_out: the ledger of bad records.
    """

    what: str
    files: dict[str, Any]
    gives: list[str] | None
    source: dict[str, Any]
    says: tuple[str, ...] = ()
    before: bool = True
    left_out: dict[str, int] = field(default_factory=dict)


CASES: list[Case] = []


def case(what: str, kind: str, name: str, content: Any, gives: list[str] | None = None, **more) -> None:
    """Add a case of one file; options of the source are given as `options`, further files as `beside`."""
    source = {kind: more.pop("read", name), **more.pop("options", {})}
    CASES.append(Case(what, {name: content, **more.pop("beside", {})}, gives, source, **more))
