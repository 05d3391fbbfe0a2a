"""Draw the figures of the report."""

from trex.layout import Layout
from trex.report import figures, figures_validation
from trex.report.results import Results
from trex.run.job import job

with job(snakemake):
    config, output = snakemake.params.config, snakemake.output
    results = Results.load(Layout.of(config), config)
    drawn = figures.search_figures(results) | figures_validation.full_scale_figures(results)
    for name, path in output.items():
        figures.save(drawn[name], path)
