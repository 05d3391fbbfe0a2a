"""Fit and cross-validate the surfaces from mixture to compression, and select the one that searches use."""

from dataclasses import replace

from trex.files import write_json, write_table
from trex.objective.objective import Objective
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.surfaces.compare import compare

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    objective = Objective.from_config(params.objective, params.corpora)
    found = compare(
        {
            size: read_training_set([files.training_set], [files.ledger], replace(objective, vocab_size=size))
            for size in params.vocab_grid
        },
        params.compare,
        model=params.model,
        paper=params.paper,
        folds=params.folds,
        seed=params.seed,
    )
    for table in ("metrics", "corpus_metrics", "learning_curve", "vocabulary", "predictions"):
        write_table(getattr(found, table), output[table])
    write_json(found.surfaces.to_json(), output.models)
    other_sizes = {size: surfaces.to_json() for size, surfaces in found.other_sizes.items()}
    write_json(other_sizes, output.other_sizes)
