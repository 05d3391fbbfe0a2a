"""Run one search strategy on the fitted surfaces."""

from trex.files import read_json, write_json
from trex.objective.objective import Objective
from trex.proxies.trainers import load_trainer
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.search.searches import begin_study
from trex.search.space import SearchSpace
from trex.search.strategy import by_name
from trex.surfaces.fitted import FittedSurfaces

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    objective = Objective.from_config(params.objective, params.corpora)
    proxies = read_training_set(files.compression, files.ledgers, objective)
    sampled = read_training_set(files.compression[:1], files.ledgers[:1], objective)
    surfaces = FittedSurfaces.from_json(read_json(files.models), sampled.objective)
    surfaces = surfaces.with_threads(snakemake.threads)
    trainer = load_trainer(files, params, params.sampling["bytes"], [params.vocab_size])
    space = SearchSpace.from_params(trainer, params, files.inference, files.limits)
    study = begin_study(space, sampled, surfaces, proxies, [*map(read_json, files.rounds)], params.seed)
    strategy = by_name(snakemake.wildcards.strategy).from_config(params.search, params.seed)
    write_json(strategy.search(study).to_json(params.corpora), snakemake.output.found)
