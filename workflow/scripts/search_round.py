"""One round of the adaptive search: fit the surface to all proxies so far, propose mixtures, train their proxies."""

import polars as pl

from trex.files import read_json, write_json, write_table
from trex.objective.objective import Objective
from trex.proxies.train import by_id
from trex.proxies.trainers import load_trainer
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.search.rounds import Round
from trex.search.space import SearchSpace
from trex.surfaces.fitted import FittedSurfaces

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    objective = Objective.from_config(params.objective, params.corpora)
    proxies = read_training_set(files.compression, files.ledgers, objective)
    trainer = load_trainer(files, params, params.sampling["bytes"], params.vocab_grid)
    space = SearchSpace.from_params(trainer, params, files.inference, files.limits)
    surfaces = FittedSurfaces.from_json(read_json(files.models), proxies.objective)
    settings = params.search["per_round"], params.search["tolerance"], params.seed
    this = Round(int(snakemake.wildcards.round), *settings)
    proposal = this.propose(proxies, surfaces.searched.regression, space, [*map(read_json, files.rounds)])
    # a round that has too little to gain leaves tables without rows
    tables = [pl.read_parquet(paths[0]).clear() for paths in (files.compression, files.ledgers)]
    if proposal.mixtures:
        tables = trainer.train_batch(by_id(proposal.mixtures))
    write_table(tables[0], output.compression)
    write_table(tables[1], output.ledger)
    write_json(proposal.notes, output.notes)
