"""Count corpora: words per shard, the ledger, and the documents held out for evaluation."""

from pathlib import Path

from trex.corpora import BadRecords, DocumentLimit, read_documents
from trex.counting import corpus as counting
from trex.counting.sampling import draw
from trex.files import scratch, write_array, write_table
from trex.run.job import each_task
from trex.run.tasks import Task


def count(task: Task) -> None:
    params, output = task.params, task.output
    first, limit = (DocumentLimit(params["max_document_bytes"]) for _ in range(2))
    bad = BadRecords.from_source(params["source"])
    sample = draw(
        read_documents(params["source"], Path.cwd(), limit=first),
        params["source"],
        params["counting"]["seed"],
        copies=not params["counting"]["deduplicate"],
    )
    options = counting.CountingOptions(**params["counting"], sample=sample)
    documents = read_documents(params["source"], Path.cwd(), limit=limit, bad=bad)
    with counting.held_out_file(output["held_out"]) as hold_out:
        counts = counting.count_corpus(
            documents, task.wildcards["corpus"], hold_out, options, spill_to=scratch(output["words"])
        )
        left_out = {"too_long": limit.left_out, **bad.ledger()}
        cells = counting.with_left_out(counts.ledger, left_out)
        counting.check_split(cells, options.held_out_share)
    ledger, shard_of_cell = counting.by_shard([cells])
    counts.words.write(output["words"], shard_of_cell)
    write_table(ledger, output["ledger"])
    write_array(counts.documents, output["documents"])


each_task(snakemake, count)
