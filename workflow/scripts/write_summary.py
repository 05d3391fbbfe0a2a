"""Write the page that a person reads first, that about the tokenizers, and the candidates as a table to look at."""

import logging

from trex.files import whole, write_text
from trex.job import job
from trex.report.details import costs
from trex.report.results import Results
from trex.report.summary import write_summary
from trex.report.validation_page import write_validation

with job(snakemake):
    config = snakemake.params.config
    results = Results.load(config["results"], config)
    with whole(snakemake.output.candidates) as part:
        results.candidates.write_csv(part, float_precision=6)
    write_text(costs(results), snakemake.output.costs)
    write_text(write_validation(results), snakemake.output.validation)
    write_text(write_summary(results), snakemake.output.summary)
    logging.info("recommended: %s; read %s", results.choice["chosen"], snakemake.output.summary)
