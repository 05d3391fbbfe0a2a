"""Patterns of text that nobody wrote as text: machine noise, markup, broken encodings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noise:
    """A kind of noise.

    pattern: the regex that finds it. parts: regexes that a match must hold as well, as one class of characters alone is
    no sign: a run of letters is no base64. said: what a warning calls it. documents, characters: shares of the sample
    from which on there is a warning; well-kept web and wiki text stays far below them.
    """

    name: str
    pattern: str
    said: str
    parts: tuple[str, ...] = ()
    documents: float = 1.0
    characters: float = 1.0


KINDS = (
    Noise(
        "tags", r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]{0,300})?/?>|<!--", "HTML or XML tags",
        documents=0.05, characters=0.01,
    ),
    Noise(
        "entities", r"&(?:[a-zA-Z]{2,8}|#[0-9]{2,6}|#[xX][0-9a-fA-F]{2,5});", "HTML entities", documents=0.02
    ),
    Noise(
        "wiki", r"\{\{[^{}\n]{1,200}\}\}|\[\[[^\[\]\n]{1,200}\]\]", "wiki markup", documents=0.05, characters=0.01
    ),
    Noise("URLs", r"(?:https?://|www\.)\S+", "URLs", characters=0.05),
    Noise(
        "base64", r"[A-Za-z0-9+/_-]{60,}={0,2}", "base64 or other long codes", ("[A-Z]", "[a-z]", "[0-9]"),
        documents=0.02, characters=0.01,
    ),
    Noise("hex", r"\b[0-9a-fA-F]{32,}\b", "hexadecimal codes", ("[a-fA-F]", "[0-9]"), documents=0.05, characters=0.01),
    Noise(
        "control", r"[\x00-\x08\x0B\x0E-\x1F\x7F-\x{84}\x{86}-\x{9F}\x{E000}-\x{F8FF}\x{FFFE}\x{FFFF}]",
        "control and private characters", documents=0.01,
    ),
    Noise("U+FFFD", r"\x{FFFD}", "U+FFFD, which replaces bytes that could not be decoded", documents=0.01),
    # é, non-breaking spaces and curly quotes as they look when UTF-8 is read as Latin-1 or Windows-1252
    Noise(
        "mojibake", r"Ã[\x{A0}-\x{BF}\x{80}-\x{9F}]|Â[\x{A0}-\x{BF}]|â€[\x{2122}\x{153}\x{9D}\x{201C}\x{2DC}\x{A6}]",
        "text decoded in a wrong encoding (such as Ã© for é)", documents=0.01,
    ),
)  # fmt: skip
