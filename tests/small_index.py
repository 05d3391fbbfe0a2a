"""A small word index of made-up text in four scripts, in a few seconds."""

import random
from collections import Counter
from pathlib import Path

import polars as pl

from trex.counting.build_index import build_index as build_words
from trex.counting.pretokenize import count_words
from trex.counting.shards import GROUPS
from trex.counting.word_index import WordIndex
from trex.files import write_table

ALPHABETS = {"aaa": "abcdefgh", "bbb": "αβγδεζηθ", "ccc": "あいうえおかきく", "ddd": "бвгджзкл"}
CORPORA = list(ALPHABETS)
TOKENIZER = {"special_tokens": [], "min_frequency": 0, "max_token_length": None, "alphabet": "utf8"}


def made_up_text(corpus: str, n: int, seed: int) -> str:
    words = random.Random(corpus)
    known = ["".join(words.choices(ALPHABETS[corpus], k=words.randint(1, 9))) for _ in range(2000)]
    text = random.Random(f"{corpus} {seed}")
    return " ".join(text.choices(known, [1 / rank for rank in range(1, 2001)], k=n))


def build_index(
    folder: Path, shards: int, words_per_shard: int = 1500, pattern: str = "default"
) -> WordIndex:
    folder.mkdir(exist_ok=True)
    counts, ledgers, evaluation = {}, {}, {}
    for corpus in CORPORA:
        texts = [made_up_text(corpus, words_per_shard, shard) for shard in range(shards)]
        words = Counter()
        for shard, text in enumerate(texts):
            words.update({(word, shard): n for word, n in count_words(text, pattern).items()})
        rows = [(word, shard, n) for (word, shard), n in sorted(words.items())]
        table = pl.DataFrame(
            rows, schema={"word": pl.Binary, "shard": pl.UInt16, "count": pl.Int64}, orient="row"
        )
        counts[corpus] = folder / f"{corpus}.parquet"
        write_table(table.group_by("word", maintain_order=True).agg("shard", "count"), counts[corpus])
        ledgers[corpus] = folder / f"{corpus}.ledger.parquet"
        sizes = [len(text.encode()) for text in texts]
        groups = [GROUPS * shard // shards for shard in range(shards)]
        ledger = {"split": "train", "group": groups, "shard": range(shards), "documents": 1, "bytes": sizes}
        write_table(pl.DataFrame(ledger), ledgers[corpus])
        text = made_up_text(corpus, 20_000, shards)
        held_out = count_words(text, pattern)
        paths = folder / f"{corpus}.words.parquet", folder / f"{corpus}.eval.parquet"
        write_table(pl.DataFrame({"word": held_out.keys(), "count": held_out.values()}), paths[0])
        numbers = {"documents": 1, "bytes": len(text.encode()), "characters": len(text), "words": 20_000}
        row = {"evaluation_set": "held_out", "corpus": corpus, **numbers, "reference_tokens": 40_000}
        write_table(pl.DataFrame([row]), paths[1])
        evaluation["held_out", corpus] = paths
    build_words(folder / "index", counts, ledgers, evaluation)
    return WordIndex.load(folder / "index", CORPORA)
