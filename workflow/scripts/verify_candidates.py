"""Choose the mixture with the best measured objective, baselines included."""

import polars as pl

from trex import constraints
from trex.files import write_json, write_table
from trex.metrics import Objective
from trex.proxies import nsl_array
from trex.resampling import resample
from trex.run.job import job
from trex.search.limits import share_excess
from trex.targets import Targets, evaluation_sets
from trex.validation import objective_values
from trex.verification import choose

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    candidates = pl.read_parquet(files.candidates)
    compression = pl.concat([pl.read_parquet(path) for path in files.compression])
    objective = Objective.from_config(params.objective, params.corpora)
    sets, vocab_size = evaluation_sets(params.objective), params.objective["vocab_size"]
    keys, nsl, reference = nsl_array(compression, ["name", "replicate"], sets, params.corpora, vocab_size)
    targets = Targets(objective, reference, len(params.objective["evaluation_sets"]))
    values = keys.with_columns(value=pl.Series(targets.value(targets.flat(nsl)))).sort("name", "replicate")
    measured = {name: values.filter(name=name)["value"].to_list() for name in candidates["name"]}

    # limits hold against the baselines as they were measured on the same draws of text
    rows = keys.with_row_index("row").sort("name", "replicate")
    at = {name: rows.filter(name=name)["row"].to_list() for name in candidates["name"]}
    baselines = candidates.filter(role="baseline")["name"]
    violations = dict.fromkeys(at, 0.0)
    limited = False
    for replicate in range(len(next(iter(at.values())))):
        known = {name: nsl[at[name][replicate]] for name in baselines}
        found = constraints.from_config(params.objective, params.corpora, sets, known)
        limited = limited or bool(found)
        for name, row in at.items():
            violation = constraints.violation(found, nsl[row[replicate]], reference)
            violations[name] += float(violation) / len(row)

    # a baseline is as the config says it, whatever the shares that candidates are held to
    shares = candidates.select(params.corpora).to_numpy()
    outside = share_excess(shares, params.corpora, params.floors, params.ceilings)
    limited = limited or bool(params.floors or params.ceilings)
    for name, excess in zip(candidates["name"], outside, strict=True):
        violations[name] += float(excess)

    documents = dict(zip(params.mixtures, map(pl.read_parquet, files.documents), strict=True))
    drawn = resample(documents, sets, params.corpora, params.seed)
    values = objective_values(drawn, sets, params.corpora, params.objective)
    resampled = {name: values[1:, number] for number, name in enumerate(documents)}

    def column(name):
        return dict(zip(candidates["name"], candidates[name], strict=True))

    roles, strategies, predicted = map(column, ("role", "strategy", "predicted"))
    choice = choose(measured, roles, strategies, predicted, violations if limited else None, resampled)
    write_table(compression, output.compression)
    write_table(pl.concat([pl.read_parquet(path) for path in files.ledgers]), output.ledger)
    write_json({**choice, "objective": params.objective}, output.choice)
