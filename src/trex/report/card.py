"""The model card of a tokenizer: the README.md of its folder, with the front matter that the Hugging Face Hub reads."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import polars as pl
import yaml

from trex.counting.patterns import PATTERNS
from trex.layout import CHOSEN
from trex.report import by_corpus, markdown
from trex.report.choice import claim
from trex.report.doubts import gate_failures
from trex.report.languages import languages
from trex.report.results import Results
from trex.tokenizer.special import ROLES

NORMALIZERS = {"nfc": "NFC", "nfkc": "NFKC, which decoding does not undo", "none": "none"}
_ALGORITHMS = {"bpe": "BPE", "unigram": "Unigram", "wordpiece": "WordPiece"}


def write_card(results: Results, name: str, provenance: Mapping[str, Any], entries: int) -> str:
    """The card of one of the run's tokenizers, in Markdown.

    Args:
        name: of its folder, `chosen` or a baseline's.
        provenance: what provenance.json holds.
        entries: of its vocabulary, with what fills it up.
    """
    sections = (
        _front_matter(results),
        _title(results, name, entries),
        _use(results),
        _recipe(results, entries),
        _data(results, name),
        _measured(results, name),
        _limits(results, name),
        _origin(provenance),
    )
    return "\n\n".join(sections) + "\n"


def _front_matter(results: Results) -> str:
    facts = {
        "license": results.config["release"]["license"] or "unknown",
        "library_name": "transformers",
        "tags": ["tokenizer", _tag(results.config["tokenizer"]), "trex"],
    }
    if codes := languages(results.corpora):
        facts = {"language": codes} | facts
    return f"---\n{yaml.safe_dump(facts, sort_keys=False, allow_unicode=True)}---"


def _mixture(results: Results, name: str) -> str:
    """Name of the mixture that a folder's tokenizer was trained on."""
    return results.choice["chosen"] if name == CHOSEN else name


def _title(results: Results, name: str, entries: int) -> str:
    mixture = _mixture(results, name)
    role = ", which the run recommends" if name == CHOSEN else ", a baseline"
    of = f"the mixture `{mixture}`" + (role if len(results.compared) > 1 else "")
    latin1 = results.config["tokenizer"]["alphabet"] == "latin1"
    algorithm = _ALGORITHMS[results.config["tokenizer"]["algorithm"]]
    return f"# Tokenizer `{name}`\n\n" + markdown.paragraph(
        f"A byte-level {algorithm} tokenizer of {entries:,} entries for {'binary data' if latin1 else 'text'}, "
        f"trained on {of}, of {len(results.corpora)} corpora.",
        claim(results) if name == CHOSEN else "",
    )


def _use(results: Results) -> str:
    read = (
        'tokenizer(data.decode("latin-1"))  # bytes'
        if results.config["tokenizer"]["alphabet"] == "latin1"
        else ('tokenizer("Any text in any language")')
    )
    template = results.config["release"]["chat_template"]
    chat = '\ntokenizer.apply_chat_template([{"role": "user", "content": "Hello"}])' if template else ""
    return (
        "## How to load it\n\n```python\nfrom transformers import AutoTokenizer\n\n"
        f'tokenizer = AutoTokenizer.from_pretrained("path or name of this folder")\n{read}{chat}\n```'
    )


def _recipe(results: Results, entries: int) -> str:
    kind, release, training = (results.config[key] for key in ("tokenizer", "release", "training"))
    superwords, base = kind["superwords"], kind["base"]
    pattern = (superwords or kind)["pattern"]
    known = [key for key, regex in PATTERNS.items() if regex == pattern]
    ends = [end for end in ("bos", "eos") if release[f"add_{end}_token"]]
    nothing = "what its base adds" if base else "nothing"
    rows = [
        ("algorithm", _algorithm(kind)),
        ("entries", _entries(entries, results.vocab_size)),
        ("pattern that splits text", _pattern(pattern, known)),
        ("normalizer", NORMALIZERS[kind["normalizer"]]),
        ("trained on pieces that are", f"a {kind['unit']} each"),
        ("special tokens", _listed(kind["special_tokens"])),
        *((role, _code(release[role])) for role in ROLES if release[role] is not None),
        ("added to every text", " and ".join(f"{end}_token" for end in ends) or nothing),
        ("chat template", "`chat_template.jinja`" if release["chat_template"] else "none"),
    ]
    if superwords:
        rows.append(("merges across words", f"after {100 * superwords['from']:g} % of the merges"))
    if base:
        rows.append(("extends", _code(base if isinstance(base, str) else base["huggingface"])))
    if kind["max_token_length"] is not None:
        rows.append(("longest token", f"{kind['max_token_length']} bytes"))
    if training["ladder"]:
        folders = [markdown.code(f"ladder/{size}/") for size in training["ladder"]]
        rows.append(("other sizes, of the same training", ", ".join(folders)))
    if training["bytes"] is not None:
        rows.append(("training text asked for", markdown.size(training["bytes"])))
    return "## Recipe\n\n" + markdown.table(("setting", "value"), rows, left=2)


def _tag(kind: Mapping[str, Any]) -> str:
    """Of the hub."""
    return f"byte-level-{kind['algorithm']}"


def _algorithm(kind: Mapping[str, Any]) -> str:
    if kind["algorithm"] != "bpe":
        return f"{_ALGORITHMS[kind['algorithm']]} on words spelled in bytes, trained by `tokenizers`"
    if kind["parity"]:
        return f"byte-level parity-aware BPE ({kind['parity']['variant']}), equal to that of `tokenizers`"
    return "byte-level BPE, equal to that of `tokenizers`"


