"""Records that hold no text: the first one ends the run, or they are left out, counted by reason, up to a share."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from trex.corpora.errors import BadRecord, CorpusError
from trex.corpora.where import Where
from trex.left_out import FILTERED, NULL, REASONS

MAX_SHARE = 0.001
_CURES = {"not_utf8": "convert the file to UTF-8"}
_CURE = "repair or remove the record"
# When a few records of many were looked at: what is too much, and how many make it sure.
_FAR_TOO_MUCH, _SURE = 10, 10


class BadRecords:
    """What becomes of bad records, and which there were.

    Attributes:
        max_share: of the records of a corpus that may be bad; None if none may, so that the first is an error.
        skipped: number by reason. examples: one message by reason.
        nulls: records whose text is null. They are left out like empty ones and are not bad.
        good: records that were not bad, null or empty.
        where: the conditions of the reader, which count what they leave out.
    """

    def __init__(self, max_share: float | None = None):
        self.max_share = max_share
        self.skipped: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.nulls = self.good = 0
        self.where: Where | None = None

    @classmethod
    def from_source(cls, source: Mapping[str, Any]) -> "BadRecords":
        """As the options on_bad_record and max_bad_records of a source say."""
        skip = source.get("on_bad_record", "fail") == "skip"
        return cls(source.get("max_bad_records", MAX_SHARE) if skip else None)

    def uncapped(self) -> "BadRecords":
        """The same for a sample of a corpus, which says little about the share of bad records in all of it."""
        return BadRecords(None if self.max_share is None else 1.0)

    def found(self, bad: BadRecord, place: str) -> None:
        """Count a bad record; CorpusError, with place and cure, if none may be."""
        if self.max_share is None:
            cure = _CURES.get(bad.reason, _CURE)
            raise CorpusError(
                f"{place}: {bad}; {cure}, or write on_bad_record: skip, which leaves such records out"
            ) from bad
        self.skipped[bad.reason] += 1
        self.examples.setdefault(bad.reason, f"{place}: {bad}")

    def ledger(self, zeros: bool = False) -> dict[str, int]:
        """Records left out by reason (keys of REASONS, NULL, FILTERED); with zeros, also those that did not occur."""
        found = {reason: self.skipped[reason] for reason in REASONS} | {NULL: self.nulls}
        found[FILTERED] = self.where.left_out if self.where else 0
        return {reason: n for reason, n in found.items() if n or zeros}

    def check(self, what: str) -> None:
        """CorpusError if too many of all records of a corpus are bad. what: the corpus, for the message."""
        n = self.skipped.total()
        records = n + self.good
        if n and self.max_share is not None and n > self.max_share * records:
            raise CorpusError(self._too_many(what, f"{n:,} of {records:,} records"))

    def check_sample(self, what: str) -> None:
        """The same of some of its records: CorpusError only if the whole can hardly be better."""
        n = self.skipped.total()
        records = n + self.good
        if self.max_share is not None and n >= _SURE and n > _FAR_TOO_MUCH * self.max_share * records:
            seen = f"of the {records:,} records that a quick look reads, {n:,}"
            raise CorpusError(self._too_many(what, seen))

    def __str__(self) -> str:
        """What was left out, with an example for each reason; empty if nothing was."""
        reasons = [f"{n:,} {REASONS[reason]}" for reason, n in self.skipped.most_common()]
        nulls = [f"{self.nulls:,} whose text is null"] if self.nulls else []
        examples = "".join(f". For example {example}" for example in self.examples.values())
        return ", ".join(reasons + nulls) + examples

    def _too_many(self, what: str, these: str) -> str:
        share = f"{100 * self.max_share:.6g}%"
        where = "" if self.examples else "The log of each part names one by reason. "
        return (
            f"{what}: {these} are bad, which is more than max_bad_records ({share}): {self}. {where}Repair the files, "
            "or raise max_bad_records of this source"
        )
