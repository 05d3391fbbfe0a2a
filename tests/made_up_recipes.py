"""Finished recipes whose numbers are known, without a run."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from trex.recipes.finished import Finished

LANGUAGE_MODEL = {
    "parameters": 1e9, "width": 100, "tied_embeddings": True, "training_bytes": 1e9, "context": 1000,
    "peak_flops": 1e15, "utilisation": 0.5, "served_tokens": 0.0, "generated_share": 1.0,
}  # fmt: skip
Tokens = Mapping[str, Sequence[int]]  # of every document, by corpus


def config(corpora: Sequence[str], tokenizer: Mapping | None = None, **objective) -> dict:
    return {
        "corpora": {corpus: {} for corpus in corpora},
        "seed": 0,
        "reference": "o200k_base",
        "objective": {
            "aggregate": "macro", "evaluation_sets": ["held_out"], "parallel_set": None, "pivot": None, **objective
        },
        "language_model": LANGUAGE_MODEL,
        "tokenizer": {"pattern": "", "normalizer": "nfc", **(tokenizer or {})},
        "training": {"bytes": None},
        "validation": {"tokenizers": {}, "waived_gates": []},
    }  # fmt: skip


def finished(
    name: str,
    tokens: Tokens | Mapping[str, Tokens],
    reference: Tokens | Mapping[str, Tokens],
    *,
    settings: Mapping | None,
    vocab_size: int = 1000,
    **facts,
) -> Finished:
    """tokens, reference: by corpus, on held_out, or by evaluation set. settings: its config; None: it is an existing
    tokenizer. A reference token has four bytes."""
    if not isinstance(next(iter(tokens.values())), Mapping):
        tokens, reference = {"held_out": tokens}, {"held_out": reference}
    documents, corpora = [], []
    for evaluation_set, by_corpus in tokens.items():
        for corpus, values in by_corpus.items():
            of = np.asarray(reference[evaluation_set][corpus])
            key = {"evaluation_set": evaluation_set, "corpus": corpus}
            columns = {
                "document": np.arange(len(of), dtype=np.uint32),
                "tokens": values,
                "reference_tokens": of,
            }
            documents.append(pl.DataFrame({**key, **columns}))
            sums = {"documents": len(of), "bytes": 4 * int(of.sum()), "tokens": int(np.sum(values))}
            corpora.append({**key, **sums})
    mixture = {} if settings is None else {"mixture": "matched", "mixture_kind": "matched"}
    return Finished(
        name, settings, vocab_size, pl.DataFrame(corpora), pl.concat(documents), **{**mixture, **facts}
    )
