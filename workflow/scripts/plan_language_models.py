"""Find the compute that every language model can spend without reading its text twice, and rows that are one."""

from trex.files import read_json, write_json
from trex.language_model.jobs import equal_flops
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    views = dict(zip(params.views, map(read_json, snakemake.input.views), strict=True))
    budget = equal_flops(params.rows, views, params.check)
    write_json(budget, snakemake.output.budget)
    for row, path in zip(params.rows, snakemake.output.plans, strict=True):
        write_json({"flops": budget["flops"], "same_as": budget["same"].get(row)}, path)
