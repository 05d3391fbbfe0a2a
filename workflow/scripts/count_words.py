"""Count one corpus: words per shard, the ledger, and the documents held out for evaluation."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trex.corpora import read_documents
from trex.counting import count_corpus
from trex.files import whole, write_table
from trex.job import job

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    schema = pa.schema({"text": pa.large_string()})
    with whole(output.held_out) as part, pq.ParquetWriter(part, schema, compression="zstd") as held_out:
        counts = count_corpus(
            read_documents(params.source, Path.cwd()),
            snakemake.wildcards.corpus,
            lambda documents: held_out.write_table(pa.table({"text": documents}, schema=schema)),
            seed=params.seed,
            held_out_share=params.held_out_share,
            shards=params.counting["shards"],
            deduplicate=params.counting["deduplicate"],
            pattern=params.pattern,
            by_line=params.unit == "line",
            spill_to=Path(output.words).parent,
        )
    counts.words.write(output.words)
    write_table(counts.ledger, output.ledger)
    with whole(output.documents) as part, open(part, "wb") as file:
        np.save(file, counts.documents)