def _entries(entries: int, vocab_size: int) -> str:
    """Of the folder, and V where `pad_to` filled it up."""
    padding = entries - vocab_size
    if not padding:
        return f"{entries:,}"
    ones = "one" if padding == 1 else "ones"
    return f"{entries:,}: {vocab_size:,}, and {padding:,} reserved {ones} that no text uses"


def _pattern(pattern: str, known: list[str]) -> str:
    if known:
        return _code(known[0])
    return _code(pattern) if pattern else "none: nothing is split"


def _code(text: str) -> str:
    """As it is, since special tokens are to be copied from here."""
    return markdown.code(text, bar="\\|")


def _listed(tokens: list[str]) -> str:
    shown = [_code(token) for token in tokens[: markdown.NAMES]]
    more = len(tokens) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "") if tokens else "none"


def _data(results: Results, name: str) -> str:
    shares = _shares(results, name)
    available = dict(zip(results.corpora, results.available_bytes.tolist(), strict=True))
    share_of = dict(zip(results.corpora, shares.tolist(), strict=True))
    largest = by_corpus.shown(results.corpora, shares)
    rows = [
        (
            f"`{corpus}`",
            _source(results.config["corpora"][corpus]["source"]),
            markdown.percent(share_of[corpus]),
            markdown.size(available[corpus]),
        )
        for corpus in largest
    ]
    if len(largest) < len(results.corpora):
        others = ~np.isin(results.corpora, largest)
        rows.append((f"{others.sum()} others", "", markdown.percent(shares[others].sum()), ""))
    note = markdown.paragraph(
        "Shares of training bytes. The text is what the run had for training, after duplicates and held-out documents "
        "were taken out.",
    )
    return (
        f"## Training data\n\n{markdown.table(('corpus', 'source', 'share', 'text'), rows, left=2)}\n\n{note}"
    )


def _shares(results: Results, name: str) -> np.ndarray:
    """Of the mixture. [k]"""
    return results.candidates.filter(name=_mixture(results, name)).select(results.corpora).to_numpy()[0]


def _source(source: Mapping[str, Any]) -> str:
    """What others can find too: a data set by name. Paths of a machine stay there."""
    if name := source.get("huggingface"):
        return markdown.code(name)
    return "demo text of TREX" if source.get("demo") else "files"


def _measured(results: Results, name: str) -> str:
    table = results.validation
    own = table.filter(pl.col("corpus").is_not_null(), tokenizer=name)
    corpora = by_corpus.shown(results.corpora, _shares(results, name))
    parts = ["## Measured"]
    for evaluation_set in results.choice["objective"]["evaluation_sets"]:
        rows = list(_by_corpus(own.filter(evaluation_set=evaluation_set), corpora))
        header = ("corpus", "NSL", "95 % interval", "bytes per token")
        parts.append(f"On `{evaluation_set}`:\n\n{markdown.table(header, rows)}")
    others = [other for other in dict.fromkeys(table["tokenizer"]) if other != name]
    objective = dict(table.filter(metric="objective").select("tokenizer", "value").iter_rows())
    rows = [
        (markdown.code(other), markdown.nsl(objective[other]))
        for other in (name, *others)
        if other in objective
    ]
    parts.append(markdown.table(("tokenizer", "objective"), rows))
    made = "made small" if results.is_searched else "compared mixtures by"
    parts.append(
        markdown.paragraph(
            f"*NSL*: tokens divided by those of {_reference(results.config['reference'])} on the same text; "
            f"smaller is better. The *objective* is what the run {made}. All was measured on documents that no "
            "training and no choice has seen."
        )
    )
    return "\n\n".join(parts)


def _reference(reference: str | Mapping[str, str]) -> str:
    """Without the folders of a file, which are of the machine."""
    return markdown.reference(PurePath(reference).name if isinstance(reference, str) else reference)


def _by_corpus(table: pl.DataFrame, corpora: list[str]) -> Iterator[tuple[str, ...]]:
    rows = {(row["corpus"], row["metric"]): row for row in table.iter_rows(named=True)}
    for corpus in corpora:
        nsl, size = rows.get((corpus, "nsl")), rows.get((corpus, "bytes_per_token"))
        if nsl:
            ends = "–" if nsl["low"] is None else f"{markdown.nsl(nsl['low'])} to {markdown.nsl(nsl['high'])}"
            yield f"`{corpus}`", markdown.nsl(nsl["value"]), ends, f"{size['value']:.2f}" if size else "–"


def _limits(results: Results, name: str) -> str:
    kind = results.config["tokenizer"]
    limits = [
        *(f"{failure}." for failure in gate_failures(results, [name], waived=False)),
        *(f"{failure}, which its config accepts." for failure in gate_failures(results, [name], waived=True)),
        "Text of languages and domains that are not in the table above is encoded without loss, but takes more tokens.",
        "Fewer tokens are not a better model by themselves: compression is what was measured here.",
        "Text that spells a special token is encoded as that token unless `split_special_tokens=True` says otherwise.",
    ]
    if kind["normalizer"] != "none":
        limits.append(f"Decoding gives the {kind['normalizer'].upper()} form of a text back.")
    if kind["alphabet"] == "latin1":
        limits.append("It reads bytes as Latin-1 text; ordinary text must be encoded to bytes first.")
    return "## Limits\n\n" + markdown.bullets(limits)


def _origin(provenance: Mapping[str, Any]) -> str:
    return "## Provenance\n\n" + markdown.paragraph(
        f"SHA-256 of the run's provenance: `{provenance['sha256']}`. The run's `provenance.json` has the config, the "
        "seed, all versions, and the SHA-256 of every text and file on the way."
    )
