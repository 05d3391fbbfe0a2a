"""What pages say about the choice at full scale: why each mixture was or was not taken, and what can be claimed."""

from typing import Any

from trex.layout import CHOSEN
from trex.mixtures.baselines import SEARCHED, SIMPLEST_FIRST
from trex.objective.comparisons import FEWEST_DOCUMENTS, TIE, is_gain, is_loss
from trex.objective.constraints import SLACK
from trex.report import markdown
from trex.report.results import Results

RULE = (
    "The recommended mixture is the simplest one that keeps the limits and is not measurably worse than the best, by "
    "their tokenizers at full scale on the selection half of the evaluation text."
)


def claim(results: Results) -> str:
    """In one sentence, what the test half allows to claim about the recommended mixture.

    Nothing, where a corpus of the objective has so few documents there that its interval cannot be relied on.
    """
    if few := results.too_few_documents:
        more = f" and {len(few) - 1} more corpora" if len(few) > 1 else ""
        n, name, corpus = few[0]
        return (
            "The test half has too few documents to claim anything: "
            f"{n} of `{corpus}` in `{name}`{more}, where {FEWEST_DOCUMENTS} are needed."
        )
    of_mixtures = [name for name in results.trained if name not in (CHOSEN, results.choice["chosen"])]
    gains = results.validation.filter(metric="gain_objective")
    rows = {row["against"]: row for row in gains.iter_rows(named=True)}
    compared = of_mixtures or [name for name in rows if name not in results.trained]
    if not compared:
        return "Nothing can be claimed: there is no other tokenizer to compare with."
    better = [rows[name] for name in compared if is_gain(rows[name]["value"], rows[name]["low"])]
    worse = [rows[name] for name in compared if is_loss(rows[name]["value"], rows[name]["high"])]
    ties = [name for name in compared if rows[name] not in better + worse]
    parts = [_needs(rows_of, what) for rows_of, what in ((better, "fewer"), (worse, "more")) if rows_of]
    said = f"`{results.choice['chosen']}` needs {' and '.join(parts)}" if parts else ""
    if ties:
        no_difference = f"no difference from {markdown.names(ties, 'or')} can be claimed"
        said = f"{said}; {no_difference}" if said else no_difference
    return f"At full scale, {said}."


def _needs(rows: list[dict[str, Any]], what: str) -> str:
    """0.41 % fewer tokens than `uniform` (0.21 to 0.62 %), 0.30 % than `tempered` (...)"""
    said = []
    for row in sorted(rows, key=lambda row: -abs(row["value"])):
        low, high = sorted(abs(row[end]) for end in ("low", "high"))
        tokens = "" if said else f"{what} tokens "
        said.append(f"{abs(row['value']):.2f} % {tokens}than `{row['against']}` ({low:.2f} to {high:.2f} %)")
    return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else said[0]


def how_chosen(results: Results) -> str:
    """Why the recommended mixture was taken, in a sentence or two."""
    choice = results.choice
    trained = [row for row in choice["ranking"] if row["measured"] is not None]
    keep = [row for row in trained if (row["violation"] or 0) <= SLACK]
    n, limited = len(keep or trained), len(keep) < len(trained)
    mixtures = f"{n} mixtures trained at full scale"
    if not keep:
        return f"Of {mixtures}, none keeps the limits that the config sets, and it exceeds them least."
    if limited and n == 1:
        return f"It is the only one of {len(trained)} mixtures trained at full scale that keeps the limits."
    if limited:
        mixtures = f"the {mixtures} that keep the limits"
    if choice["chosen"] != choice["best"]:
        of = mixtures if limited else f"the {mixtures}"
        return f"It is the simplest of {of} that is not measurably worse than the best, `{choice['best']}`."
    equal = [
        row["name"] for row in choice["ranking"] if row["verdict"] in ("less simple", "measures less well")
    ]
    if equal:
        return f"It measures best of {mixtures}, and no simpler one is as good."
    others = "the others of these" if limited else "all others"
    return f"It measures best of {mixtures}, and {others} are measurably worse."


def without_search(results: Results) -> str:
    """That a run compared no more than these mixtures."""
    names = results.compared
    if len(names) == 1:
        how = draws(results)
        return f"**Only `{names[0]}` was trained,** {how}: no mixture was searched (`search.strategies: []`)."
    return (
        f"Only {markdown.names(names)} were compared, {draws(results)} at full scale: no mixture was searched "
        "(`search.strategies: []`), and another may be better."
    )


def draws(results: Results) -> str:
    """On how many draws of text the finalists were trained, and why on no more."""
    n, left_out = results.choice["draws"], results.choice["draws_not_trained"]
    each = "each " if len(results.compared) > 1 else ""
    said = f"{each}once" if n == 1 else f"{each}on {n} draws of text"
    if left_out:
        return f"{said} (another draw would mostly be the same text: {left_out[0]})"
    return said


def at_full_scale(results: Results) -> str:
    """The section of details.md about the choice; empty where one mixture was trained."""
    choice = results.choice
    if len(choice["ranking"]) == 1:
        return ""
    limited = results.chosen["violation"] is not None
    rows = []
    for row in choice["ranking"]:
        measured = "–" if row["measured"] is None else markdown.nsl(row["measured"])
        behind = row["behind"] or dict.fromkeys(("percent", "at_least"))
        cells = [f"{x:.2f} %" if x is not None else "–" for x in (behind["percent"], behind["at_least"])]
        if limited:
            cells.append("–" if row["violation"] is None else markdown.percent(row["violation"]))
        rows.append((f"`{row['name']}`", row["kind"], row["why"], measured, *cells))
    over = ["over the limits"] if limited else []
    header = (
        "mixture",
        "kind",
        "why it was or was not taken",
        "objective",
        "behind the best",
        "at least",
        *over,
    )
    noise = choice["draw_noise"]
    kinds = [kind for kind in SIMPLEST_FIRST if results.is_searched or kind != SEARCHED]
    intro = markdown.paragraph(
        RULE,
        f"Simplest first: {', '.join(kinds)} (*named*: shares that the config gives; *inferred*: the mixture "
        f"of an existing tokenizer). *Measurably worse*: another mixture gains more than {TIE} %, and *at least* more "
        "than 0. The least gains of all others hold together with a chance of 95 %, since the best of several is so by "
        "luck as well.",
        f"The {'finalists' if results.is_searched else 'mixtures'} were trained {draws(results)}"
        + (
            f"; of one draw, the noise of an objective is {100 * noise['deviation']:.3f} %, and intervals have it."
            if noise
            else "; intervals are about documents alone."
        ),
    )
    return f"## The choice at full scale\n\n{intro}\n\n{markdown.table(header, rows, left=3)}"
