"""The page about the full-scale tokenizers: beside existing ones, by every metric, and in GPU hours."""

import numpy as np
import polars as pl

from trex.language_model import cost as lm
from trex.layout import CHOSEN
from trex.report import by_corpus, markdown
from trex.report.choice import claim
from trex.report.results import Results
from trex.validation.scales import RANKS_WELL, Scale

SAME = 1e-9  # NSL of two corpora that differ by less are equal: those of the reference itself
METRICS = {
    "bytes_per_token": "bytes per token",
    "fertility": "fertility",
    "continued_word_rate": "continued words",
    "strr": "STRR",
    "renyi_efficiency": "Rényi efficiency",
    "vocabulary_use": "vocabulary use",
    "gini": "Gini of NSL",
    "gini_tokens": "Gini of tokens",
}


def write_validation(results: Results) -> str:
    """The page about the full-scale tokenizers, in Markdown."""
    sections = (
        _title,
        _objective,
        _compression,
        _gains,
        _language_model,
        _rank_invariance,
        _quality,
        _by_corpus,
        _premiums,
        _scripts,
    )
    return "\n\n".join(filter(None, (section(results) for section in sections))) + "\n"


# --- Sections -----------------------------------------------------------------------------------------------


def _title(results: Results) -> str:
    existing = [name for name in tokenizers(results) if name not in results.trained]
    text = results.evaluation.filter(
        pl.col("evaluation_set").is_in(results.choice["objective"]["evaluation_sets"])
    )
    halves = (
        f"{text[f'{half}documents'].sum():,} documents, {markdown.size(text[f'{half}bytes'].sum())}"
        for half in ("test_", "")
    )
    of_test, of_selection = halves
    role = "recommended " if len(results.compared) > 1 else ""
    others = "It and those of the baselines have" if len(results.trained) > 1 else "It has"
    return "# The full-scale tokenizers\n\n" + markdown.paragraph(
        f"`chosen` is the tokenizer of the {role}mixture, `{results.choice['chosen']}`. {others} a vocabulary "
        f"of {results.vocab_size:,}.",
        f"Existing tokenizers keep their own vocabularies: {markdown.names(existing)}." if existing else "",
        "All numbers are of the test half of the evaluation text, which nothing was chosen on: of the objective's "
        f"sets, {of_test} (the selection half has {of_selection}). It is encoded by `tokenizers`, one document at a "
        "time. Intervals of gains are simultaneous: those over all tokenizers in a column hold the truth all together "
        "with a chance of 95 %, by resampled documents. summary.md explains NSL and gain.",
    )


def _objective(results: Results) -> str:
    table = results.validation
    gains = {row["against"]: row for row in table.filter(metric="gain_objective").iter_rows(named=True)}
    values = table.filter(metric="objective").sort("value", maintain_order=True)
    rows = []
    for name, value in values.select("tokenizer", "value").iter_rows():
        gain = gains.get(name)
        cells = (
            (markdown.gain(gain["value"]), markdown.interval(gain["low"], gain["high"])) if gain else ("", "")
        )
        rows.append((f"`{name}`", markdown.nsl(value), *cells))
    sets = markdown.names(results.choice["objective"]["evaluation_sets"])
    header = ("tokenizer", "objective", "gain of `chosen`", "95 % interval")
    role = "which the search minimised" if results.is_searched else "by which mixtures are compared"
    intro = markdown.paragraph(
        f"The {results.choice['objective']['aggregate']} NSL on {sets}, {role}; best first.",
        claim(results),
    )
    return f"## The objective\n\n{intro}\n\n{markdown.table(header, rows)}"


