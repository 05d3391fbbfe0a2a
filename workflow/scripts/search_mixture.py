"""Candidates of every strategy, and the baselines."""

from pathlib import Path

from trex.counting.word_index import WordIndex
from trex.files import read_json, write_json, write_table, write_text
from trex.objective.objective import Objective
from trex.proxies.train import Trainer
from trex.proxies.training_set import read_training_set
from trex.run.job import job
from trex.search.run import begin_study, front, read_finished, search
from trex.search.space import SearchSpace
from trex.surfaces.compare import FittedSurfaces

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    objective = Objective.from_config(params.objective, params.corpora)
    sampled = [files.training_set], [files.ledger]
    training = read_training_set(*sampled, objective)
    proxies = read_training_set(
        sampled[0] + files.round_compression, sampled[1] + files.round_ledgers, objective
    )
    surfaces = FittedSurfaces.from_json(read_json(files.models), training.objective)
    surfaces = surfaces.with_threads(snakemake.threads)
    index = WordIndex.load(files.word_index, params.corpora)
    trainer = Trainer(index, params.tokenizer, params.sampling["bytes"], [params.vocab_size])
    space = SearchSpace.from_params(trainer, params, files.inference)
    study = begin_study(space, training, surfaces, proxies, [*map(read_json, files.rounds)], params.seed)
    finished = read_finished(params.alone, files.alone, params.corpora)
    found = search(study, params.search, surfaces.used, finished, params.seed)
    for strategy, seconds in found.seconds.items():
        # beside Snakemake's measurements, as it is none of the results
        write_text(f"cpu_time\n{seconds:.2f}\n", Path(params.benchmarks) / f"{strategy}.tsv")
    write_table(found.candidates, output.candidates)
    write_table(front(study, params.search, params.seed), output.pareto)
    write_json(found.notes, output.notes)
    write_json(found.tables, output.tables)
