"""Find the compute that every language model can spend without reading its text twice."""

from trex.files import read_json, write_json
from trex.language_model.jobs import equal_flops
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    views = dict(zip(params.views, map(read_json, snakemake.input.views), strict=True))
    write_json(equal_flops(params.rows, views, params.check), snakemake.output.budget)
