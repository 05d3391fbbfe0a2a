"""Whether the pattern cuts words at combining marks, such as vowel signs, and what `multilingual` makes of them."""

import logging
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

from trex.corpora import DocumentLimit, read_documents
from trex.counting.patterns import PATTERNS

log = logging.getLogger(__name__)

BEGINNING_BYTES = 64_000  # of a corpus
PLAN_SECONDS = 2.0  # for all corpora; 20 take half a second
FEW_MARKS = 0.002  # of the characters: fewer than in any language that writes vowels or tones so
MORE_WORDS = 1.1  # times as many as with `multilingual`
NAMED = 5  # corpora in the message
# whose beginning is read in milliseconds: the demo and `datasets` take seconds, and the hub may not answer
_QUICK_KINDS = ("parquet", "arrow", "jsonl", "text")
_JOINERS = "\u200c\u200d"


def mark_facts(texts: Iterable[str], pattern: str) -> dict[str, Any]:
    """Of some documents: marks, the share of characters (after NFC) that are combining marks or joiners; words, and
    multilingual: how many the regex `pattern` and that of `multilingual` make. Both are None if there are few marks."""
    composed = [unicodedata.normalize("NFC", text) for text in texts]
    kinds = [character for character in set().union(*composed) if _is_mark(character)]
    found = sum(text.count(character) for text in composed for character in kinds)
    marks = found / max(sum(map(len, composed)), 1)
    facts = {"marks": marks, "words": None, "multilingual": None}
    if marks >= FEW_MARKS:
        facts |= {
            "words": _count(composed, pattern),
            "multilingual": _count(composed, PATTERNS["multilingual"]),
        }
    return facts


def cuts_words(facts: Mapping[str, Any]) -> bool:
    """Whether a pattern makes many more words than `multilingual` does; facts: of `mark_facts`."""
    return facts["words"] is not None and facts["words"] >= MORE_WORDS * facts["multilingual"]


def marks_of_sources(
    sources: Mapping[str, Mapping[str, Any]], base: Path, pattern: str
) -> dict[str, dict[str, Any]]:
    """`mark_facts` of the beginning of corpora, by corpus, if `pattern` cuts their words.

    Looks only at sources that are read quickly, and at no further corpus after PLAN_SECONDS of CPU. Raises nothing:
    what is wrong with a source, counting says.
    """
    end = process_time() + PLAN_SECONDS
    found = {}
    for corpus, source in sources.items():
        if not any(kind in source for kind in _QUICK_KINDS):
            continue
        if process_time() > end:
            break
        try:
            facts = mark_facts(_beginning(source, base), pattern)
        except Exception as error:
            log.debug("%s: %s", corpus, error)
            continue
        if cuts_words(facts):
            found[corpus] = facts
    return found


def marks_message(found: Mapping[str, Mapping[str, Any]], path: str) -> str:
    """What to tell the user who plans a run. found: of `marks_of_sources`, not empty; path: the pattern's key in the
    config."""
    numbers = [
        f"{corpus} has {facts['words']:,} words where multilingual makes {facts['multilingual']:,}"
        for corpus, facts in list(found.items())[:NAMED]
    ]
    more = f", and {len(found) - NAMED} more corpora" if len(found) > NAMED else ""
    return (
        f"{path} cuts words at combining marks, such as vowel signs, and at joiners. In the text at its "
        f"beginning, {', '.join(numbers)}{more}. The pieces of a word never become one token. Write multilingual, "
        "which keeps marks with their letters, unless you want this one"
    )


def _beginning(source: Mapping[str, Any], base: Path) -> list[str]:
    """The first documents, BEGINNING_BYTES or a little more in all."""
    limit = DocumentLimit(16 * BEGINNING_BYTES)
    texts, n_bytes = [], 0
    for batch in read_documents(source, base, BEGINNING_BYTES, limit=limit, may_be_empty=True):
        texts += batch.to_pylist()
        n_bytes += batch.nbytes
        if n_bytes >= BEGINNING_BYTES:
            break
    return texts


def _is_mark(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character)[0] == "M"


def _count(texts: Iterable[str], pattern: str) -> int:
    from tokenizers import Regex, pre_tokenizers  # a fifth of a second, which most runs need not pay

    split = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str
    return sum(len(split(text)) for text in texts)
