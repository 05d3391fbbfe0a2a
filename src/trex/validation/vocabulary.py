"""What a vocabulary is made of: which entries text uses, which only help to make others, whose words they are, and how
many are words."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from trex.validation.entries import Vocabulary
from trex.validation.quality import is_spaced, running_words
from trex.validation.uses import (
    ACTIVE,
    ACTIVE_PER_MILLION,
    FEWEST_TOKENS,
    OWN_WORD_COUNT,
    RARE,
    SCAFFOLD,
    SURVIVAL,
    UNSEEN,
    USES,
)

# An entry belongs to the corpus that has more of it, by the byte, than all others together.
OWN = 0.5
SCHEMA = {"evaluation_set": pl.String, "corpus": pl.String, "metric": pl.String, "value": pl.Float64}


def parts_of(vocabulary: Vocabulary) -> np.ndarray:
    """The two entries that each entry is merged from when its bytes are encoded. int64 [entries, 2]

    Entries go by their ids; -1 for those that no merge makes.
    """
    size = 1 + max([*vocabulary.entries["id"], *vocabulary.special], default=0)
    parts = np.full((size, 2), -1, dtype=np.int64)
    ids = dict(vocabulary.entries.select("spelling", "id").iter_rows())
    ranks: dict[tuple[str, str], int] = {}
    makers: dict[str, list[tuple[str, str]]] = {}
    for rank, pair in enumerate(vocabulary.merges()):
        ranks.setdefault(pair, rank)
        makers.setdefault("".join(pair), []).append(pair)
    for spelling, pairs in makers.items():
        pair = pairs[0] if len(pairs) == 1 else _last_merge(spelling, ranks)
        if spelling in ids and pair and pair[0] in ids and pair[1] in ids:
            parts[ids[spelling]] = ids[pair[0]], ids[pair[1]]
    return parts


def _last_merge(spelling: str, ranks: Mapping[tuple[str, str], int]) -> tuple[str, str] | None:
    """The pair that makes an entry when its own bytes are merged by rank; None if they do not make it."""
    parts = list(spelling)
    while len(parts) > 2:
        rank, i = min((ranks.get(pair, len(ranks)), i) for i, pair in enumerate(pairwise(parts)))
        if rank == len(ranks):
            return None
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return (parts[0], parts[1]) if tuple(parts) in ranks else None


def longest_first(parts: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """The entries that merges make, those of one length together, the longest first.

    parts: of `parts_of`. lengths: bytes of each entry. [entries]
    """
    merged = np.flatnonzero(parts[:, 0] >= 0)
    merged = merged[np.argsort(-lengths[merged], kind="stable")]
    return np.split(merged, np.flatnonzero(np.diff(lengths[merged])) + 1)


def built(counts: np.ndarray, parts: np.ndarray, by_length: list[np.ndarray]) -> np.ndarray:
    """How often each entry was made: as a token of the encoding, or on the way to one.

    Args:
        counts: tokens of the encoding by entry. int64 [entries]
        parts: of `parts_of`. by_length: of `longest_first`.
    """
    made = counts.astype(np.int64).copy()
    for entries in by_length:  # an entry is longer than its parts
        of = entries[made[entries] > 0]
        for side in (0, 1):
            np.add.at(made, parts[of, side], made[of])
    return made


def uses(counts: np.ndarray, made: np.ndarray) -> np.ndarray:
    """How text uses each entry, as a number into USES. [entries]

    Active: at least ACTIVE_PER_MILLION of a million tokens. Unseen: not even on the way to a token. Scaffold: fewer
    than a tenth (SURVIVAL) of those made were left as tokens. Rare: the rest.
    """
    least = ACTIVE_PER_MILLION * max(counts.sum(), FEWEST_TOKENS) / 1e6
    conditions = [counts >= least, made == 0, counts < SURVIVAL * made]
    return np.select(conditions, [USES.index(use) for use in (ACTIVE, UNSEEN, SCAFFOLD)], USES.index(RARE))


def composition(
    vocabulary: Vocabulary,
    counts: pl.DataFrame,
    corpora: pl.DataFrame,
    words: Mapping[str, frozenset[str]],
    morphemes: Mapping[str, frozenset[str]],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What a vocabulary is made of.

    Args:
        counts, corpora: tables `entries` and `corpora` of `trex.validation.quality.Quality`.
        words, morphemes: valid words, and roots and affixes, in lower case, of those corpora that have a list.

    Returns:
        Entries, one row each: id, text (null for parts of characters), bytes (how many),
        count (in all texts), built (see `built`), use, corpus (null: none has more than half of it), corpus_share.
        Metrics: evaluation_set (null: all), corpus (null: all), metric, value. Shares of the entries of two bytes and
        more: active, rare, scaffold, unseen; owned, the number of entries of a corpus. Of the distinct entries with a
        letter in the encodings of a corpus: valid, the share that are words (without the white space around them), and
        pure, that are roots or affixes; valid_tokens and pure_tokens, of all tokens with a letter.
    """
    parts = parts_of(vocabulary)
    size = len(parts)
    rows = vocabulary.entries
    ids = rows["id"].to_numpy()
    lengths = np.zeros(size, dtype=np.int64)
    lengths[ids] = rows["bytes"].bin.size().to_numpy()
    by_length = longest_first(parts, lengths)
    merged = ids[lengths[ids] > 1]  # the alphabet is there whether text needs it or not
    total = np.zeros(size, dtype=np.int64)
    by_corpus: dict[str, np.ndarray] = {}
    found = []
    for (evaluation_set, corpus), of in counts.group_by(["evaluation_set", "corpus"], maintain_order=True):
        here = np.zeros(size, dtype=np.int64)
        here[of["id"].to_numpy()] = of["count"].to_numpy()
        total += here
        by_corpus[corpus] = by_corpus.get(corpus, 0) + here
        found += _shares(evaluation_set, corpus, uses(here, built(here, parts, by_length))[merged])
    made = built(total, parts, by_length)
    used = uses(total, made)
    found += _shares(None, None, used[merged])
    owner, share = _owners(by_corpus, corpora, parts, by_length)
    names = list(by_corpus)
    found += [
        (None, corpus, "owned", float((owner[merged] == number).sum())) for number, corpus in enumerate(names)
    ]
    texts = np.full(size, None, dtype=object)
    texts[ids] = rows["text"].to_list()
    for corpus, here in by_corpus.items():
        for metric, listed in (("valid", words.get(corpus)), ("pure", morphemes.get(corpus))):
            if listed is not None:
                found += _in_list(corpus, metric, texts, here, listed)
    entries = pl.DataFrame(
        {
            "id": ids,
            "text": rows["text"],
            "bytes": lengths[ids],
            "count": total[ids],
            "built": made[ids],
            "use": [USES[use] for use in used[ids]],
            "corpus": [names[number] if number >= 0 else None for number in owner[ids]],
            "corpus_share": share[ids],
        },
        schema_overrides={"corpus": pl.String},
    )
    return entries, pl.DataFrame(found, schema=SCHEMA, orient="row")


