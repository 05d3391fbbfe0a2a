"""What a finished tokenizer makes of evaluation text: tokens of every document, and the quality metrics of every
corpus.

Text is encoded by `tokenizers` itself, as a user of the tokenizer would. The metrics' definitions are in
`trex.objective.metrics`; what a *word* is, is defined here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from tokenizers import Tokenizer

from trex.bpe.byte_alphabet import BYTE_LEVEL, LATIN1, Alphabet, is_spelling, unspell
from trex.objective import metrics
from trex.scripts import script_of
from trex.tokenizer.encode import encode, of_plain_text, vocabulary_size
from trex.validation.forms import Form, differences

# A running word: a letter with the letters, marks and joiners (ZWNJ, ZWJ) after it. Standard segmentations differ in
# what they do with punctuation and digits; this one has neither, so that tokenizers are compared on words alone.
WORD = r"\p{L}[\p{L}\p{M}\x{200C}\x{200D}]*"

# Scripts that are written without spaces: "words" found by the regex above would be whole clauses.
UNSPACED = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")
_UNSPACED_LETTER = "[" + "".join(rf"\p{{{script}}}" for script in UNSPACED) + "]"


# Of each text, to see which words a vocabulary keeps whole: as many as Nayeem et al. 2025 (arXiv 2510.09947) take.
FREQUENT_WORDS = 1000
WORDS = {
    "evaluation_set": pl.String,
    "corpus": pl.String,
    "word": pl.String,
    "count": pl.Int64,
    "tokens": pl.Int64,
}


@dataclass(frozen=True)
class Quality:
    """What one tokenizer makes of all evaluation text.

    corpora: one row per evaluation set and corpus: evaluation_set, corpus, documents, bytes, characters, spaced
        (whether its words are), words (None if not), tokens, reference_tokens, nsl, bytes_per_token, fertility (tokens
        per word, per character where words are not spaced), continued_word_rate, strr (None where words are not
        spaced), renyi_efficiency, vocabulary_use; changed (documents that the tokenizer does not give back), change
        (the first of them, in words).
    documents: one row per document: evaluation_set, corpus, document (its number), tokens, reference_tokens.
    scripts: one row per script: script, entries (vocabulary entries whose first letter is of it), share (of all
        entries), used (the share of them that occurs in any evaluation text).
    entries: how often vocabulary entries occur, in those texts where they do: evaluation_set, corpus, id, count.
    words: tokens of the FREQUENT_WORDS most frequent words of each text whose words are spaced: evaluation_set, corpus,
        word, count, tokens.
    """

    corpora: pl.DataFrame
    documents: pl.DataFrame
    scripts: pl.DataFrame
    entries: pl.DataFrame
    words: pl.DataFrame


def quality_of(
    tokenizer: Tokenizer, evaluation: Mapping[tuple[str, str], Path], alphabet: Alphabet = BYTE_LEVEL
) -> Quality:
    """Encode all evaluation text.

    Args:
        tokenizer: text that looks like one of its special tokens is encoded as ordinary text, and none is added.
        evaluation: per (evaluation set, corpus), the parquet file of its documents: text, reference_tokens.
        alphabet: how text stands for bytes. LATIN1 is bytes that are no text, without words and scripts.
    """
    tokenizer = of_plain_text(tokenizer)
    rows, documents, entries, words = [], [], [], []
    form = Form.of(tokenizer)
    used = np.zeros(vocabulary_size(tokenizer), dtype=np.int64)
    for (evaluation_set, corpus), path in evaluation.items():
        text = pl.read_parquet(path)
        changes: list[str] = []

        def note(texts: list[str], back: list[str], changes: list[str] = changes) -> None:
            changes += differences(texts, back, form)

        tokens, frequencies = encode(tokenizer, text["text"], used.size, note)
        used += frequencies
        key = {"evaluation_set": evaluation_set, "corpus": corpus}
        of_words = _words(tokenizer, text["text"], alphabet, used.size)
        changed = {"changed": len(changes), "change": next(iter(changes), None)}
        rows.append({**key, **_row(text, tokens, frequencies, of_words, alphabet), **changed})
        ids = np.flatnonzero(frequencies)
        entries.append(_labelled(key, pl.DataFrame({"id": ids, "count": frequencies[ids]})))
        if of_words is not None:
            most_frequent = of_words.sort("count", "word", descending=[True, False]).head(FREQUENT_WORDS)
            words.append(_labelled(key, most_frequent))
        documents.append(_documents((evaluation_set, corpus), tokens, text["reference_tokens"]))
    schema = {"spaced": pl.Boolean, "words": pl.Int64, "continued_word_rate": pl.Float64, "strr": pl.Float64}
    schema |= {"change": pl.String}
    no_words = pl.DataFrame(schema=WORDS)
    corpora = pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None)
    return Quality(
        corpora,
        pl.concat(documents),
        vocabulary_scripts(tokenizer, used, alphabet),
        pl.concat(entries),
        pl.concat([no_words, *(table.cast(WORDS) for table in words)]),
    )


def encode_documents(tokenizer: Tokenizer, evaluation: Mapping[tuple[str, str], Path]) -> pl.DataFrame:
    """Tokens of every document of each text, without metrics: the table `documents` of `Quality`."""
    tokenizer = of_plain_text(tokenizer)
    size = vocabulary_size(tokenizer)
    tables = []
    for key, path in evaluation.items():
        text = pl.read_parquet(path)
        tables.append(_documents(key, encode(tokenizer, text["text"], size)[0], text["reference_tokens"]))
    return pl.concat(tables)


def _documents(key: tuple[str, str], tokens: np.ndarray, reference_tokens: pl.Series) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "document": np.arange(len(tokens), dtype=np.uint32),
            "tokens": tokens,
            "reference_tokens": reference_tokens,
        }
    ).select(pl.lit(key[0]).alias("evaluation_set"), pl.lit(key[1]).alias("corpus"), pl.all())


# Of each evaluation text, encoded to see how much documents differ: some hundred documents, in a fraction of a second.
SAMPLE_BYTES = 250_000


def encode_sample(
    tokenizer: Tokenizer, evaluation: Mapping[tuple[str, str], Path], n_bytes: int = SAMPLE_BYTES
) -> pl.DataFrame:
    """Tokens of some documents of each text, spread evenly over it and about n_bytes in all, or of every one.

    Columns: evaluation_set, corpus, document (its number), tokens, reference_tokens, sampled (the share of the text's
    bytes that its documents here have).
    """
    size = vocabulary_size(tokenizer)
    tables = []
    for (evaluation_set, corpus), path in evaluation.items():
        text = pl.read_parquet(path).with_row_index("document")
        total = text["text"].str.len_bytes().sum()
        sample = text.gather_every(max(math.ceil(total / n_bytes), 1))
        tokens, _ = encode(tokenizer, sample["text"], size)
        tables.append(
            sample.select(
                pl.lit(evaluation_set).alias("evaluation_set"),
                pl.lit(corpus).alias("corpus"),
                "document",
                pl.Series("tokens", tokens),
                "reference_tokens",
                sampled=pl.lit(sample["text"].str.len_bytes().sum() / total),
            )
        )
    return pl.concat(tables)


def is_spaced(texts: pl.Series) -> bool:
    """Whether less than half of the letters are of scripts that are written without spaces."""
    letters, unspaced = (texts.str.count_matches(pattern).sum() for pattern in (r"\p{L}", _UNSPACED_LETTER))
    return 2 * unspaced <= letters


def running_words(texts: pl.Series) -> pl.DataFrame:
    """Distinct words of the texts and how often each occurs: word, count; sorted."""
    words = texts.str.extract_all(WORD).explode().drop_nulls()
    return words.rename("word").value_counts().sort("word")


def _labelled(key: Mapping[str, str], table: pl.DataFrame) -> pl.DataFrame:
    return table.select(*(pl.lit(value).alias(name) for name, value in key.items()), pl.all())


def _words(
    tokenizer: Tokenizer, texts: pl.Series, alphabet: Alphabet, vocab_size: int
) -> pl.DataFrame | None:
    """Running words and what they are encoded to after a space, as in running text: word, count, tokens. None if there
    are none, or they are not spaced."""
    if alphabet is LATIN1 or not is_spaced(texts):
        return None
    words = running_words(texts)
    tokens, _ = encode(tokenizer, " " + words["word"], vocab_size)
    return words.with_columns(tokens=pl.Series(tokens)) if len(words) else None


def _row(
    documents: pl.DataFrame,
    tokens: np.ndarray,
    frequencies: np.ndarray,
    words: pl.DataFrame | None,
    alphabet: Alphabet,
) -> dict:
    texts = documents["text"]
    n_tokens, reference = int(tokens.sum()), int(documents["reference_tokens"].sum())
    characters = texts.str.len_chars().sum()
    n_bytes = characters if alphabet is LATIN1 else texts.str.len_bytes().sum()
    spaced = words is not None
    row = {
        "documents": len(texts),
        "bytes": n_bytes,
        "characters": characters,
        "spaced": spaced,
        "words": words["count"].sum() if spaced else None,
        "tokens": n_tokens,
        "reference_tokens": reference,
        "nsl": float(metrics.nsl(n_tokens, reference)),
        "bytes_per_token": float(metrics.bytes_per_token(n_bytes, n_tokens)),
    }
    row["fertility"] = float(metrics.fertility(n_tokens, row["words"] if spaced else characters))
    row["continued_word_rate"] = row["strr"] = None
    if spaced:
        of_word, count = words["tokens"].to_numpy(), words["count"].to_numpy()
        row["continued_word_rate"] = metrics.continued_word_rate(of_word, count)
        row["strr"] = metrics.strr(of_word, count)
    row["renyi_efficiency"] = metrics.renyi_efficiency(frequencies)
    row["vocabulary_use"] = metrics.vocabulary_use(frequencies)
    return row


def check_tokens(documents: pl.DataFrame, counted: pl.DataFrame, path: str | Path) -> None:
    """ValueError unless a tokenizer's encodings have exactly the tokens that its training counted.

    documents: of `encode_documents`. counted: the training's table of compression, at the tokenizer's vocabulary size.
    """
    corpora = documents.group_by("evaluation_set", "corpus").agg(pl.col("tokens").sum())
    both = corpora.join(counted, on=["evaluation_set", "corpus"], how="full", suffix="_counted")
    wrong = both.filter(~pl.col("tokens").eq_missing(pl.col("tokens_counted")))
    if len(wrong):
        row = wrong.row(0, named=True)
        raise ValueError(
            f"{path} encodes {row['evaluation_set']} of {row['corpus']} as {row['tokens']} tokens, where its training "
            f"counted {row['tokens_counted']}: one of the two files is not of this run, or there is a bug. Delete its "
            "folder and run again."
        )


def vocabulary_scripts(
    tokenizer: Tokenizer, frequencies: np.ndarray, alphabet: Alphabet = BYTE_LEVEL
) -> pl.DataFrame:
    """What scripts the vocabulary is of, and how much of each occurs in text. Columns: see `Quality.scripts`.

    An entry belongs to the script of its first letter; `other` has entries of other scripts or parts of characters,
    `none` those without a letter, as bytes that are no text. Special tokens are left out.
    """
    special = tokenizer.get_added_tokens_decoder()
    ids, spellings = [], []
    prefix = getattr(tokenizer.model, "continuing_subword_prefix", None) or ""
    for token, number in tokenizer.get_vocab(with_added_tokens=False).items():
        if number in special:
            continue
        token = token.removeprefix(prefix)
        ids.append(number)
        spellings.append(unspell(token).decode(errors="replace") if is_spelling(token) else token)
    entries = pl.DataFrame({"id": ids, "text": spellings}).with_columns(
        letter=pl.lit(None, pl.String)
        if alphabet is LATIN1
        else pl.col("text").str.extract(r"([\p{L}\x{FFFD}])", 1)
    )
    table = entries.with_columns(
        script=script_of(pl.col("letter")).fill_null("none"),
        used=pl.Series(frequencies[np.array(ids, dtype=np.int64)] > 0),
    )
    return (
        table.group_by("script")
        .agg(entries=pl.len().cast(pl.Int64), used=pl.col("used").mean())
        .with_columns(share=pl.col("entries") / len(entries))
        .select("script", "entries", "share", "used")
        .sort(["entries", "script"], descending=[True, False])
    )
