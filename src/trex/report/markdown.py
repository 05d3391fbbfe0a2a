"""Numbers, gains and tables as a person reads them, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table; the first `left` columns are aligned to the left, numbers to the right."""
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def show_interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:+.2f} to {high:+.2f} %"


def verdict(gain: Mapping[str, float | None]) -> str:
    """How sure a gain is, in words."""
    low, high = gain["low"], gain["high"]
    if low is None or high is None:
        return "how much of that is noise is not known."
    interval = f"95 % interval {show_interval(low, high)}"
    if low <= 0 <= high:
        return f"**within the noise** ({interval}), so that either will do."
    return f"clear of the noise ({interval})."


def gain(gain: Mapping[str, float | None], signed: bool = False) -> str:
    percent = f"{gain['percent']:+.2f}" if signed else f"{gain['percent']:.2f}"
    return f"{percent}{plus_minus(gain['standard_error'], 2)} %"


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
    return "–" if value is None else f"{value:.3f}"


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def size(n_bytes: float) -> str:
    """Bytes with a unit: 31.4 MB."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:,.1f} {unit}"
    return f"{n_bytes:.0f} bytes"


def reference(reference: str | Mapping[str, str]) -> str:
    return f"`{reference if isinstance(reference, str) else reference['huggingface']}`"