def _shares(evaluation_set: str | None, corpus: str | None, used: np.ndarray) -> list[tuple]:
    shares = np.bincount(used, minlength=len(USES)) / max(len(used), 1)
    return [(evaluation_set, corpus, use, float(share)) for use, share in zip(USES, shares, strict=True)]


def _owners(
    by_corpus: Mapping[str, np.ndarray], corpora: pl.DataFrame, parts: np.ndarray, by_length: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The corpus (by number) that has more than half of each entry, -1 for none, and its share. [entries]

    What counts is how often entries are made for each byte of a corpus, so that a longer text has no more weight.
    """
    n_bytes = dict(corpora.group_by("corpus").agg(pl.col("bytes").sum()).iter_rows())
    size = len(parts)
    most, of_all, owner = np.zeros(size), np.zeros(size), np.full(size, -1)
    for number, (corpus, counts) in enumerate(by_corpus.items()):
        rate = built(counts, parts, by_length) / n_bytes[corpus]
        owner[rate > most] = number
        most = np.maximum(most, rate)
        of_all += rate
    share = np.divide(most, of_all, out=np.zeros(size), where=of_all > 0)
    return np.where(share > OWN, owner, -1), share


# --- Words --------------------------------------------------------------------------------------------------


def own_words(texts: Sequence[pl.Series]) -> frozenset[str] | None:
    """The words of a corpus that occur more than once in its texts, in lower case; None where words are not spaced."""
    together = pl.concat(list(texts))
    if not is_spaced(together):
        return None
    frequent = running_words(together).filter(pl.col("count") >= OWN_WORD_COUNT)
    return frozenset(frequent["word"].str.to_lowercase()) if len(frequent) else None


def read_list(path: str | Path) -> frozenset[str]:
    """Words of a file, one a line, in lower case.

    Raises:
        ValueError: it has none, or is no UTF-8 text.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error
    if not (words := frozenset(word for line in lines if (word := line.strip().lower()))):
        raise ValueError(f"{path} has no words; write one a line")
    return words


def _in_list(
    corpus: str, metric: str, texts: np.ndarray, counts: np.ndarray, listed: frozenset[str]
) -> list[tuple]:
    """Shares of the entries and of the tokens with a letter that are in a list.

    TR-MMLU (Bayram et al. 2025, arXiv 2502.07057) calls them %TR and %Pure, with a dictionary and a morphological
    analyser of Turkish in place of lists.
    """
    here = np.flatnonzero(counts)
    table = pl.DataFrame(
        {"text": list(texts[here]), "count": counts[here]}, schema_overrides={"text": pl.String}
    )
    table = table.filter(pl.col("text").str.contains(r"\p{L}"))
    if not len(table):
        return []
    is_word = np.array([_is_in(text.strip(), listed) for text in table["text"]])
    n = table["count"].to_numpy()
    return [
        (None, corpus, metric, float(is_word.mean())),
        (None, corpus, f"{metric}_tokens", float(n[is_word].sum() / n.sum())),
    ]


def _is_in(word: str, listed: frozenset[str]) -> bool:
    # Turkish I is the capital of ı and İ of i
    return word.lower() in listed or word.replace("I", "ı").replace("İ", "i").lower() in listed
