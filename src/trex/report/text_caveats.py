"""What a reader should know about the text: what looks wrong, what is a sample, what the normalizer changed, and
what was left out."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from trex.counting.halves import WHOLE
from trex.counting.nfc import MUCH_CHANGED, nfc_share
from trex.counting.sampling import DOCUMENTS, PLACES, STREAM, WAYS
from trex.left_out import NULL, REASONS
from trex.objective.comparisons import FEWEST_DOCUMENTS
from trex.report import markdown

MARKS = "marks"  # the kind of warning that is about the pattern, of `trex.hygiene.facts`
CORPORA_NAMED = 5  # of those that look wrong; hygiene.md has them all


def looks_wrong(hygiene: Mapping[str, Mapping[str, Any]], pattern: str, page: str) -> Iterator[str]:
    """A sentence that names the corpora with warnings, if there are any.

    hygiene: by corpus, what `trex.hygiene.facts.corpus_facts` found. pattern: the regex of the run or recipe; what is
    warned of another one's words, as recipes share the facts, is left out. page: the path of hygiene.md.
    """
    found = {
        corpus: dict.fromkeys(
            warning["kind"]
            for warning in facts["warnings"]
            if warning["kind"] != MARKS or facts["marks"]["pattern"] == pattern
        )
        for corpus, facts in hygiene.items()
    }
    if warned := {corpus: kinds for corpus, kinds in found.items() if kinds}:
        named = [f"`{corpus}` ({', '.join(kinds)})" for corpus, kinds in warned.items()][:CORPORA_NAMED]
        more = f" and {len(warned) - CORPORA_NAMED} more" if len(warned) > CORPORA_NAMED else ""
        yield (
            f"[hygiene.md]({page}) warns of the text of {len(warned)} of {len(hygiene)} corpora: "
            f"{', '.join(named)}{more}."
        )


def halves_caveats(evaluation: pl.DataFrame, parallel_set: str | None) -> Iterator[str]:
    """What is wrong with the halves of the evaluation text, none if all is well.

    evaluation: the columns of evaluation/{set}/{corpus}.ledger.parquet. parallel_set: that of the config.
    """
    shared = evaluation.filter(dealt=WHOLE)
    for (name,), rows in shared.group_by("evaluation_set", maintain_order=True):
        yield (
            f"`{name}` has one document of {markdown.names(rows['corpus'].to_list())}, which is in both halves: there, "
            "the test is no test of the choice."
        )
    few = evaluation.filter(pl.col("test_documents") < FEWEST_DOCUMENTS).sort("test_documents")
    if len(few):
        named = [
            f"`{corpus}` ({n} in `{name}`)"
            for name, corpus, n in few.head(CORPORA_NAMED)
            .select("evaluation_set", "corpus", "test_documents")
            .iter_rows()
        ]
        more = f" and {len(few) - CORPORA_NAMED} more" if len(few) > CORPORA_NAMED else ""
        yield (
            f"Fewer than {FEWEST_DOCUMENTS} documents are in the test half of {', '.join(named)}{more}: resampling "
            "them says little about other documents."
        )
    of_parallel = evaluation.filter(evaluation_set=parallel_set or "")
    numbers = of_parallel.select("documents", "test_documents").n_unique()
    if numbers > 1:
        yield (
            f"The corpora have different numbers of documents in the parallel set `{parallel_set}` "
            f"({of_parallel['documents'].min():,} to {of_parallel['documents'].max():,} in the selection half), so its "
            "halves, which are dealt by number, are not quite parallel."
        )


def text_caveats(counts: pl.DataFrame, evaluation: pl.DataFrame, normalizer: str = "nfc") -> Iterator[str]:
    """Sentences for a reader, none if all is well.

    counts, evaluation: the columns of counts/{corpus}/ledger.parquet and evaluation/{set}/{corpus}.ledger.parquet.
    normalizer: that of the config.
    """
    form = normalizer.upper()
    for what, ledger in (("training", counts), ("evaluation", evaluation)):
        yield from _samples(what, ledger)
    changed = {
        corpus: share
        for (corpus,), rows in evaluation.group_by("corpus", maintain_order=True)
        if (share := nfc_share(rows)) > MUCH_CHANGED
    }
    most = sorted(changed, key=lambda corpus: -changed[corpus])[: markdown.NAMES]
    for corpus in changed:
        if corpus in most:
            yield (
                f"{form} changes words with {100 * changed[corpus]:.0f} % of the evaluation text of `{corpus}`. All "
                f"tokenizers are measured on the text after {form}; one that does not normalize needs more for the "
                f"text as it is. Shares of training text count its bytes before {form}. `tokenizer.normalizer: none` "
                "leaves text as it is."
            )
    if len(changed) > len(most):
        yield f"So it is with {len(changed) - len(most)} more corpora, to a smaller part."
    for what, left_out in (("training text", _by_split(counts)), ("evaluation text", _by_column(evaluation))):
        bad = {reason: records for reason, records in left_out.items() if reason in REASONS}
        if bad:
            numbers = ", ".join(f"{_listed(records)} {REASONS[reason]}" for reason, records in bad.items())
            yield f"Bad records that were left out of the {what}: {numbers}."
        if NULL in left_out:
            yield f"Records without text (null) in the {what}: {_listed(left_out[NULL])}."
    too_long = {
        "training text": counts.filter(split="too_long").select("corpus", "documents"),
        "evaluation text": evaluation.group_by("corpus", maintain_order=True).agg(
            documents=pl.col("too_long").sum()
        ),
    }
    for what, table in too_long.items():
        rows = table.filter(pl.col("documents") > 0).sort("documents", descending=True)
        if len(rows):
            numbers = ", ".join(f"{n:,} of `{corpus}`" for corpus, n in rows.head(markdown.NAMES).iter_rows())
            if len(rows) > markdown.NAMES:
                numbers += f", and some of {len(rows) - markdown.NAMES} more"
            key = "counting" if what == "training text" else "evaluation"
            yield f"Longer than `{key}.max_document_bytes` and left out of the {what}: {numbers}."


def _samples(what: str, ledger: pl.DataFrame) -> Iterator[str]:
    """How the text of a ledger was drawn where it is not all there is."""
    n_corpora = ledger["corpus"].n_unique()
    for way in (DOCUMENTS, PLACES, STREAM):
        rows = ledger.filter(sample=way)
        corpora = [f"`{corpus}`" for corpus in rows["corpus"].unique(maintain_order=True)]
        if not corpora:
            continue
        names = ", ".join(corpora[: markdown.NAMES])
        if len(corpora) > markdown.NAMES:
            names += f" and {len(corpora) - markdown.NAMES} more"
        names = "all corpora" if len(corpora) == n_corpora > 1 else names
        read = ""
        if way == PLACES:
            least, most = (100 * rows["read_share"].min(), 100 * rows["read_share"].max())
            read = f" ({least:.2g} to {most:.2g} % of their bytes)"
        yield f"The {what} text of {names} is a sample of `max_bytes`: {WAYS[way]}{read}."


def _by_split(counts: pl.DataFrame) -> dict[str, list[tuple[str, int]]]:
    """(corpus, records) of each kind of records that were left out, most first."""
    kinds = (*REASONS, NULL)
    rows = counts.filter(pl.col("split").is_in(kinds) & (pl.col("documents") > 0))
    return {
        kind: rows.filter(split=kind).select("corpus", "documents").sort("documents", descending=True).rows()
        for kind in kinds
        if kind in rows["split"]
    }


def _by_column(evaluation: pl.DataFrame) -> dict[str, list[tuple[str, int]]]:
    """The same of evaluation sets, whose ledgers have a column for each kind."""
    kinds = [kind for kind in (*REASONS, NULL) if kind in evaluation.columns]
    sums = (
        evaluation.group_by("corpus", maintain_order=True).agg(pl.col(kinds).sum()) if kinds else evaluation
    )
    long = {kind: sums.filter(pl.col(kind) > 0).sort(kind, descending=True) for kind in kinds}
    return {kind: rows.select("corpus", kind).rows() for kind, rows in long.items() if len(rows)}


def _listed(records: list[tuple[str, int]]) -> str:
    return ", ".join(f"{n:,} of `{corpus}`" for corpus, n in records)
