"""What the tests share: where real text lies, and Hugging Face's own training as the yardstick."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from trex.bpe.byte_alphabet import spell

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("TREX_TEST_DATA", ROOT.parent / "shared/data"))


@pytest.fixture(scope="session")
def udhr() -> dict[str, list[str]]:
    """Articles of the Universal Declaration of Human Rights by language, if they are on this machine."""
    path = DATA / "ood/udhr.parquet"
    if not path.exists():
        pytest.skip(f"no {path}; set TREX_TEST_DATA to a folder that has ood/udhr.parquet")
    import polars as pl

    table = pl.read_parquet(path).group_by("lang", maintain_order=True).agg("text")
    return dict(table.iter_rows())


def train_with_tokenizers(
    words: Mapping[bytes, int], vocab_size: int, special_tokens: Iterable[str] = (), **options
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """(vocabulary, merges) of `tokenizers` for the same words and counts, through its public interface."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\x00", "removed")
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **options,
    )
    tokenizer.train_from_iterator((spell(word) for word, n in words.items() for _ in range(n)), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]
