"""report.html: the results of a run as one file to look at and to try, which opens from disk and asks no network.

What the page does is JavaScript that `page/` bundles into page.js, page.css and page.licenses.txt beside this module.
Text of users never becomes markup: it is in JSON blocks, and the page puts it into text nodes.
"""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import polars as pl

from trex.report.page_data import page_data, page_surfaces, page_vocabulary
from trex.report.results import Results

HERE = Path(__file__).parent
PAGE_BYTES = 20_000_000  # at most, so that it can be sent to others
MARGIN = 10_000  # for the frame around all this
# Text to begin with, in several scripts, of the Universal Declaration of Human Rights, article 1.
SAMPLE = (
    "All human beings are born free and equal in dignity and rights. Alle Menschen sind frei und gleich an Würde und "
    "Rechten geboren. Все люди рождаются свободными и равными. すべての人間は、生まれながらにして自由である。"
)


@dataclass(frozen=True)
class Parts:
    """What a page carries besides `Results`.

    Attributes:
        pages: the Markdown pages, summary.md first.
        models: of surfaces/models.json and other_sizes.json by vocabulary size, rising; none without a search.
        tokenizers: tokenizer.json's text by name, the most important first; those that would make the page larger than
            PAGE_BYTES are left out, and the page says so. Equal ones are carried once.
        vocabularies: by the same names, how each entry is used: `trex.validation.vocabulary.composition`.
        command: what repeats the run.
    """

    pages: Sequence[Path]
    models: Mapping[int, Mapping[str, Any]]
    tokenizers: Mapping[str, str]
    vocabularies: Mapping[str, pl.DataFrame]
    command: str


def write_page(results: Results, parts: Parts) -> str:
    """The page, as HTML."""
    blocks = {
        f"surfaces-{size}": compressed(json.dumps(page_surfaces(models)))
        for size, models in parts.models.items()
    }
    data = page_data(results, parts.pages) | {
        "vocab_grid": list(parts.models),
        "sample": SAMPLE,
        "command": parts.command,
        "licenses": part("page.licenses.txt"),
    }
    script, style = part("page.js").strip(), part("page.css")
    room = PAGE_BYTES - MARGIN - sum(map(len, (script, style, json.dumps(data), *blocks.values())))
    carried, left_out = [], []
    numbers: dict[str, int] = {}
    for name, text in parts.tokenizers.items():
        number = numbers.get(text, len(numbers))
        if number == len(numbers):
            block = compressed(text)
            used = compressed(json.dumps(page_vocabulary(parts.vocabularies[name], results.corpora)))
            if len(block) + len(used) > room:
                left_out.append(name)
                continue
            room -= len(block) + len(used)
            numbers[text] = number
            blocks |= {f"tokenizer-{number}": block, f"vocabulary-{number}": used}
        carried.append({"name": name, "block": number})
    data |= {"tokenizers": carried, "left_out": left_out}
    return fill(
        part("page.html"),
        title=html.escape(f"TREX: {data['chosen']}"),
        version=html.escape(data["provenance"]["run"]["versions"]["trex"]),
        style=style,
        script_sha256=sha256_of(script),
        script=script,
        data=in_script(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))),
        blocks="\n".join(
            f'<script type="text/plain" id="{name}">{block}</script>' for name, block in blocks.items()
        ),
    )


def part(name: str) -> str:
    """A file beside this module."""
    return (HERE / name).read_text(encoding="utf-8")


def fill(template: str, **values: str) -> str:
    """`str.format` would read what it fills in, if asked twice; this puts each value in once, as it is."""
    return "".join(
        text + (values[field] if field else "") for text, field, _, _ in Formatter().parse(template)
    )


def sha256_of(script: str) -> str:
    """As a page's Content-Security-Policy names the one script that it runs."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def in_script(text: str) -> str:
    """JSON that cannot end the script element it is in, whatever its strings hold.

    >>> in_script('["</script><!--"]')
    '["\\\\u003c/script>\\\\u003c!--"]'
    """
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def compressed(text: str) -> str:
    """Gzip in base64, the same bytes for the same text."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
