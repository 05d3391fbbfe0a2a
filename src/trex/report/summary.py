"""The page that a person reads first: which mixture to use, what it gains, how sure that is, and what to do next."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from trex.layout import CHOSEN, Layout
from trex.mixtures.baselines import SEARCHED, natural, uniform
from trex.objective.comparisons import TIE
from trex.objective.constraints import SLACK
from trex.report import by_corpus, extension, markdown, vocab_size
from trex.report.choice import claim, draws, how_chosen, without_search
from trex.report.doubts import better_at_full_scale, doubts, gate_failures
from trex.report.language_model_sentence import sentence
from trex.report.results import Results
from trex.report.text_caveats import halves_caveats, looks_wrong, text_caveats
from trex.validation.scales import RANKS_WELL, Scale

SEARCHED_SHOWN = (
    3  # searched mixtures in the table of gains, besides the recommended one; the others are in details.md
)
# More proxies are advised if the last step of the learning curve still took this part of the error away.
STILL_LEARNING = 0.25
ONCE = 1.005  # times that a text is read before it counts as repeated

OBJECTIVES = {
    "macro": "the mean NSL of the corpora",
    "pooled": "the NSL of all text together",
    "worst": "the NSL of the corpus that compresses worst",
    "weighted": "the weighted mean NSL of the corpora",
    "soft_worst": "a smooth maximum of the corpora's NSL",
}


def write_summary(results: Results) -> str:
    """The summary of a run, in Markdown. It fits on two screens; everything else is in the other pages."""
    sections = (_verdict, _mixture, _gains, extension.section, _language_models, _caveats, _next_steps)
    return "\n\n".join(filter(None, (section(results) for section in sections))) + "\n"


# --- Verdict ------------------------------------------------------------------------------------------------


def _verdict(results: Results) -> str:
    name, found, better = results.choice["chosen"], doubts(results), better_at_full_scale(results)
    if found:
        title = "# Do not trust this result yet"
    elif better:
        title = f"# At full scale, `{better['against']}` is better than the recommended `{name}`"
    elif len(results.compared) == 1:
        title = f"# The mixture `{name}`"
    else:
        title = f"# Recommended mixture: `{name}`"
    paragraphs = [title, *([markdown.bullets(found)] if found else [])]
    recommended = _recommendation(results) if len(results.compared) > 1 else ""
    if found:
        recommended = recommended.replace("**Train", "Taken at face value, the numbers say: **train", 1)
    said = claim(results) if results.too_few_documents else f"**{claim(results)}**"
    alone = "" if results.is_searched else without_search(results)
    paragraphs.append(markdown.paragraph(recommended, alone, said, _full_scale(results)))
    if results.vocab_choice["asked"] is None:
        paragraphs.append(markdown.paragraph(vocab_size.sentence(results.vocab_choice)))
    of_proxies = _on_proxies(results) if results.is_searched else ""
    paragraphs.append(markdown.paragraph(_objective(results), of_proxies))
    return "\n\n".join(paragraphs)


def _recommendation(results: Results) -> str:
    choice = results.choice
    name = choice["chosen"]
    if better := better_at_full_scale(results):
        return (
            f"**Train on the baseline `{better['against']}`, not on `{name}`,** which was preferred on the selection "
            "half of the evaluation text; the test half says otherwise."
        )
    if choice["role"] != "baseline":
        return (
            f"**Train on `{name}`,** a mixture that the search strategy `{choice['strategy']}` found. "
            f"{how_chosen(results)}"
        )
    candidates = [row for row in results.finalists["ranking"] if row["role"] == "candidate"]
    over = [row for row in candidates if (row["violation"] or 0) > SLACK]
    if candidates and len(over) == len(candidates):
        return (
            f"**Train on the baseline `{name}`.** No searched mixture keeps the limits that the config sets; on "
            f"proxies, `{over[0]['name']}` exceeds them least, by {markdown.percent(over[0]['violation'])}."
        )
    return f"**Train on the baseline `{name}`.** {how_chosen(results)}"


def _full_scale(results: Results) -> str:
    """What was measured at full scale, and where."""
    ledger = results.full_scale_ledger.filter(name=results.choice["chosen"], draw=0)
    return (
        f"*Full scale* is {markdown.size(ledger['given_bytes'].sum())} of text and a vocabulary of "
        f"{results.vocab_size:,} tokens. The claim is about the *test half* of the evaluation text, which had no part "
        "in the choice."
    )


def _objective(results: Results) -> str:
    """The objective in words: where a reader meets NSL first."""
    objective = results.choice["objective"]
    texts = []
    for name in objective["evaluation_sets"]:
        rows = results.evaluation.filter(evaluation_set=name)
        sizes = (markdown.size(rows[column].sum()) for column in ("bytes", "test_bytes"))
        what = "documents kept from training" if name == "held_out" else "your evaluation set"
        texts.append(f"`{name}` ({what}: {' to choose on and '.join(sizes)} to test on)")
    return (
        f"The *objective* is {OBJECTIVES[objective['aggregate']]} on {' and '.join(texts)}. *NSL* is the number of "
        f"tokens divided by that of the reference tokenizer, {markdown.reference(results.config['reference'])}, on "
        "the same text: smaller is better. A *gain* of 1 %, or 1 % fewer tokens, is an objective that is 1 % smaller."
    )


def _on_proxies(results: Results) -> str:
    proxies, ranking = results.config["proxies"], results.finalists["ranking"]
    replicates, finalists = len(ranking[0]["values"]), results.finalists["finalists"]
    distinct = sum(row["same_as"] is None for row in ranking)
    return (
        f"*Proxies* are small tokenizers ({markdown.size(proxies['bytes'])} of text, a vocabulary of "
        f"{proxies['vocab_size']:,}); {distinct} mixtures, baselines included, were each trained "
        f"{f'{replicates} times, on different draws of text' if replicates > 1 else 'once'}. {len(finalists)} of them, "
        f"the baselines and what may be the best, were then trained at full scale, {draws(results)}."
    )


# --- Tables -------------------------------------------------------------------------------------------------


def _mixture(results: Results) -> str:
    corpora, available = results.corpora, results.available_bytes
    shares = results.chosen_shares, uniform(len(corpora)), natural(available)
    sampled = [[] for _ in corpora]
    if results.is_searched:
        sampled = [
            [f"{100 * low:.1f} to {100 * high:.1f} %"]
            for low, high in zip(*results.sampled_range, strict=True)
        ]
    rows = {
        corpus: (
            f"`{corpus}`",
            *(markdown.percent(share) for share in shares),
            *of_proxies,
            markdown.size(n_bytes),
            f"{times:.2f} times",
        )
        for corpus, *shares, of_proxies, n_bytes, times in zip(
            corpora, *shares, sampled, available, results.times_read, strict=True
        )
    }
    largest = by_corpus.shown(corpora, results.chosen_shares)
    table = [rows[corpus] for corpus in largest]
    if len(largest) < len(corpora):
        others = ~np.isin(corpora, largest)
        sums = (markdown.percent(share[others].sum()) for share in shares)
        unknown = [""] * results.is_searched
        table.append((f"{others.sum()} others", *sums, *unknown, markdown.size(available[others].sum()), ""))
    column = ["sampled"] if results.is_searched else []
    header = ("corpus", "recommended", "uniform", "natural", *column, "text", "read")
    note = markdown.paragraph(
        "Shares of training bytes. *Natural*: in proportion to the text available.",
        "*Sampled*: the smallest and the largest share that proxies were trained on."
        if results.is_searched
        else "",
        "*Text*: available for training; *read*: how often the full-scale training goes through it.",
        by_corpus.note(corpora, "the largest shares"),
    )
    return f"## The mixture\n\n{markdown.table(header, table)}\n\n{note}"


def _language_models(results: Results) -> str | None:
    if results.bits_per_byte is None:
        return None
    said = sentence(results.bits_per_byte) or "Only one row was trained, so nothing can be compared."
    more = "The budgets, every corpus and what this can and cannot say: [language_models.md](language_models.md)."
    return f"## Does it help a language model\n\n{markdown.paragraph(said, more)}"


def _gains(results: Results) -> str:
    choice = results.choice
    tested = {
        row["against"]: row
        for row in results.validation.filter(metric="gain_objective").iter_rows(named=True)
    }
    shown, left_out = [], 0
    searched = 0
    for row in choice["ranking"]:
        if row["name"] == choice["chosen"] or row["measured"] is None:
            continue
        searched += row["kind"] == SEARCHED
        if row["kind"] == SEARCHED and searched > SEARCHED_SHOWN:
            left_out += 1
            continue
        shown.append((row["name"], row["kind"], choice["gains"][row["name"]], tested.get(row["name"])))
    for name, row in tested.items():
        if name not in results.trained:
            shown.append((name, "existing", None, row))
    if not shown:
        return "## What it gains\n\nThere is no other mixture to compare with."
    rows = []
    for name, kind, chosen_on, test in shown:
        cells = [markdown.gain(chosen_on["percent"]), _interval(chosen_on)] if chosen_on else ["–", "–"]
        cells += [markdown.gain(test["value"]), _interval(test)] if test else ["–", "–"]
        rows.append((f"`{name}`", kind, *cells))
    header = ("against", "kind", "selection half", "95 % interval", "test half", "95 % interval")
    left_out += sum(row["measured"] is None for row in choice["ranking"])
    mixtures = "mixture is" if left_out == 1 else "mixtures are"
    note = markdown.paragraph(
        f"Gains of `{choice['chosen']}` at full scale: positive where it needs fewer tokens. The intervals of a column "
        "hold the truth all together with a chance of 95 %. Where one holds 0, no difference is claimed, nor one of "
        f"less than {TIE} %.",
        f"{left_out} more searched {mixtures} in details.md." if left_out else "",
    )
    return f"## What it gains\n\n{markdown.table(header, rows, left=2)}\n\n{note}"


def _interval(row: dict) -> str:
    return markdown.interval(row["low"], row["high"])


# --- Caveats and next steps ---------------------------------------------------------------------------------


def _caveats(results: Results) -> str:
    return f"## Caveats\n\n{markdown.bullets(_caveats_of(results))}"


def _caveats_of(results: Results) -> Iterator[str]:
    if _is_demo(results):
        yield "This is the embedded demo text. It shows how everything works and says nothing about real corpora."
    for failure in gate_failures(results, results.trained, waived=True):
        yield f"{failure}, which the config accepts (`validation.waived_gates`): vocabulary.md shows what was found."
    if (spearman := _rank_correlation(results)) is not None:
        n = results.config["validation"]["mixtures"]
        said = (
            f"{n} sampled mixtures rank on proxies as at full scale with a Spearman correlation of "
            f"{markdown.score(spearman)}"
        )
        if spearman >= RANKS_WELL:
            yield f"{said} (1 is the same order). That finds the right region; it does not separate close candidates."
        elif spearman < RANKS_WELL:
            yield (
                f"{said} (1 is the same order; the paper reports 0.974 or more). Proxies of this size can prefer the "
                "wrong mixture."
            )
        else:
            yield "Whether proxies rank mixtures as the full scale does could not be measured: they do not differ."
    if results.outside_support:
        yield (
            f"The recommended share of {markdown.names(results.outside_support)} lies outside of what proxies were "
            "trained on. Its prediction is an extrapolation; the measured numbers are not."
        )
    yield from looks_wrong(
        results.hygiene, results.config["tokenizer"]["pattern"], results.files.hygiene_link
    )
    yield from text_caveats(results.counts, results.evaluation, results.config["tokenizer"]["normalizer"])
    times = results.times_read
    if (repeated := int((times > ONCE).sum())) > 0:
        yield (
            f"At full scale the text of {repeated} of {len(times)} corpora is repeated to fill its share, most "
            f"`{results.corpora[times.argmax()]}` ({times.max():.2f} times)."
        )
    if results.vocab_choice["asked"] is not None:  # else it is said above
        yield from vocab_size.text_is_short(results.vocab_choice)
    if len(results.compared) > 1:
        yield "The mixture was chosen on the selection half, so its gains there are slightly too large."
    yield from halves_caveats(results.evaluation, results.config["objective"]["parallel_set"])
    if "held_out" in results.choice["objective"]["evaluation_sets"]:
        yield "`held_out` is text of the same corpora. Text of another kind may compress differently."
    yield "Fewer tokens make training and serving cheaper. They do not by themselves make a better language model."
    for name, row in results.inferred.items():
        yield (
            f"`{name}` is the mixture of your corpora that best explains the first {row['merges']:,} merges of "
            f"{row['tokenizer']}; {markdown.percent(row['unseen'] / row['merges'])} of them occur in no corpus. Text "
            "that you do not have, such as code, is missing from its shares."
        )


def _next_steps(results: Results) -> str:
    return f"## Next steps\n\n{markdown.bullets(_steps(results))}"


def _steps(results: Results) -> Iterator[str]:
    better = better_at_full_scale(results)
    tokenizer = Layout.of(results.config).tokenizer(better["against"] if better else CHOSEN).parent
    yield f'Use the tokenizer: `transformers.AutoTokenizer.from_pretrained("{tokenizer}")`.'
    spearman = _rank_correlation(results)
    if spearman is not None and not spearman >= RANKS_WELL:
        yield "Raise `proxies.bytes` (and `proxies.vocab_size`): proxies should rank mixtures as the full scale does."
    kind = results.config["tokenizer"]
    if not results.is_searched and (kind["parity"] or kind["algorithm"] != "bpe"):
        yield "Compare with plain BPE on a searched mixture: make each a recipe of one run (docs/recipes.md)."
    elif not results.is_searched:
        yield "Name strategies in `search.strategies`: a search may find a better mixture than these (docs/search.md)."
    elif _still_learning(results):
        yield "Raise `proxies.count`: the regression's error was still falling with the last proxies (details.md)."
    if results.outside_support:
        yield "Add `proxies.mixtures` with shares near the recommended ones, so that the regression has seen them."
    yield from vocab_size.advice(results.vocab_choice, vocab_size.other_trainings(results.config))
    if _is_demo(results):
        yield "Name your own corpora in a config: docs/usage.md."
    browser, details, costs = (
        "all of this in a browser, and what any other mixture would do",
        "how good the predictions are, the front between average and worst corpus",
        "CPU time of each strategy",
    )
    if not results.is_searched:
        browser, details, costs = (
            "all of this in a browser",
            "the choice, vocabulary sizes, text given",
            "CPU time",
        )
    yield (
        f"Read on: `report.html` ({browser}), `details.md` ({details}), `validation.md` (the full-scale "
        "tokenizers by corpus, what they mean for a language model), `vocabulary.md` (gates, and what the vocabularies "
        f"are made of), `costs.md` ({costs}), "
        f"`candidates.csv` (all mixtures), `corpora.csv` (all corpora), `{results.files.hygiene_link}` (what is in the "
        "text of the corpora), `figures/`. docs/output.md explains every file."
    )


def _is_demo(results: Results) -> bool:
    return any("demo" in corpus["source"] for corpus in results.config["corpora"].values())


def _rank_correlation(results: Results) -> float | None:
    """Spearman correlation between the proxies' scale and the full scale; nan if it is not defined, None if it was not
    measured or both are the same scale."""
    if results.ranks is None:
        return None
    proxies = results.config["proxies"]
    scale, full = Scale(proxies["bytes"], proxies["vocab_size"]).name, results.ranks["scale"][-1]
    if scale == full:
        return None
    value = results.ranks.filter(scale=scale, other=full)["spearman"].item()
    return float("nan") if value is None else value


def _still_learning(results: Results) -> bool:
    used = results.metrics.filter("used")["model"].item()
    curve = results.learning_curve.filter(model=used).group_by("proxies").agg(pl.col("mape").median())
    errors = curve.sort("proxies")["mape"].to_list()
    return len(errors) > 1 and errors[-1] < (1 - STILL_LEARNING) * errors[-2]
