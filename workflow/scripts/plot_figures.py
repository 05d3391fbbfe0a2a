"""Draw the figures of the report."""

from trex.job import job
from trex.report import figures, figures_validation
from trex.report.results import Results

with job(snakemake):
    config, output = snakemake.params.config, snakemake.output
    results = Results.load(config["results"], config)
    chosen, corpora = results.choice["chosen"], results.corpora
    vocab_size = config["proxies"]["vocab_size"]
    figures.save(figures.mixture_bars(results.candidates, chosen, corpora), output.mixture_bars)
    figures.save(
        figures.sampled_support(results.proxy_shares, corpora, results.chosen_shares), output.sampled_support
    )
    figures.save(figures.predicted_measured(results.predictions, results.metrics), output.predicted_measured)
    figures.save(figures.pareto_front(results.pareto, results.measured_front, chosen), output.pareto_front)
    figures.save(figures.learning_curve(results.learning_curve), output.learning_curve)
    figures.save(
        figures.nsl_by_corpus(results.compression, chosen, vocab_size, corpora), output.nsl_by_corpus
    )
    figures.save(figures.nsl_by_vocabulary(results.compression, chosen), output.nsl_by_vocabulary)
    table = results.validation
    figures.save(figures_validation.full_scale_gains(table, results.trained), output.full_scale_gains)
    scale = config["training"]["vocab_size"]
    figures.save(figures_validation.full_scale_nsl(table, scale, corpora), output.full_scale_nsl)
    if results.ranks is not None:
        figures.save(figures_validation.rank_invariance(results.ranks), output.rank_invariance)
