"""Write the pages about a run, and the candidates as a table to look at."""

import logging

from trex.files import whole, write_text
from trex.report.costs import write_costs
from trex.report.details import write_details
from trex.report.results import Results
from trex.report.summary import write_summary
from trex.report.validation_page import write_validation
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    config = params.config
    results = Results.load(config["results"], config)
    with whole(snakemake.output.candidates) as temporary:
        results.candidates.write_csv(temporary, float_precision=6)
    costs = write_costs(config, results.cpu_seconds, results.notes, params.strategies)
    write_text(costs, snakemake.output.costs)
    write_text(write_validation(results), snakemake.output.validation)
    write_text(write_details(results, params.strategies), snakemake.output.details)
    write_text(write_summary(results), snakemake.output.summary)
    logging.info("recommended: %s; read %s", results.choice["chosen"], snakemake.output.summary)
