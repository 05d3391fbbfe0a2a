"""Draw the figures of the report."""

from trex import plots, plots_validation
from trex.results import Results
from trex.run.job import job

with job(snakemake):
    config, output = snakemake.params.config, snakemake.output
    results = Results.load(config["results"], config)
    chosen, corpora = results.choice["chosen"], results.corpora
    vocab_size = config["proxies"]["vocab_size"]
    plots.save(plots.mixture_bars(results.candidates, chosen, corpora), output.mixture_bars)
    plots.save(
        plots.sampled_support(results.proxy_shares, corpora, results.chosen_shares), output.sampled_support
    )
    plots.save(plots.predicted_measured(results.predictions, results.metrics), output.predicted_measured)
    plots.save(plots.pareto_front(results.pareto, results.measured_front, chosen), output.pareto_front)
    plots.save(plots.learning_curve(results.learning_curve), output.learning_curve)
    plots.save(plots.nsl_by_corpus(results.compression, chosen, vocab_size, corpora), output.nsl_by_corpus)
    plots.save(plots.nsl_by_vocabulary(results.compression, chosen), output.nsl_by_vocabulary)
    table = results.validation
    plots.save(plots_validation.full_scale_gains(table, results.trained), output.full_scale_gains)
    scale = config["training"]["vocab_size"]
    plots.save(plots_validation.full_scale_nsl(table, scale, corpora), output.full_scale_nsl)
    if results.ranks is not None:
        plots.save(plots_validation.rank_invariance(results.ranks), output.rank_invariance)
