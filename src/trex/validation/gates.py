"""Gates: what a tokenizer must do before a model is trained with it, and what is worth a warning.

docs/decisions.md says why each is the one or the other.
"""

import json
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import polars as pl
from tokenizers import Tokenizer

from trex.bpe.byte_alphabet import LATIN1
from trex.tokenizer.encode import of_plain_text
from trex.validation import probes
from trex.validation.entries import Vocabulary
from trex.validation.forms import Form, changed_texts
from trex.validation.gate_names import FAILED, GATES, LEFT_OUT, PASSED, STOPS, WARNED

# As in Apertus's checks of production tokenizers (swiss-ai/apertus-tokenizer-development, REPORT_production_safety.md).
JUNK_CHARACTERS = 8
LONG_CHARACTERS = 64
EXAMPLES = 10

SCHEMA = {
    "gate": pl.String,
    "result": pl.String,
    "count": pl.Int64,
    "examples": pl.List(pl.String),
}


@dataclass
class _Found:
    """What speaks against a tokenizer at one gate: how much, and some of it in words."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


def check_gates(
    tokenizer: Tokenizer, vocabulary: Vocabulary, unreachable: pl.DataFrame, corpora: pl.DataFrame
) -> pl.DataFrame:
    """Try a tokenizer at every gate.

    Args:
        vocabulary: of `read_vocabulary`.
        unreachable: of `trex.validation.reach.unreachable`.
        corpora: of `trex.validation.quality.Quality`, with the test documents that the tokenizer does not give back.

    Returns:
        A row a gate, in the order of GATES: gate, result (`pass`, `warn`, `fail`, or `n/a` where a gate makes no
        sense: scripts and parts of characters of bytes that are no text), count (of what was found), examples.
    """
    tokenizer = of_plain_text(Tokenizer.from_str(tokenizer.to_str()))
    is_text = vocabulary.alphabet is not LATIN1
    form = Form.of(tokenizer)
    changed = corpora.filter(pl.col("changed") > 0)
    documents = _Found(
        changed["changed"].sum(),
        [
            f"{corpus}: {change}"
            for corpus, change in changed.select("corpus", "change").head(EXAMPLES).iter_rows()
        ],
    )
    found: dict[str, _Found | None] = {
        "scripts": _changed(tokenizer, form, probes.of_scripts()) if is_text else None,
        "documents": documents,
        "random": _random(tokenizer, vocabulary, form),
        "spaces": _changed(tokenizer, form, {repr(text): text for text in _spaces(is_text)}),
        "bytes": _missing_bytes(vocabulary),
        "determinism": _determinism(tokenizer, vocabulary, is_text),
        "special_text": _special_text(tokenizer, vocabulary),
        "special_tokens": _special_tokens(tokenizer, vocabulary),
    }
    entries = vocabulary.entries
    for reason in ("merges", "normalizer", "pattern", "completed"):
        rows = unreachable.filter(reason=reason).join(entries, on="id", maintain_order="left")
        found[reason] = _of_entries(rows)
    text = entries.drop_nulls("text")
    letters = pl.col("text").str.contains(r"[\p{L}\p{M}\p{N}]")
    of_one = pl.col("text").map_elements(lambda text: len(set(text)) == 1, return_dtype=pl.Boolean)
    lengths = pl.col("text").str.len_chars()
    found["junk"] = (
        _of_entries(text.filter(lengths >= JUNK_CHARACTERS).filter(~letters | of_one)) if is_text else None
    )
    found["long"] = _of_entries(text.filter(lengths > LONG_CHARACTERS))
    # single bytes are every byte-level tokenizer's alphabet
    half = entries.filter(pl.col("text").is_null(), pl.col("bytes").bin.size() > 1)
    found["half"] = _of_entries(half) if is_text else None
    # the whole entry, or all of it but white space; a special token of white space alone has only the first
    specials = [*vocabulary.special.values()]
    stripped = [special.strip() for special in specials if special.strip()]
    found["spelled"] = _of_entries(
        text.filter(pl.col("text").is_in(specials) | pl.col("text").str.strip_chars().is_in(stripped))
    )
    found["form"] = _Found(int(form.loses), [form.name] if form.loses else [])
    rows = []
    for gate in GATES:
        of_gate = found[gate]
        result = LEFT_OUT if of_gate is None else _result(gate, of_gate.count)
        rows.append((gate, result, of_gate and of_gate.count, of_gate.examples if of_gate else []))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def failures(
    gates: pl.DataFrame, names: Iterable[str], waived: Iterable[str] = (), extended: bool = False
) -> str | None:
    """One paragraph about the gates at which some tokenizers failed; None if they passed.

    gates: `tokenizer` and the columns of `check_gates`. waived: gates whose failure is accepted. extended: whether they
    extend another tokenizer.
    """
    failed = gates.filter(
        pl.col("tokenizer").is_in(list(names)), ~pl.col("gate").is_in(list(waived)), result=FAILED
    )
    if not len(failed):
        return None
    sentences = [
        f"{', '.join(rows['tokenizer'])}: not a tokenizer that {STOPS[gate]} ({gate}; {rows['count'][0]:,} found, such "
        f"as {'; '.join(rows['examples'][0][:2])})."
        for (gate,), rows in failed.group_by(["gate"], maintain_order=True)
    ]
    kept = " (what tokenizer.base fails at stays in its extension: take another one)" if extended else ""
    return (
        "The run is complete, but its tokenizers are not fit for use. "
        + " ".join(sentences)
        + f" vocabulary.md shows all gates. Correct the section tokenizer of the config{kept}, or accept a gate by its "
        "name in validation.waived_gates."
    )


# --- Gates --------------------------------------------------------------------------------------------------


def _result(gate: str, count: int) -> str:
    return PASSED if not count else FAILED if gate in STOPS else WARNED


def _changed(tokenizer: Tokenizer, form: Form, texts: dict[str, str]) -> _Found:
    found = _Found()
    for name, text in texts.items():
        for difference in changed_texts(tokenizer, form, [text]):
            found.add(f"{name}: {difference}")
    return found


def _spaces(is_text: bool) -> list[str]:
    return [text for text in probes.SPACES if is_text or all(ord(character) < 256 for character in text)]


def _random(tokenizer: Tokenizer, vocabulary: Vocabulary, form: Form) -> _Found:
    latin1 = vocabulary.alphabet is LATIN1
    found = _Found()
    for difference in changed_texts(tokenizer, form, probes.random_texts(latin1)):
        found.add(difference)
    if vocabulary.alphabet is None:
        return found  # a byte alone means nothing to a tokenizer that is not byte-level
    # single-byte entries, in any order, decode to those bytes
    of_byte = {token[0]: number for number, token in _single_bytes(vocabulary)}
    for run in probes.random_bytes():
        known = bytes(byte for byte in run if byte in of_byte)
        text = known.decode("latin1") if latin1 else known.decode(errors="replace")
        if tokenizer.decode([of_byte[byte] for byte in known], skip_special_tokens=False) != text:
            found.add(f"the bytes {known[:8].hex(' ')} … of the vocabulary are not decoded to themselves")
    return found


def _single_bytes(vocabulary: Vocabulary) -> Iterable[tuple[int, bytes]]:
    return vocabulary.entries.filter(pl.col("bytes").bin.size() == 1).select("id", "bytes").iter_rows()


def _missing_bytes(vocabulary: Vocabulary) -> _Found:
    found = _Found()
    for byte in sorted(set(range(256)) - {token[0] for _, token in _single_bytes(vocabulary)}):
        found.add(f"{byte:02X}")
    return found


_OTHER_PROCESS = """
import json, sys
from hashlib import sha256
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.encode_special_tokens = True
texts = json.load(open(sys.argv[2], encoding="utf-8"))
ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
print(sha256(json.dumps(ids).encode()).hexdigest())
"""


def _determinism(tokenizer: Tokenizer, vocabulary: Vocabulary, is_text: bool) -> _Found:
    texts = probes.random_texts(latin1=not is_text, n=50)
    if is_text:
        texts += [text[:2000] for text in probes.of_scripts().values()]

    def one_by_one(tokenizer: Tokenizer) -> str:
        return _digest([tokenizer.encode(text, add_special_tokens=False).ids for text in texts])

    expected = one_by_one(tokenizer)
    batch = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    with tempfile.TemporaryDirectory() as folder:
        saved, probe = Path(folder) / "tokenizer.json", Path(folder) / "texts.json"
        tokenizer.save(str(saved))
        probe.write_text(json.dumps(texts), encoding="utf-8")
        command = [sys.executable, "-c", _OTHER_PROCESS, str(saved), str(probe)]
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        again = one_by_one(of_plain_text(Tokenizer.from_file(str(saved))))
    found = _Found()
    for way, digest in {
        "a second time": one_by_one(tokenizer),
        "in a batch": _digest(batch),
        "loaded again": again,
        "in another process": other.stdout.strip(),
    }.items():
        if digest != expected:
            found.add(f"other ids {way}" if digest else f"no ids {way}: {other.stderr[-200:]}")
    # the tokenizer that was tried here has neither
    for key in ("truncation", "padding"):
        if vocabulary.settings.get(key):
            found.add(f"its tokenizer.json switches {key} on")
    # with few merges, chance may give the same ids each time
    if dropout := vocabulary.settings["model"].get("dropout"):
        found.add(f"its tokenizer.json leaves merges out at random (dropout {dropout:g})")
    return found


def _digest(ids: list[list[int]]) -> str:
    return sha256(json.dumps(ids).encode()).hexdigest()


def _special_text(tokenizer: Tokenizer, vocabulary: Vocabulary) -> _Found:
    found = _Found()
    added = tokenizer.get_added_tokens_decoder()
    for number, content in vocabulary.special.items():
        token = added.get(number)
        if _is_ordinary(content):
            found.add(f"{content!r} is ordinary text")
        elif token and (token.lstrip or token.rstrip):
            sides = [side for side, strips in (("before", token.lstrip), ("after", token.rstrip)) if strips]
            found.add(f"{content} takes the white space {' and '.join(sides)} it")
        elif any(
            vocabulary.special.keys() & set(tokenizer.encode(text, add_special_tokens=False).ids)
            for text in (content, f"a {content} b", f"a{content}b")
        ):
            found.add(content)
    return found


def _is_ordinary(content: str) -> bool:
    """Whether text that means no special token spells it: white space, words and numbers without any punctuation, or
    punctuation alone."""
    kinds = {unicodedata.category(character)[0] for character in content if not character.isspace()}
    return kinds <= set("LMN") or kinds <= set("PS")


def _special_tokens(tokenizer: Tokenizer, vocabulary: Vocabulary) -> _Found:
    found = _Found()
    tokenizer.encode_special_tokens = False
    for number, content in vocabulary.special.items():
        ids = tokenizer.encode(content, add_special_tokens=False).ids
        if ids != [number]:
            found.add(f"{content} is {ids[:5]}, not {number}")
    tokenizer.encode_special_tokens = True
    return found


def _of_entries(rows: pl.DataFrame) -> _Found:
    longest = rows.sort(pl.col("bytes").bin.size(), descending=True, maintain_order=True).head(EXAMPLES)
    shown = longest.select("text", "bytes").iter_rows()
    return _Found(len(rows), [_short(token if text is None else text) for text, token in shown])


def _short(entry: str | bytes, most: int = 24) -> str:
    return repr(entry) if len(entry) <= most else f"{entry[:most]!r}… ({len(entry)})"
