"""What the pages say about the full-scale tokenizers: beside existing ones, by every metric, and what it means in GPU
hours."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from trex import language_model as lm
from trex.rank_invariance import scales, smallest_that_ranks
from trex.report import markdown
from trex.report.results import Results
from trex.validation import CHOSEN

# The paper's lowest Spearman correlation between scales.
RANKS = 0.97
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
        compression,
        _gains,
        _quality,
        _by_corpus,
        _premiums,
        _scripts,
        rank_invariance,
        language_model,
    )
    return "\n\n".join(filter(None, (section(results) for section in sections))) + "\n"


# --- Sections -----------------------------------------------------------------------------------------------


def compression(results: Results) -> str:
    table, names = results.validation, _tokenizers(results)
    objective = dict(table.filter(metric="objective").select("tokenizer", "value").iter_rows())
    rows = []
    for evaluation_set in _sets(results):
        of_set = table.filter(evaluation_set=evaluation_set)
        by_corpus = of_set.filter(metric="nsl")
        n_corpora = by_corpus["corpus"].n_unique()
        for name in sorted(names, key=lambda name: objective[name]):
            nsl = by_corpus.filter(tokenizer=name)
            cells = [_cell(of_set, name, metric) for metric in ("nsl_macro", "nsl_pooled", "nsl_worst")]
            worst = nsl["corpus"][int(nsl["value"].arg_max())]
            row = (f"`{evaluation_set}` ({n_corpora})", f"`{name}`", markdown.nsl(objective[name]))
            rows.append((*row, *cells[:2], f"{cells[2]} (`{worst}`)"))
    header = ("evaluation set (corpora)", "tokenizer", "objective", "macro", "pooled", "worst")
    vocab_size = results.config["training"]["vocab_size"]
    existing = [name for name in names if name not in results.trained]
    also = f" Existing tokenizers, with their own vocabularies: {_listed(existing)}." if existing else ""
    return (
        f"## Full scale\n\nNSL at a vocabulary of {vocab_size:,}; `chosen` is the recommended mixture "
        f"(`{results.choice['chosen']}`). The objective is over "
        f"{_listed(results.choice['objective']['evaluation_sets'])}.{also}\n\n{markdown.table(header, rows, left=2)}"
    )


def language_model(results: Results) -> str:
    settings = results.config["language_model"]
    run = lm.Run.from_config(settings, results.corpora)
    sizes = dict(results.scripts.group_by("tokenizer").agg(pl.col("entries").sum()).iter_rows())
    held_out = results.validation.filter(evaluation_set="held_out", metric="bytes_per_token").drop_nulls(
        "corpus"
    )
    costs = {}
    for name in _tokenizers(results):
        of = dict(held_out.filter(tokenizer=name).select("corpus", "value").iter_rows())
        costs[name] = lm.cost(run, np.array([of[corpus] for corpus in results.corpora]), sizes[name])
    chosen = costs[CHOSEN]
    rows = [
        (
            f"`{name}`",
            f"{cost.tokens / 1e12:,.4g}",
            f"{100 * (1 - chosen.tokens / cost.tokens):+.2f} %" if name != CHOSEN else "",
            f"{cost.parameters / 1e9:,.3f}",
            f"{cost.flops:.3e}",
            f"{cost.gpu_hours:,.0f}",
            f"{cost.gpu_hours - chosen.gpu_hours:+,.0f}" if name != CHOSEN else "",
            markdown.size(cost.context_bytes),
            f"{100 * (chosen.context_bytes / cost.context_bytes - 1):+.2f} %" if name != CHOSEN else "",
        )
        for name, cost in costs.items()
    ]
    header = (
        "tokenizer", "tokens (10¹²)", "saved by `chosen`", "parameters (10⁹)", "operations", "GPU hours",
        "more than `chosen`", "text in a context", "gained by `chosen`",
    )  # fmt: skip
    return (
        "## What it means for a language model\n\n"
        f"A run on {markdown.size(run.training_bytes.sum())} of text "
        f"{'as given' if isinstance(settings['training_bytes'], dict) else 'dealt evenly to the corpora'} "
        f"(`language_model` in the config), of {settings['parameters'] / 1e9:g} billion parameters and embeddings of "
        f"width {settings['width']:,}, {'tied' if settings['tied_embeddings'] else 'not tied'}. Tokens: bytes of each "
        "corpus / bytes per token on `held_out`; operations: 6 × parameters with embeddings × tokens; GPU hours at "
        f"{settings['utilisation']:.0%} of {settings['peak_flops'] / 1e12:,.0f} TFLOP/s; a context of "
        f"{settings['context']:,} tokens. Serving is paid by the token, so that tokens saved are saved there again.\n\n"
        + markdown.table(header, rows)
    )


def rank_invariance(results: Results) -> str:
    if results.ranks is None:
        return ""
    table, of = results.ranks, scales(results.config)
    names = [scale.name for scale in of]
    labels = [_scale_label(scale) for scale in of]
    rows = []
    for name, label in zip(names, labels, strict=True):
        others = [table.filter(scale=name, other=other).row(0, named=True) for other in names]
        full = others[-1]
        rows.append(
            (
                label,
                *(f"{other['spearman']:.3f}" for other in others),
                f"{full['median']:.3f}, {full['lowest']:.3f} (`{full['lowest_corpus']}`)",
                f"{full['regret']:.2f} %",
            )
        )
    smallest = smallest_that_ranks(table, names, RANKS)
    proxies = (results.config["proxies"]["bytes"], results.config["proxies"]["vocab_size"])
    if smallest is None:
        verdict = (
            f"**No smaller scale has a Spearman correlation of {RANKS} or more with the full scale**: what proxies "
            "rank first need not be first there. Take larger proxies."
        )
    else:
        label = labels[names.index(smallest)]
        verdict = (
            f"The smallest proxies that still rank like the full scale (Spearman of {RANKS} or more, as do all larger "
            f"ones) have {label}; this run's have {markdown.size(proxies[0])}, {proxies[1]:,}."
        )
    header = ("scale (S, V)", *labels, "by corpus with the last: median, lowest", "regret")
    n = results.config["validation"]["mixtures"]
    return (
        f"## Do proxies rank like the full scale?\n\nSpearman correlations of the objective of {n} sampled mixtures "
        "between scales. Regret: by how much the mixture that is best at a scale is above the best one at the last "
        f"scale. {verdict}\n\n{markdown.table(header, rows)}"
    )


def _title(results: Results) -> str:
    return (
        "# The full-scale tokenizers\n\nAll text is encoded by `tokenizers`, a document at a time. Intervals are 95 % "
        "over resampled evaluation documents. A *word* is a run of letters and marks; scripts without spaces between "
        "words have none. *Fertility*: tokens per word, or per character where words are not spaced; *continued "
        "words*: share of running words of two tokens or more; *STRR*: share of distinct words that are one token; "
        "*Rényi efficiency*: of order 2.5; *vocabulary use*: share of the vocabulary that occurs in a corpus's text; "
        "*Gini*: 0 where all corpora pay the same. Columns that are not by corpus are means over corpora, fertility "
        "over those with words."
    )


def _gains(results: Results) -> str:
    table = results.validation.filter(pl.col("metric").is_in(["gain_macro", "gain_pooled", "gain_worst"]))
    rows = [
        (
            f"`{evaluation_set}`",
            f"`{name}`",
            *(
                f"{row['value']:+.2f} % ({markdown.show_interval(row['low'], row['high'])})"
                for metric in ("gain_macro", "gain_pooled", "gain_worst")
                for row in table.filter(evaluation_set=evaluation_set, against=name, metric=metric).iter_rows(
                    named=True
                )
            ),
        )
        for evaluation_set in _sets(results)
        for name in _tokenizers(results)
        if name != CHOSEN
    ]
    if not rows:
        return ""
    header = ("evaluation set", "gain of `chosen` over", "macro", "pooled", "worst")
    return f"## Gains\n\n{markdown.table(header, rows, left=2)}"


def _quality(results: Results) -> str:
    table = results.validation.filter(pl.col("corpus").is_null())
    rows = [
        (f"`{evaluation_set}`", f"`{name}`", *(_cell(of_set, name, metric) for metric in METRICS))
        for evaluation_set in _sets(results)
        for of_set in [table.filter(evaluation_set=evaluation_set)]
        for name in _tokenizers(results)
    ]
    header = ("evaluation set", "tokenizer", *METRICS.values())
    return f"## Quality\n\n{markdown.table(header, rows, left=2)}"


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
        f"## Token premiums\n\nTokens for the parallel text `{text}` / tokens of its `{pivot}`.\n\n"
        + _corpus_table(results, rows)
    )


def _scripts(results: Results) -> str:
    names = _tokenizers(results)
    order = results.scripts.group_by("script").agg(pl.col("entries").sum()).sort("entries", descending=True)
    rows = []
    for script in order["script"]:
        of = {row["tokenizer"]: row for row in results.scripts.filter(script=script).iter_rows(named=True)}
        cells = [f"{of[name]['entries']:,} ({of[name]['used']:.0%})" if name in of else "0" for name in names]
        rows.append((script, *cells))
    return (
        "## The vocabulary by script\n\nEntries by the script of their first letter, and the share of them that occurs "
        "in any evaluation text.\n\n" + markdown.table(("script", *(f"`{name}`" for name in names)), rows)
    )


# --- Cells --------------------------------------------------------------------------------------------------


def _corpus_table(results: Results, table: pl.DataFrame) -> str:
    names = _tokenizers(results)
    values = {
        (corpus, name): value
        for corpus, name, value in table.select("corpus", "tokenizer", "value").iter_rows()
    }
    rows = [
        (f"`{corpus}`", *(f"{values[corpus, name]:.4f}" for name in names))
        for corpus in results.corpora
        if (corpus, names[0]) in values
    ]
    return markdown.table(("corpus", *(f"`{name}`" for name in names)), rows)


def _cell(table: pl.DataFrame, name: str, metric: str) -> str:
    values = table.filter(pl.col("corpus").is_null(), tokenizer=name, metric=metric)["value"]
    if not len(values) or values[0] is None:
        return "–"
    return markdown.nsl(values[0]) if metric.startswith("nsl") else f"{values[0]:.3f}"


def _scale_label(scale) -> str:
    n_bytes = "all" if scale.n_bytes is None else markdown.size(scale.n_bytes)
    return f"{n_bytes}, {scale.vocab_size:,}"


def _tokenizers(results: Results) -> list[str]:
    return list(dict.fromkeys(results.validation["tokenizer"]))


def _sets(results: Results) -> list[str]:
    return list(dict.fromkeys(results.validation["evaluation_set"].drop_nulls()))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