def _compression(results: Results) -> str:
    table = results.validation
    rows = []
    for evaluation_set in _sets(results):
        of_set = table.filter(evaluation_set=evaluation_set)
        by_corpus = of_set.filter(metric="nsl")
        n_corpora = by_corpus["corpus"].n_unique()
        macro = of_set.filter(metric="nsl_macro").sort("value", maintain_order=True)
        for name in macro["tokenizer"]:
            nsl = by_corpus.filter(tokenizer=name).sort("value", descending=True, maintain_order=True)
            cells = [_cell(of_set, name, metric) for metric in ("nsl_macro", "nsl_pooled", "nsl_worst")]
            rows.append((f"`{evaluation_set}` ({n_corpora})", f"`{name}`", *cells, _worst_corpus(nsl)))
    header = ("evaluation set (corpora)", "tokenizer", "macro", "pooled", "worst", "worst corpus")
    intro = markdown.paragraph(
        "NSL: *macro* is the mean of the corpora, *pooled* is all tokens / all reference tokens, *worst* is the "
        "largest of any corpus."
    )
    return f"## Compression\n\n{intro}\n\n{markdown.table(header, rows, left=2)}"


def _worst_corpus(nsl: pl.DataFrame) -> str:
    """Name of the first row, unless all corpora are equal, as they are for the reference itself."""
    if nsl.height > 1 and nsl["value"][0] - nsl["value"][-1] < SAME:
        return "all equal"
    return f"`{nsl['corpus'][0]}`"


def _gains(results: Results) -> str:
    table = results.validation.filter(pl.col("metric").is_in(["gain_macro", "gain_pooled", "gain_worst"]))
    rows = [
        (
            f"`{evaluation_set}`",
            f"`{name}`",
            *(
                f"{markdown.gain(row['value'])} ({markdown.interval(row['low'], row['high'])})"
                for metric in ("gain_macro", "gain_pooled", "gain_worst")
                for row in table.filter(evaluation_set=evaluation_set, against=name, metric=metric).iter_rows(
                    named=True
                )
            ),
        )
        for evaluation_set in _sets(results)
        for name in tokenizers(results)
        if name != CHOSEN
    ]
    if not rows:
        return ""
    header = ("evaluation set", "compared with", "macro", "pooled", "worst")
    intro = "Gains of `chosen` with simultaneous 95 % intervals; positive where it needs fewer tokens."
    return f"## Gains\n\n{intro}\n\n{markdown.table(header, rows, left=2)}"


def _language_model(results: Results) -> str:
    settings = results.config["language_model"]
    run = lm.Run.from_config(settings, results.corpora)
    sizes = dict(results.scripts.group_by("tokenizer").agg(pl.col("entries").sum()).iter_rows())
    held_out = results.validation.filter(evaluation_set="held_out", metric="bytes_per_token").drop_nulls(
        "corpus"
    )
    costs = {}
    for name in tokenizers(results):
        bytes_per_token = dict(held_out.filter(tokenizer=name).select("corpus", "value").iter_rows())
        costs[name] = lm.cost(
            run, np.array([bytes_per_token[corpus] for corpus in results.corpora]), sizes[name]
        )
    chosen = costs[CHOSEN]
    rows = [
        (
            f"`{name}`",
            f"{cost.tokens / 1e12:,.4g}",
            "" if name == CHOSEN else markdown.gain(100 * (1 - chosen.tokens / cost.tokens)),
            f"{cost.parameters / 1e9:,.3f}",
            f"{cost.gpu_hours:,.0f}",
            f"{cost.serving_gpu_hours:,.0f}",
            "" if name == CHOSEN else f"{cost.all_gpu_hours - chosen.all_gpu_hours:+,.0f}",
            markdown.size(cost.context_bytes),
        )
        for name, cost in costs.items()
    ]
    header = (
        "tokenizer",
        "tokens (10¹²)",
        "saved by `chosen`",
        "parameters (10⁹)",
        "GPU hours of training",
        "of serving",
        "both, compared with `chosen`",
        "text in a context",
    )
    amount = "as given" if isinstance(settings["training_bytes"], dict) else "the same amount of each corpus"
    intro = markdown.paragraph(
        f"Cost of training a model on {markdown.size(run.training_bytes.sum())} of text ({amount}) with "
        f"{settings['parameters'] / 1e9:g} billion parameters besides embeddings of width {settings['width']:,}, "
        f"{'tied' if settings['tied_embeddings'] else 'not tied'} (`language_model` in the config). Tokens are bytes "
        "/ bytes per token on `held_out`. Training takes 6 operations a token for each parameter that is multiplied: "
        "those besides embeddings and those of the output layer, as the input embedding is looked up. Serving takes 2 "
        f"operations; {settings['served_tokens']:g} times the tokens of training are served, and "
        f"{markdown.short_percent(settings['generated_share'])} of these need the output layer. GPU hours assume "
        f"{100 * settings['utilisation']:.0f} % of {settings['peak_flops'] / 1e12:,.0f} TFLOP/s. A context has "
        f"{settings['context']:,} tokens."
    )
    return f"## What it means for a language model\n\n{intro}\n\n{markdown.table(header, rows)}"


