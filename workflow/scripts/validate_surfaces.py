"""How far the surfaces can be trusted, and the same surfaces at the other vocabulary sizes."""

from dataclasses import replace

from trex.files import read_json, write_json, write_table
from trex.objective.objective import Objective
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.surfaces.compare import validate
from trex.surfaces.fitted import FittedSurfaces

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    objective = Objective.from_config(params.objective, params.corpora)
    by_size = {
        size: read_training_set([files.training_set], [files.ledger], replace(objective, vocab_size=size))
        for size in params.vocab_grid
    }
    *_, searched = by_size.values()
    surfaces = FittedSurfaces.from_json(read_json(files.models), searched.objective)
    settings = {"model": params.model, "folds": params.folds, "seed": params.seed}
    found = validate(by_size, surfaces, params.compare, **settings)
    for table in ("selected_metrics", "selected_predictions", "learning_curve", "vocabulary"):
        write_table(getattr(found, table), output[table])
    other_sizes = {size: of_size.to_json() for size, of_size in found.other_sizes.items()}
    write_json(other_sizes, output.other_sizes)
