"""Run one search strategy that needs no surface."""

from trex.files import write_json
from trex.proxies.trainers import load_trainer
from trex.run.job import job
from trex.search.space import SearchSpace
from trex.search.strategy import Study, by_name

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    trainer = load_trainer(files, params, params.sampling["bytes"], [params.vocab_size])
    space = SearchSpace.from_params(trainer, params, files.inference, files.limits)
    strategy = by_name(snakemake.wildcards.strategy).from_config(params.search, params.seed)
    write_json(strategy.search(Study(space)).to_json(params.corpora), snakemake.output.found)
