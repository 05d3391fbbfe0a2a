"""Encode the selection half of evaluation text with a full-scale tokenizer, cut to this run's vocabulary."""

import polars as pl
from tokenizers import Tokenizer

from trex.files import read_json, write_table
from trex.proxies.full_scale import DOCUMENTS, no_rows, note_of
from trex.run.job import job
from trex.tokenizer.cut import cutter
from trex.validation.quality import check_tokens, encode_documents

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    if note_of(files.tokenizer):
        documents = no_rows(DOCUMENTS)
    else:
        at = [tuple(key) for key in params.evaluation]
        vocab_size = read_json(files.vocab_size)["vocab_size"]
        cut = cutter(files.get("base"), params.keep)
        tokenizer = cut(Tokenizer.from_file(str(files.tokenizer)), vocab_size)
        documents = encode_documents(tokenizer, dict(zip(at, files.selection, strict=True)))
        counted = pl.read_parquet(files.compression).filter(vocab_size=vocab_size)
        check_tokens(documents, counted, files.tokenizer)
    write_table(documents, snakemake.output.documents)
