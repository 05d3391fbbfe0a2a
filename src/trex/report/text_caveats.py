"""What a reader should know about the text that was counted: what the normalizer changed, and what was too long."""

from collections.abc import Iterator

import polars as pl

from trex.counting.nfc import MUCH_CHANGED, nfc_share


def text_caveats(counts: pl.DataFrame, evaluation: pl.DataFrame, normalizer: str) -> Iterator[str]:
    """Sentences for a reader, none if all is well.

    counts, evaluation: the columns of counts/{corpus}/ledger.parquet and evaluation/{set}/{corpus}.ledger.parquet.
    normalizer: that of the config.
    """
    form = normalizer.upper()
    for (corpus,), rows in evaluation.group_by("corpus", maintain_order=True):
        if (share := nfc_share(rows)) > MUCH_CHANGED:
            yield (
                f"{form} changes words with {100 * share:.0f} % of the evaluation text of `{corpus}`. All tokenizers "
                f"are measured on the text after {form}; one that does not normalize needs more for the text as it "
                f"is. Shares of training text count its bytes before {form}. `tokenizer.normalizer: none` leaves "
                "text as it is."
            )
    too_long = {
        "training text": counts.filter(split="too_long").select("corpus", "documents"),
        "evaluation text": evaluation.group_by("corpus", maintain_order=True).agg(
            documents=pl.col("too_long").sum()
        ),
    }
    for what, table in too_long.items():
        rows = table.filter(pl.col("documents") > 0).sort("documents", descending=True)
        if len(rows):
            numbers = ", ".join(f"{n:,} of `{corpus}`" for corpus, n in rows.iter_rows())
            key = "counting" if what == "training text" else "evaluation"
            yield f"Longer than `{key}.max_document_bytes` and left out of the {what}: {numbers}."
