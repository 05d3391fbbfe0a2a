"""One round of the adaptive search: fit the surface to all proxies so far, propose mixtures, train their proxies."""

import polars as pl

from trex.counting.word_index import WordIndex
from trex.files import read_json, write_json, write_table
from trex.objective.objective import Objective
from trex.proxies.train import Trainer, by_id
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.search.rounds import Round
from trex.search.space import SearchSpace

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    compression = [files.training_set, *files.round_compression]
    ledgers = [files.training_ledger, *files.round_ledgers]
    objective = Objective.from_config(params.objective, params.corpora)
    training = read_training_set(compression, ledgers, objective)
    index = WordIndex.load(files.word_index, params.corpora)
    trainer = Trainer(index, params.tokenizer, params.sampling["bytes"], params.vocab_grid)
    space = SearchSpace.from_params(trainer, params, files.inference)
    models = read_json(files.models)
    kind = models["surfaces"][models["searched"]]["kind"]
    settings = params.search["per_round"], params.search["tolerance"], params.seed
    this = Round(int(snakemake.wildcards.round), *settings)
    proposal = this.propose(training, kind, space, [read_json(path) for path in files.rounds])
    # a round that has too little to gain leaves tables without rows
    tables = [pl.read_parquet(paths[0]).clear() for paths in (compression, ledgers)]
    if proposal.mixtures:
        tables = trainer.train_batch(by_id(proposal.mixtures))
    write_table(tables[0], output.compression)
    write_table(tables[1], output.ledger)
    write_json(proposal.notes, output.notes)
