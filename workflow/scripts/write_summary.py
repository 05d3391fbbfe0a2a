"""Write the pages about a run, and the candidates and the corpora as tables to look at."""

import logging

from trex.files import whole, write_json, write_text
from trex.layout import Layout
from trex.report.by_corpus import corpora_table
from trex.report.costs import write_costs, write_costs_by_rule, write_speeds
from trex.report.details import write_details
from trex.report.doubts import better_at_full_scale, doubts_by_kind
from trex.report.results import Results, language_model_speeds
from trex.report.summary import write_summary
from trex.report.validation_page import write_validation
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    config = params.config
    results = Results.load(Layout.of(config), config)
    with whole(snakemake.output.candidates) as temporary:
        results.candidates.write_csv(temporary, float_precision=6)
    with whole(snakemake.output.corpora) as temporary:
        corpora_table(results).write_csv(temporary, float_precision=6)
    if results.is_searched:
        costs = write_costs(config, results.cpu_seconds, results.notes, params.strategies)
    else:
        costs = write_costs_by_rule(results.cpu_seconds)
    speeds = language_model_speeds(results.files.root)
    write_text(costs + write_speeds(speeds), snakemake.output.costs)
    write_text(write_validation(results), snakemake.output.validation)
    write_text(write_details(results, params.strategies), snakemake.output.details)
    better = better_at_full_scale(results)
    doubts = {"doubts": doubts_by_kind(results), "better": better and better["against"]}
    write_json(doubts, snakemake.output.doubts)
    write_text(write_summary(results), snakemake.output.summary)
    logging.info("recommended: %s; read %s", results.choice["chosen"], snakemake.output.summary)
