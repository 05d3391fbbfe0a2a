"""Fit and cross-validate the surfaces from mixture to compression, and select the one that searches use."""

from trex.files import write_json, write_table
from trex.objective.objective import Objective
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.surfaces.compare import fit

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    objective = Objective.from_config(params.objective, params.corpora)
    training = read_training_set([files.training_set], [files.ledger], objective)
    settings = {"model": params.model, "folds": params.folds, "seed": params.seed}
    found = fit(training, params.compare, paper=params.paper, **settings)
    for table in ("metrics", "corpus_metrics", "predictions"):
        write_table(getattr(found, table), output[table])
    write_json(found.surfaces.to_json(), output.models)
