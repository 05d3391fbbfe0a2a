"""The page about the corpora's text: results/hygiene.md."""

from collections.abc import Iterator, Mapping
from typing import Any

from trex.hygiene.noise import KINDS
from trex.hygiene.words import LONG_RUN
from trex.report import markdown

SCRIPTS_SHOWN = 3  # of a corpus, besides the first
LEAST_SHOWN = 1e-4  # share of a script
WORDS_SHOWN = 5


def write_hygiene(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The page, in Markdown.

    found: `corpus_facts` by corpus, in the order of the config; none if the corpora are bytes that are no text.
    """
    if not found:
        return "# The text of the corpora\n\nThe corpora are bytes that are no text: nothing is said of their words.\n"
    sections = (_warnings, _documents, _scripts, _marks, _noise, _words)
    return "\n\n".join(filter(None, (section(found) for section in sections))) + "\n"


def _warnings(found: Mapping[str, Mapping[str, Any]]) -> str:
    intro = markdown.paragraph(
        "What is in the text of the corpora, before any tokenizer is trained on it. Documents are looked at in a "
        "sample of those held out for evaluation, which a hash chose; words are those of all training text. A warning "
        "asks you to look: whether something is wrong only you can know, as a corpus of web pages may well hold tags."
    )
    warned = list(_bullets(found))
    body = markdown.bullets(warned) if warned else "Nothing looks wrong."
    return f"# The text of the corpora\n\n{intro}\n\n## Warnings\n\n{body}"


def _bullets(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for corpus, facts in found.items():
        for warning in facts["warnings"]:
            yield f"`{corpus}`: {warning['text']}."


def _documents(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for corpus, facts in found.items():
        counted, documents = facts["counted"], facts["documents"]
        sizes = documents["sizes"]
        left_out = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in counted["left_out"].items())
        rows.append(
            (
                f"`{corpus}`",
                markdown.size(counted["bytes"]),
                f"{counted['documents']:,}",
                markdown.size(counted["bytes"] / max(counted["documents"], 1)),
                *(markdown.size(sizes[name]) for name in ("median", "p90", "p99")),
                f"{counted['duplicates']:,}",
                left_out or "–",
                markdown.short_percent(documents["repeated_lines"]),
            )
        )
    header = (
        "corpus", "text", "documents", "mean", "median", "90 %", "99 %", "duplicates", "left out", "repeated lines",
    )  # fmt: skip
    note = markdown.paragraph(
        "*Mean, median, 90 %, 99 %*: sizes of documents; the last two are what so many of them do not exceed. "
        "*Duplicates*: documents that are the same as another, left out unless `counting.deduplicate` is false. "
        "*Left out*: documents that were too long, could not be read, have no text, or that `where` "
        "filtered out. *Repeated lines*: of the sampled lines with "
        "text, those that are the same as an earlier one; all of the corpus has more."
    )
    return f"## Documents\n\n{markdown.table(header, rows)}\n\n{note}"


def _scripts(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for corpus, facts in found.items():
        scripts = [
            f"{script} {markdown.short_percent(share)}"
            for script, share in facts["text"]["scripts"].items()
            if share >= LEAST_SHOWN
        ]
        other = facts["documents"]["other_script"]["share"]
        rows.append(
            (
                f"`{corpus}`",
                scripts[0] if scripts else "–",
                ", ".join(scripts[1 : SCRIPTS_SHOWN + 1]) or "–",
                markdown.short_percent(other),
            )
        )
    note = markdown.paragraph(
        "Shares of the characters in words with letters, by the script of a word's first letter. *Documents in other "
        "scripts*: fewer than a quarter of the letters at their beginning are of the corpus's scripts, which are those "
        "of its id, as in `hin_Deva`, or else the most frequent one."
    )
    header = ("corpus", "main script", "others", "documents in other scripts")
    return f"## Scripts\n\n{markdown.table(header, rows, left=3)}\n\n{note}"


def _marks(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for corpus, facts in found.items():
        marks = facts["marks"]
        if marks["words"] is not None:
            rows.append(
                (
                    f"`{corpus}`",
                    markdown.short_percent(marks["marks"]),
                    f"{marks['words']:,}",
                    f"{marks['multilingual']:,}",
                    f"{marks['words'] / marks['multilingual']:.2f}",
                )
            )
    if not rows:
        return ""
    note = markdown.paragraph(
        "Corpora with combining marks, such as vowel signs, or joiners: their share of the characters, and how many "
        "words `tokenizer.pattern` and the pattern `multilingual` make of the same sample. A pattern that ends words "
        "at marks, as the paper's does, cuts words into pieces that never become one token."
    )
    header = ("corpus", "marks", "words", "with `multilingual`", "times as many")
    return f"## Marks\n\n{markdown.table(header, rows)}\n\n{note}"


def _noise(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for corpus, facts in found.items():
        noise = facts["documents"]["noise"]
        shares = (noise[kind.name]["documents"] for kind in KINDS)
        sampled = f"{facts['documents']['documents']:,}"
        rows.append(
            (f"`{corpus}`", sampled, *(markdown.short_percent(share) if share else "–" for share in shares))
        )
    note = markdown.paragraph(
        "Shares of the sampled documents that have at least one. *Tags* and *entities* are those of HTML and XML; "
        "*base64* and *hex* are long codes in such characters; *control* counts private characters too; *U+FFFD* "
        "replaces bytes that could not be decoded; *mojibake* is text decoded in a wrong encoding, such as Ã© for é."
    )
    header = ("corpus", "sampled", *(kind.name for kind in KINDS))
    return f"## Markup and machine noise\n\n{markdown.table(header, rows)}\n\n{note}"


def _words(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for corpus, facts in found.items():
        text = facts["text"]
        heaviest = ", ".join(
            f"{markdown.code(word['word'], '␣')} {markdown.short_percent(word['share'])}"
            for word in text["heaviest"][:WORDS_SHOWN]
        )
        longest, run = text["longest"], text["longest_run"]
        rows.append(
            (
                f"`{corpus}`",
                f"{text['words']:,}",
                heaviest,
                f"{markdown.size(longest['bytes'])}: {markdown.code(longest['word'], '␣')}",
                f"{run['length']:,} × {markdown.code(run['character'], '␣')}" if run["length"] else "–",
                markdown.short_percent(text["in_runs"]),
            )
        )
    note = markdown.paragraph(
        "Words are the pieces that `tokenizer.pattern` cuts text into; ␣ is a space. *Heaviest*: with the largest "
        f"shares of the bytes. *Longest run*: of equal characters in a word, from {LONG_RUN} on; *in runs*: the share "
        "of the characters that are in such runs."
    )
    header = ("corpus", "words", "heaviest", "longest word", "longest run", "in runs")
    return f"## Words\n\n{markdown.table(header, rows, left=1)}\n\n{note}"
