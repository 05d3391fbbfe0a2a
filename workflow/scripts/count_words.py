"""Count corpora: words per shard, the ledger, and the documents held out for evaluation."""

from pathlib import Path

from trex.corpora import DocumentLimit, read_documents
from trex.counting import corpus as counting
from trex.files import scratch, write_array, write_table
from trex.run.job import each_task
from trex.run.tasks import Task


def count(task: Task) -> None:
    params, output = task.params, task.output
    limit = DocumentLimit(params["max_document_bytes"])
    documents = read_documents(params["source"], Path.cwd(), limit=limit)
    options = counting.CountingOptions(**params["counting"])
    with counting.held_out_file(output["held_out"]) as hold_out:
        counts = counting.count_corpus(
            documents, task.wildcards["corpus"], hold_out, options, spill_to=scratch(output["words"])
        )
        counting.check_split(counts.ledger, options.held_out_share)
    ledger, shard_of_cell = counting.by_shard([counting.with_too_long(counts.ledger, limit.left_out)])
    counts.words.write(output["words"], shard_of_cell)
    write_table(ledger, output["ledger"])
    write_array(counts.documents, output["documents"])


each_task(snakemake, count)