def _rank_invariance(results: Results) -> str:
    if results.ranks is None:
        return ""
    ranks = results.ranks
    names = ranks["scale"].unique(maintain_order=True).to_list()
    labels = [scale_label(name) for name in names]
    spearman = {(a, b): value for a, b, value in ranks.select("scale", "other", "spearman").iter_rows()}
    with_full = {row["scale"]: row for row in ranks.filter(other=names[-1]).iter_rows(named=True)}
    rows = [
        (
            label,
            *(markdown.score(spearman[name, other]) for other in names),
            f"{markdown.score(row['median'])}, {markdown.score(row['lowest'])} (`{row['lowest_corpus']}`)",
            f"{row['regret']:.2f} %",
        )
        for name, label in zip(names, labels, strict=True)
        for row in [with_full[name]]
    ]
    proxies = results.config["proxies"]
    own = scale_label(Scale(proxies["bytes"], proxies["vocab_size"]).name)
    smallest = smallest_that_ranks({name: with_full[name]["spearman"] for name in names[:-1]})
    if smallest is None:
        verdict = (
            f"**No smaller scale has a Spearman correlation of {RANKS_WELL} or more with the full scale**, so the "
            "mixture that proxies rank first need not be first there. Take larger proxies."
        )
    else:
        verdict = (
            f"The smallest scale that ranks like the full scale (Spearman of {RANKS_WELL} or more, as do all larger "
            f"ones) is {scale_label(smallest)}; the proxies of this run have {own}."
        )
    header = ("scale (text, vocabulary)", *labels, "by corpus: median, lowest", "regret")
    intro = markdown.paragraph(
        f"Spearman rank correlations of the objective of {results.config['validation']['mixtures']} sampled mixtures "
        "between scales. *By corpus*: the same for each corpus's NSL, with the full scale. *Regret*: how much worse, "
        "at full scale, the mixture is that is best at a scale than the one that is best there.",
        verdict,
    )
    return f"## Do proxies rank like the full scale?\n\n{intro}\n\n{markdown.table(header, rows)}"


def smallest_that_ranks(spearman: dict[str, float | None], least: float = RANKS_WELL) -> str | None:
    """The first scale from which on all have a correlation of at least `least` with the full scale.

    Args:
        spearman: correlation with the full scale of each smaller scale, smallest scale first; nan or None where it is
            not defined, which does not count as ranking.

    >>> smallest_that_ranks({"1": 0.99, "2": 0.9, "3": 0.98, "4": 1.0})
    '3'
    """
    found = None
    for name, value in reversed(spearman.items()):
        if value is None or not value >= least:
            break
        found = name
    return found


def _quality(results: Results) -> str:
    table = results.validation.filter(pl.col("corpus").is_null())
    rows = [
        (f"`{evaluation_set}`", f"`{name}`", *(_cell(of_set, name, metric) for metric in METRICS))
        for evaluation_set in _sets(results)
        for of_set in [table.filter(evaluation_set=evaluation_set)]
        for name in tokenizers(results)
    ]
    header = ("evaluation set", "tokenizer", *METRICS.values())
    intro = markdown.paragraph(
        "Means over corpora. A *word* is a run of letters and marks. *Fertility*: tokens per word, or per character "
        "in scripts without spaces (those corpora are left out of the mean). *Continued words*: share of running "
        "words that take two tokens or more. *STRR*: share of distinct words that are one token. *Rényi efficiency*: "
        "how evenly tokens are used (order 2.5). *Vocabulary use*: share of the vocabulary that occurs in a corpus's "
        "text. *Gini*: 0 where all corpora pay the same."
    )
    return f"## Other metrics\n\n{intro}\n\n{markdown.table(header, rows, left=2)}"


