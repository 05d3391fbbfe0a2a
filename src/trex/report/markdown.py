"""Numbers, tables and paragraphs of the report's pages, in Markdown that also reads well as plain text."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from tabulate import tabulate

WIDTH = 105  # characters in a line of text
NAMES = 10  # in a list within a sentence


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table; the first `left` columns are aligned to the left, numbers to the right."""
    align = ["left"] * left + ["right"] * (len(header) - left)
    return tabulate(list(rows), header, tablefmt="pipe", colalign=align, disable_numparse=True)


def paragraph(*sentences: str) -> str:
    """Sentences as one paragraph, in lines of at most WIDTH characters."""
    return textwrap.fill(" ".join(filter(None, sentences)), WIDTH, break_on_hyphens=False)


def bullets(items: Iterable[str], mark: str = "- ") -> str:
    """A list; the lines of an item that goes on are indented. A link that is longer than a line stays whole."""
    wrap = textwrap.TextWrapper(
        WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_on_hyphens=False,
        break_long_words=False,
    )
    return "\n".join(wrap.fill(item) for item in items)


def names(items: Sequence[str], last: str = "and") -> str:
    """`a`, `b` and `c`; of more than NAMES items the first, and how many more there are."""
    quoted = [f"`{item}`" for item in items]
    if len(quoted) > NAMES + 1:
        return f"{', '.join(quoted[:NAMES])} {last} {len(quoted) - NAMES} more"
    return f"{', '.join(quoted[:-1])} {last} {quoted[-1]}" if len(quoted) > 1 else quoted[0]


def link(text: str, target: str) -> str:
    return f"[{text}]({target})"


def interval(low: float | None, high: float | None) -> str:
    """The ends of an interval in percent; a dash if it is not known."""
    return "–" if low is None or high is None else f"{signed(low)} to {signed(high)} %"


def gain(percent: float | None) -> str:
    return "–" if percent is None else signed(percent, 2, " %")


def signed(value: float, digits: int = 2, unit: str = "") -> str:
    """With its sign, which what rounds to 0 has none of.

    >>> signed(-0.004), signed(0.25, 1), signed(-3, 1, " %")
    ('0.00', '+0.2', '-3.0 %')
    """
    text = f"{value:+.{digits}f}"
    return f"{text if float(text) else text[1:]}{unit}"


def nsl(value: float) -> str:
    return f"{value:.4f}"


def plus_minus(error: float | None, digits: int = 4) -> str:
    """A standard error, if it is known; a small one does not become 0."""
    if error is None:
        return ""
    smallest = 10**-digits
    return f" ± {error:.{digits}f}" if error == 0 or error >= smallest / 2 else f" ± <{smallest:.{digits}f}"


def number(value: float) -> str:
    """A number of no known unit."""
    return f"{value:,.0f}" if value == round(value) else f"{value:.4g}"


def score(value: float | None) -> str:
    """A correlation or another score between 0 and 1; nan and null become a dash."""
    return "–" if value is None or value != value else f"{value:.3f}"


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def short_percent(share: float) -> str:
    """Two digits where that says enough: 12 %, 1.3 %, 0.04 %, <0.01 %."""
    if share and share < 0.5e-4:
        return "<0.01 %"
    return (
        f"{100 * share:.0f} %"
        if share >= 0.095 or not share
        else f"{100 * share:.1g} %"
        if share < 0.001
        else f"{100 * share:.2g} %"
    )


def code(text: str, spaces: str = " ", bar: str = "¦") -> str:
    """Text as code in a line or a table's cell: signs that are not seen become seen. spaces, bar: what a space and a |
    become, which would end a cell; where a page is only shown as Markdown, bar can be a | behind a backslash."""
    seen = "".join(bar if character == "|" else _seen(character) for character in text).replace(" ", spaces)
    return f"`` {seen} ``" if "`" in seen else f"`{seen}`"


def _seen(character: str) -> str:
    return character if character.isprintable() else f"\\u{ord(character):04x}".replace("\\u000a", "\\n")


def size(n_bytes: float) -> str:
    """Bytes with a unit: 31.4 MB."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:,.1f} {unit}"
    return f"{n_bytes:.0f} bytes"


def reference(reference: str | Mapping[str, str]) -> str:
    return f"`{reference if isinstance(reference, str) else reference['huggingface']}`"
