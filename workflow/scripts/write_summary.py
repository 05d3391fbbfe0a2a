"""Write the page that a person reads first, that about the tokenizers, and the candidates as a table to look at."""

import logging

from trex.files import whole, write_text
from trex.report import write_summary
from trex.report_search import costs
from trex.report_validation import write_validation
from trex.results import Results
from trex.run.job import job

with job(snakemake):
    config = snakemake.params.config
    results = Results.load(config["results"], config)
    with whole(snakemake.output.candidates) as part:
        results.candidates.write_csv(part, float_precision=6)
    write_text(costs(results), snakemake.output.costs)
    write_text(write_validation(results), snakemake.output.validation)
    write_text(write_summary(results), snakemake.output.summary)
    logging.info("recommended: %s; read %s", results.choice["chosen"], snakemake.output.summary)
