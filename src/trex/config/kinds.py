"""Kinds of tokenizers beside plain BPE, and types of their keys."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from trex.config.fields import Bytes, InferredMixture, Mixture, Section
from trex.config.words import Problem, show, suggest
from trex.counting.patterns import PATTERNS, regex_of


def _pattern(pattern: str) -> str:
    """The regex of a name, or a regex that compiles."""
    regex = regex_of(pattern)
    # what matches itself alone is a name that is wrong
    if re.fullmatch(r"\s*\w[\w. -]*\s*", regex):
        known = suggest(pattern.strip().lower(), [*PATTERNS, "none"])
        raise Problem(f"unknown pattern {show(pattern)}; {known}")
    if regex and regex not in PATTERNS.values():
        from tokenizers import Regex  # here, for the import takes as long as all checks

        try:
            Regex(regex)
        except Exception as error:  # the library raises no narrower class
            raise Problem(
                f"{show(pattern)} is not the name of a pattern ({', '.join(PATTERNS)}, none) or a regex that "
                f"compiles: {error}"
            ) from None
    return regex


Pattern = Annotated[str, AfterValidator(_pattern)]


def _not_inferred(prior: Any) -> Any:
    if isinstance(prior, InferredMixture):
        raise Problem(
            "only a baseline can be inferred; write the shares, such as {shares: {eng: 0.8, deu: 0.2}}"
        )
    return prior


KnownMixture = Annotated[Mixture, AfterValidator(_not_inferred)]


def _ascii(barriers: str) -> str:
    if not barriers.isascii():
        raise Problem(f"{show(barriers)} has characters beyond ASCII; write single-byte signs, such as ':;'")
    return barriers


class Superwords(Section):
    """Tokens of several words (SuperBPE): merges on words up to a transition, then on longer pieces of text."""

    from_: float = Field(0.8, ge=0, le=1, alias="from")
    """Share of the merges that are made on words; those after them are made on pieces. Of the merges to
    training.vocab_size, and of those to proxies.vocab_size."""
    pattern: Pattern = "superwords"
    """Regex that cuts text into pieces: superwords (ours, for patterns that take digits one by one), superbpe (the
    published one, for patterns with up to three digits), or any other as of tokenizer.pattern."""
    max_words: int = Field(4, ge=1)
    """Most words of a token."""
    barriers: Annotated[str, AfterValidator(_ascii)] = ":"
    """ASCII characters that no token of several words has."""
    bytes: Bytes | None = None
    """Most text that pieces come from, in bytes. null takes as much as words come from."""
    word_mixture: KnownMixture | None = None
    """Mixture of the words, if the mixture that is searched is to be that of the pieces alone. null takes the same for
    both."""
