"""Candidates of every strategy beside the baselines, and the front."""

from trex.files import read_json, write_json, write_table
from trex.objective.objective import Objective
from trex.proxies.trainers import load_trainer
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.search.searches import begin_study, candidates_table, front, read_results
from trex.search.space import SearchSpace
from trex.surfaces.fitted import FittedSurfaces

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    objective = Objective.from_config(params.objective, params.corpora)
    proxies = read_training_set([files.training_set], [files.ledger], objective)
    surfaces = FittedSurfaces.from_json(read_json(files.models), proxies.objective)
    trainer = load_trainer(files, params, params.sampling["bytes"], [params.vocab_size])
    space = SearchSpace.from_params(trainer, params, files.inference, files.limits)
    results = read_results(params.strategies, files.found, params.corpora)
    write_table(candidates_table(results, space, surfaces.used), output.candidates)
    write_table(
        front(begin_study(space, proxies, surfaces, proxies), params.search, params.seed), output.pareto
    )
    write_json({strategy: dict(result.notes) for strategy, result in results.items()}, output.notes)
    write_json({strategy: list(result.table) for strategy, result in results.items()}, output.tables)