def _by_corpus(results: Results) -> str:
    return "\n\n".join(
        f"## NSL by corpus on `{evaluation_set}`\n\n"
        + _corpus_table(results, results.validation.filter(evaluation_set=evaluation_set, metric="nsl"))
        for evaluation_set in _sets(results)
    )


def _premiums(results: Results) -> str:
    rows = results.validation.filter(metric="premium")
    if not len(rows):
        return ""
    text, pivot = rows["evaluation_set"][0], rows["against"][0]
    return (
        f"## Token premiums\n\nTokens of the parallel text `{text}` in each language / those of its `{pivot}` "
        "version.\n\n" + _corpus_table(results, rows)
    )


def _scripts(results: Results) -> str:
    names = tokenizers(results)
    order = results.scripts.group_by("script").agg(pl.col("entries").sum()).sort("entries", descending=True)
    rows = []
    for script in order["script"]:
        by_name = {
            row["tokenizer"]: row for row in results.scripts.filter(script=script).iter_rows(named=True)
        }
        cells = [
            f"{by_name[name]['entries']:,} ({100 * by_name[name]['used']:.0f} %)" if name in by_name else "0"
            for name in names
        ]
        rows.append((script, *cells))
    intro = markdown.paragraph(
        "Vocabulary entries by the script of their first letter, and how many of them occur in any evaluation text."
    )
    table = markdown.table(("script", *(f"`{name}`" for name in names)), rows)
    return f"## The vocabulary by script\n\n{intro}\n\n{table}"


# --- Cells --------------------------------------------------------------------------------------------------


def tokenizers(results: Results) -> list[str]:
    """Names of all full-scale and existing tokenizers, chosen first."""
    return list(dict.fromkeys(results.validation["tokenizer"]))


def scale_label(scale: str) -> str:
    """A scale's name as people read it.

    >>> scale_label("10000000-8192")
    '10.0 MB, 8,192'
    """
    n_bytes, vocab_size = scale.rsplit("-", 1)
    return f"{n_bytes if n_bytes == 'all' else markdown.size(int(n_bytes))}, {int(vocab_size):,}"


def _corpus_table(results: Results, table: pl.DataFrame) -> str:
    names = tokenizers(results)
    values = {
        (corpus, name): value
        for corpus, name, value in table.select("corpus", "tokenizer", "value").iter_rows()
    }
    corpora = [corpus for corpus in results.corpora if (corpus, names[0]) in values]
    shown = by_corpus.shown(corpora, np.array([values[corpus, names[0]] for corpus in corpora]))
    rows = [(f"`{corpus}`", *(f"{values[corpus, name]:.4f}" for name in names)) for corpus in shown]
    others = [corpus for corpus in corpora if corpus not in set(shown)]
    if others:
        means = (f"{np.mean([values[corpus, name] for corpus in others]):.4f}" for name in names)
        rows.append((f"mean of {len(others)} others", *means))
    note = by_corpus.note(corpora, f"the largest values of `{names[0]}`")
    text = markdown.table(("corpus", *(f"`{name}`" for name in names)), rows)
    return f"{text}\n\n{markdown.paragraph(note)}" if note else text


def _cell(table: pl.DataFrame, name: str, metric: str) -> str:
    values = table.filter(pl.col("corpus").is_null(), tokenizer=name, metric=metric)["value"]
    if not len(values) or values[0] is None:
        return "–"
    return markdown.nsl(values[0]) if metric.startswith("nsl") else f"{values[0]:.3f}"


def _sets(results: Results) -> list[str]:
    return list(dict.fromkeys(results.validation["evaluation_set"].drop_nulls()))
