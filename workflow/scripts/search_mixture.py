"""Candidates of every strategy, and the baselines."""

from trex.files import read_json, write_json, write_table
from trex.objective.objective import Objective
from trex.proxies.trainers import load_trainer
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.search.searches import begin_study, front, read_finished, search, write_seconds
from trex.search.space import SearchSpace
from trex.surfaces.fitted import FittedSurfaces

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    objective = Objective.from_config(params.objective, params.corpora)
    proxies = read_training_set(files.compression, files.ledgers, objective)
    sampled = read_training_set(files.compression[:1], files.ledgers[:1], objective)
    surfaces = FittedSurfaces.from_json(read_json(files.models), sampled.objective)
    surfaces = surfaces.with_threads(snakemake.threads)
    trainer = load_trainer(files, params, params.sampling["bytes"], [params.vocab_size])
    space = SearchSpace.from_params(trainer, params, files.inference, files.limits)
    study = begin_study(space, sampled, surfaces, proxies, [*map(read_json, files.rounds)], params.seed)
    finished = read_finished(params.alone, files.alone, params.corpora)
    found = search(study, params.search, surfaces.used, finished, params.seed)
    write_seconds(found.seconds, params.benchmarks)
    write_table(found.candidates, output.candidates)
    write_table(front(study, params.search, params.seed), output.pareto)
    write_json(found.notes, output.notes)
    write_json(found.tables, output.tables)
