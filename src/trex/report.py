"""The page that a person reads first: which mixture to use, what it gains, and how sure that is."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from trex import markdown, report_search, report_validation
from trex.mixtures.baselines import natural, uniform
from trex.mixtures.bounds import inside
from trex.mixtures.sampling import support
from trex.results import Results
from trex.search.choose import SLACK

# A share that was given is worth a note if it is off by more than one of these.
SHARE_TOLERANCE = 0.01  # percentage point: what shards of 1 % of a corpus can miss
RELATIVE_TOLERANCE = 0.1

FILES = {
    "tokenizers/chosen/tokenizer.json": "the full-scale tokenizer of the recommended mixture",
    "tokenizers/{name}/": "the same of every baseline; all with `compression.parquet` and `ledger.parquet`",
    "validation.md": "the full-scale tokenizers and existing ones, by every metric, set and corpus",
    "costs.md": "CPU time of every search strategy",
    "validation/validation.parquet": "the same as a tidy table",
    "search/candidates.parquet": "shares of every candidate and baseline",
    "choice/choice.json": "ranking, choice and gains",
    "choice/compression.parquet": "what the candidates and baselines measured on proxies",
    "regression/": "models, their scores and out-of-fold predictions",
    "training_set.parquet": "compression of every sampled proxy",
    "training_ledger.parquet": "the bytes each of them was given",
    "mixtures.parquet": "the mixtures asked for",
    "counts/{corpus}/ledger.parquet": "documents and bytes of the corpora",
    "figures/": "the figures",
}

# Percent by which two trainings at full scale differ at least for one to be called better: there is one of each, and
# the standard errors of proxies over draws of training text are a few hundredths.
TIE = 0.03


def write_summary(results: Results) -> str:
    """The summary of a run, in Markdown."""
    sections = (
        _headline,
        _mixture,
        _gains,
        report_validation.compression,
        report_validation.language_model,
        report_validation.rank_invariance,
        report_search.predictions,
        report_search.pareto,
        report_search.surfaces,
        report_search.vocabulary,
        report_search.k_curve,
        _support,
        _bytes_given,
        _limits,
        _files,
    )
    return "\n\n".join(filter(None, (section(results) for section in sections))) + "\n"


# --- Sections -----------------------------------------------------------------------------------------------


def _headline(results: Results) -> str:
    choice, config, ranking = results.choice, results.config, results.choice["ranking"]
    name, best = choice["chosen"], ranking[0]
    objective, replicates = choice["objective"], len(best["values"])
    candidate = next((row for row in ranking if row["role"] == "candidate"), None)

    if choice["role"] == "baseline":
        first = f"**Recommended: the baseline `{name}`. No searched candidate beat it.**"
        if candidate and (candidate["violation"] or 0) > SLACK:
            first += f" The best of them, `{candidate['name']}`, exceeds the limits of the objective by "
            first += f"{report_search.over(candidate)}."
        elif candidate:
            behind = choice["gains"][candidate["name"]]
            first += f" The best of them, `{candidate['name']}`, is {markdown.gain(behind)} behind: "
            first += markdown.verdict(behind)
    else:
        first = f"**Recommended: the searched mixture `{name}`** (strategy {choice['strategy']})."
        if baseline := choice["best_baseline"]:
            gain = choice["gains"][baseline]
            first += (
                f" On proxies its objective is {markdown.gain(gain)} smaller than that of the best baseline, "
            )
            first += f"`{baseline}`: {markdown.verdict(gain)}"

    text = results.compression.filter(name=name, vocab_size=objective["vocab_size"]).unique(
        ["evaluation_set", "corpus"]
    )
    sets = ", ".join(
        f"`{evaluation_set}` ({markdown.size(rows['bytes'].sum())} in {rows.height} corpora)"
        for evaluation_set in objective["evaluation_sets"]
        for rows in [text.filter(evaluation_set=evaluation_set)]
    )
    measured = (
        f"Measured: the {objective['aggregate']} NSL on {sets}, with {len(ranking)} mixtures and "
        f"{replicates} trainings each, on different draws of their text (proxies of "
        f"{markdown.size(config['proxies']['bytes'])}, vocabulary {objective['vocab_size']:,}). "
        f"`{name}` has {markdown.nsl(best['measured'])}{markdown.plus_minus(best['standard_error'])}."
    )
    terms = (
        "*Terms.* A mixture is shares of training bytes. NSL: tokens / tokens of the reference tokenizer "
        f"({markdown.reference(config['reference'])}) on the same text; smaller is better. Macro: mean NSL of "
        "the corpora; pooled: all tokens / all reference tokens; worst: largest NSL of a corpus. A gain of 1 % is an "
        "objective "
        "1 % smaller. ± is one standard error over the replicates. MB and GB are powers of 1000."
    )
    return "\n\n".join(
        ["# The recommended training mixture", first, _full_scale_verdict(results), measured, terms]
    )


def _full_scale_verdict(results: Results) -> str:
    """Whether full-scale training confirms the choice, in a sentence or two."""
    config, values = results.config, results.full_scale_values
    n_bytes = results.full_scale_ledger.filter(name="chosen")["given_bytes"].sum()
    scale = f"At full scale ({markdown.size(n_bytes)}, vocabulary {config['training']['vocab_size']:,})"
    others = [name for name in values if name not in ("chosen", results.choice["chosen"])]
    if not others:
        return (
            f"{scale} it has {markdown.nsl(values['chosen'])}; no other mixture was trained to compare with."
        )
    other = others[0]
    gain = results.validation.filter(metric="gain_objective", against=other).row(0, named=True)
    interval = f"95 % interval over evaluation documents {markdown.show_interval(gain['low'], gain['high'])}"
    if abs(gain["value"]) < TIE or gain["low"] <= 0 <= gain["high"]:
        return (
            f"{scale} it has {markdown.nsl(values['chosen'])}, `{other}` {markdown.nsl(values[other])}: a tie "
            f"({interval})."
        )
    if gain["value"] < 0:
        return (
            f"**{scale} the baseline `{other}` is better**: {markdown.nsl(values[other])} against "
            f"{markdown.nsl(values['chosen'])}, {-gain['value']:.2f} % ({interval})."
        )
    return (
        f"{scale} it has {markdown.nsl(values['chosen'])}, {gain['value']:.2f} % less than the best other mixture, "
        f"`{other}` ({markdown.nsl(values[other])}; {interval})."
    )


def _mixture(results: Results) -> str:
    corpora, available = results.corpora, results.available_bytes
    low, high = results.sampled_range
    columns = (
        corpora,
        results.chosen_shares,
        uniform(len(corpora)),
        natural(available),
        low,
        high,
        available,
    )
    rows = [
        (f"`{corpus}`", *(markdown.percent(share) for share in shares), markdown.size(n_bytes))
        for corpus, *shares, n_bytes in zip(*columns, strict=True)
    ]
    header = (
        "corpus",
        "recommended",
        "uniform",
        "natural",
        "lowest sampled",
        "highest sampled",
        "training text",
    )
    table = markdown.table(header, rows)
    return f"## The mixture\n\nShares of training bytes, and the training text there is.\n\n{table}"


def _gains(results: Results) -> str:
    choice, roles = results.choice, {row["name"]: row["role"] for row in results.choice["ranking"]}
    if not choice["gains"]:
        return "## Gains\n\nThere is no other mixture to compare with."
    full_scale = {
        row["against"]: row
        for row in results.validation.filter(metric="gain_objective").iter_rows(named=True)
    }
    rows = []
    for name, gain in choice["gains"].items():
        at_full_scale = full_scale.get(name)
        rows.append(
            (
                f"`{name}`",
                roles[name],
                f"{gain['percent']:+.2f} %",
                markdown.show_interval(gain["low"], gain["high"]),
                f"{at_full_scale['value']:+.2f} %" if at_full_scale else "–",
                markdown.show_interval(at_full_scale["low"], at_full_scale["high"]) if at_full_scale else "–",
            )
        )
    header = ("gain over", "role", "on proxies", "95 % interval", "at full scale", "95 % interval")
    return (
        f"## Gains of `{choice['chosen']}`\n\nPositive: the recommended mixture has the smaller objective. Intervals "
        f"on proxies are over draws of training text, {len(choice['ranking'][0]['values'])} in pairs, and resampled "
        "evaluation documents; at full scale, where each is trained once, over documents alone.\n\n"
        f"{markdown.table(header, rows, left=2)}"
    )


def _support(results: Results) -> str:
    shares = results.proxy_shares
    table = support(shares.select(results.corpora).to_numpy(), results.corpora)
    width = 100 * (table["p95"] - table["p05"]).median()
    low, high = results.sampled_range
    within = inside(results.chosen_shares, low, high)
    outside = [
        f"`{corpus}`"
        for corpus, share_within in zip(results.corpora, within, strict=True)
        if not share_within
    ]
    text = (
        f"## Sampled support\n\nThe regression learned from {shares.height:,} proxies. The middle 90 % of them span "
        f"{width:.1f} percentage points of a corpus's share (median over the corpora). "
    )
    if not outside:
        return (
            text
            + "Each share of the recommended mixture lies between the lowest and the highest sampled one."
        )
    return text + (
        "**The recommended mixture lies outside of what was sampled, and its prediction is an extrapolation** (its "
        f"measurement is not), in {len(outside)} of {len(within)} corpora: {', '.join(outside)}."
    )


def _bytes_given(results: Results) -> str:
    available = pl.DataFrame({"corpus": results.corpora, "available": results.available_bytes})
    ledgers = (
        ("Sampled proxies", results.training_ledger, ["mixture_id"]),
        ("Proxies of candidates and baselines", results.ledger, ["name", "replicate"]),
        ("Full-scale tokenizers", results.full_scale_ledger, ["name"]),
    )
    notes = [_ledger_note(what, ledger.join(available, on="corpus"), keys) for what, ledger, keys in ledgers]
    return "\n".join(["## Bytes given\n", *notes])


def _ledger_note(what: str, ledger: pl.DataFrame, keys: list[str]) -> str:
    """One item of a list: how often text was repeated, and where the shares given are not those asked for.

    `ledger` has the column `available` beside its own: bytes of training text of the corpus.
    """
    ledger = ledger.with_columns(
        times=pl.col("given_bytes") / pl.col("available"),
        off=(pl.col("share") - pl.col("asked_share")).abs(),
    )
    repeated = ledger.filter(pl.col("times") > 1).sort("times", descending=True)
    is_off = (pl.col("off") > SHARE_TOLERANCE) | (pl.col("off") > RELATIVE_TOLERANCE * pl.col("asked_share"))
    missed = ledger.filter(is_off).sort("off", descending=True)

    def of(row: Mapping[str, Any]) -> str:
        return f"`{row['corpus']}` of `{' '.join(str(row[key]) for key in keys)}`"

    note = f"- {what} ({ledger.select(keys).n_unique()}): "
    if repeated.height:
        most = repeated.row(0, named=True)
        note += f"text was repeated for {repeated.height:,} of {ledger.height:,} shares, most {of(most)} "
        note += f"(read {most['times']:.2f} times); "
    else:
        note += "no text was repeated; "
    if missed.height:
        most = missed.row(0, named=True)
        note += f"{missed.height:,} of {ledger.height:,} shares are more than 1 percentage point or 10 % off "
        note += f"what was asked for, most {of(most)} (asked {markdown.percent(most['asked_share'])}, given "
        note += f"{markdown.percent(most['share'])})."
    else:
        note += "every share is within 1 percentage point and 10 % of what was asked for."
    return note


def _limits(results: Results) -> str:
    sets = results.choice["objective"]["evaluation_sets"]
    limits = [
        "Standard errors are those of drawing training text from these corpora, and too small where a mixture "
        "uses all the text of a corpus, which replicates then share. Evaluation text of another kind can say something "
        "else altogether. A gain whose interval holds 0, often one of 0.1 %, is noise.",
        f"The recommended mixture has the smallest of {len(results.choice['ranking'])} measured numbers, so that its "
        "gain on proxies is a little too good; the full-scale numbers had no part in the choice.",
        "Fewer tokens are cheaper text, not by themselves a better language model.",
    ]
    if "held_out" in sets:
        limits.insert(
            0,
            "`held_out` is text of the same corpora that was kept from training; text of other kinds may compress "
            "otherwise.",
        )
    if any("demo" in corpus["source"] for corpus in results.config["corpora"].values()):
        limits.insert(
            0, "Corpora of the embedded demo show how everything works and say nothing about real text."
        )
    limits += [
        f"`{name}` is the mixture of these corpora that best explains the first {row['merges']:,} merges of "
        f"{row['tokenizer']}; {markdown.percent(row['unseen'] / row['merges'])} of them never occur here, and the "
        f"others fall short of what training would have preferred by {markdown.percent(row['residual'])} of their "
        "weight. What else the tokenizer was trained on, such as code or other languages, is left out of the shares."
        for name, row in results.inferred.items()
    ]
    return "\n".join(["## What these numbers are not\n", *(f"- {limit}" for limit in limits)])


def _files(results: Results) -> str:
    return "\n".join(["## Files\n", *(f"- `{path}`: {what}" for path, what in FILES.items())])
