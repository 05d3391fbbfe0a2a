"""What finished recipes and existing tokenizers left in their results, read back; all of it about the same text.

Recipes may normalize text in different ways. Their documents are the same nevertheless, in the same order: documents
are hashed, dealt into halves and numbered before they are normalized. So what is compared is tokens by the document,
divided by the reference tokens of the first recipe's text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import polars as pl

from trex.files import read_json
from trex.layout import CHOSEN, Layout
from trex.mixtures.baselines import SIMPLEST_FIRST
from trex.objective.comparisons import DrawNoise
from trex.objective.constraints import SLACK
from trex.validation.gate_names import FAILED

_KEY = ["evaluation_set", "corpus"]
RECIPE, EXISTING = "recipe", "existing"
GATES, LIMITS = "gates", "limits"  # kinds of doubts


@dataclass(frozen=True, eq=False)
class Finished:
    """A tokenizer that is compared: that of a recipe's chosen mixture, or an existing one.

    Attributes:
        name: of the recipe or of the existing tokenizer.
        config: the recipe's, checked; None for an existing tokenizer.
        vocab_size: entries; of a recipe with its special tokens.
        mixture: name of the chosen mixture; None for an existing tokenizer.
        mixture_kind: one of `SIMPLEST_FIRST`, if it is known. shares: of the mixture, by corpus.
        corpora, documents: of `trex.validation.quality.Quality`, on the test half.
        noise: of draws of training text, of its own objective; None where it is not known.
        failed_gates: those that the config does not waive. waived_gates: the others that fail.
        over_limits: by what part the chosen mixture exceeds the limits of its objective; 0 if it keeps them.
        doubts: why a recipe's own summary says not to trust its result, in Markdown, beyond the gates and limits above.
        better_mixture: the baseline that a recipe's summary says is better at full scale than the chosen mixture.
        pages: of a recipe, their paths by name, relative to the folder of the run.
    """

    name: str
    config: Mapping[str, Any] | None
    vocab_size: int
    corpora: pl.DataFrame
    documents: pl.DataFrame
    mixture: str | None = None
    mixture_kind: str | None = None
    shares: Mapping[str, float] | None = None
    noise: DrawNoise | None = None
    failed_gates: tuple[str, ...] = ()
    waived_gates: tuple[str, ...] = ()
    over_limits: float = 0.0
    doubts: tuple[str, ...] = ()
    better_mixture: str | None = None
    pages: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return EXISTING if self.config is None else RECIPE

    @property
    def complexity(self) -> tuple[int, int]:
        """Smaller is simpler: how many kinds of training go beyond plain BPE, then the kind of the mixture."""
        if self.config is None:
            return (0, 0)
        known = self.mixture_kind in SIMPLEST_FIRST
        order = SIMPLEST_FIRST.index(self.mixture_kind) if known else len(SIMPLEST_FIRST)
        return (len(beyond_plain_bpe(self.config["tokenizer"])), order)

    @classmethod
    def of_recipe(cls, name: str, config: Mapping[str, Any], files: Layout) -> Self:
        """Read a recipe's results. FileNotFoundError if a file is missing."""
        choice, waived = read_json(files.choice), config["validation"]["waived_gates"]
        chosen = next(row for row in choice["ranking"] if row["name"] == choice["chosen"])
        failed = _failed(files.gates, CHOSEN)
        violation, summary = chosen["violation"] or 0.0, read_json(files.doubts)
        return cls(
            name,
            config,
            read_json(files.vocab_size)["vocab_size"],
            pl.read_parquet(files.tokenizer_quality(CHOSEN, "corpora")),
            pl.read_parquet(files.tokenizer_quality(CHOSEN, "documents")),
            mixture=choice["chosen"],
            mixture_kind=chosen["kind"],
            shares=pl.read_parquet(files.candidates)
            .filter(name=choice["chosen"])
            .select(list(config["corpora"]))
            .row(0, named=True),
            # of each mixture, one draw's tokenizer is finished
            noise=choice["draw_noise"] and DrawNoise(**choice["draw_noise"], draws=1),
            failed_gates=tuple(gate for gate in failed if gate not in waived),
            waived_gates=tuple(gate for gate in failed if gate in waived),
            over_limits=violation if violation > SLACK else 0.0,
            doubts=tuple(_other_doubts(summary["doubts"], failed)),
            better_mixture=summary["better"],
            pages=files.pages_from_run,
        )

    @classmethod
    def of_existing(cls, name: str, files: Layout) -> Self:
        """Read what validation says of an existing tokenizer."""
        scripts = pl.read_parquet(files.existing_quality(name, "scripts"))
        return cls(
            name,
            None,
            int(scripts["entries"].sum()),
            pl.read_parquet(files.existing_quality(name, "corpora")),
            pl.read_parquet(files.existing_quality(name, "documents")),
            failed_gates=tuple(_failed(files.inspected("existing", name, "gates"), name)),
        )


def _other_doubts(doubts: Mapping[str, Sequence[str]], failed_gates: Sequence[str]) -> Iterator[str]:
    """Of the doubts of a recipe's summary (`trex.report.doubts.doubts_by_kind`), those that gates and limits of the
    chosen mixture do not say already."""
    for kind, texts in doubts.items():
        if kind != LIMITS and not (kind == GATES and failed_gates):
            yield from texts


def _failed(gates: Path, tokenizer: str) -> list[str]:
    table = pl.read_parquet(gates).filter(result=FAILED)
    if "tokenizer" in table.columns:
        table = table.filter(tokenizer=tokenizer)
    return table["gate"].to_list()


def beyond_plain_bpe(tokenizer: Mapping[str, Any]) -> list[str]:
    """What a config's section `tokenizer` asks for beside BPE on words, in words.

    >>> beyond_plain_bpe({"pattern": "default", "superwords": {"from": 0.8}, "algorithm": "bpe"})
    ['superwords from 0.8']
    """
    found = []
    if superwords := tokenizer.get("superwords"):
        found.append(f"superwords from {superwords['from']:g}")
    if base := tokenizer.get("base"):
        name = Path(base if isinstance(base, str) else base["huggingface"]).name
        keep = tokenizer.get("keep", "all")
        found.append(f"extends {name}" + (f", {keep:,} merges kept" if keep != "all" else ""))
    if parity := tokenizer.get("parity"):
        found.append(f"parity ({'hybrid ' if parity.get('global_merges') else ''}{parity['variant']})")
    if (algorithm := tokenizer.get("algorithm") or "bpe") != "bpe":
        found.append(algorithm)
    return found


def load(recipes: Sequence[tuple[str, Mapping[str, Any], Layout]]) -> list[Finished]:
    """The recipes in their order, then the existing tokenizers of the first one's config.

    Raises:
        ValueError: two have the same name.
    """
    found = [Finished.of_recipe(*recipe) for recipe in recipes]
    _, config, files = recipes[0]
    for name in config["validation"]["tokenizers"]:
        if any(name == other.name for other in found):
            raise ValueError(
                f"recipes.{name} has the name of a tokenizer of validation.tokenizers; rename one of the two"
            )
        found.append(Finished.of_existing(name, files))
    return found


def aligned(tokenizers: Sequence[Finished]) -> list[Finished]:
    """All with the reference tokens of the first one's text, which must have been cut into the same documents.

    Raises:
        ValueError: if a tokenizer was measured on other documents than the first, or, with the same normalizer, on
            text of another length.
    """
    first = tokenizers[0]
    reference = first.documents.select(*_KEY, "document", "reference_tokens")
    return [
        replace(tokenizer, documents=_with_reference(tokenizer, first, reference)) for tokenizer in tokenizers
    ]


def _with_reference(tokenizer: Finished, first: Finished, reference: pl.DataFrame) -> pl.DataFrame:
    _check_lengths(tokenizer, first)
    table = tokenizer.documents.drop("reference_tokens").join(
        reference, on=[*_KEY, "document"], how="full", coalesce=True, maintain_order="right"
    )
    wrong = table.filter(pl.any_horizontal(pl.col("tokens", "reference_tokens").is_null()))
    if len(wrong):
        row = wrong.row(0, named=True)
        lacks = tokenizer.name if row["tokens"] is None else first.name
        raise ValueError(
            f"{tokenizer.name} and {first.name} cannot be compared: of evaluation set {row['evaluation_set']} of "
            f"{row['corpus']}, document {row['document']} is missing in the results of {lacks}. {_ADVICE}"
        )
    return table.select(first.documents.columns)


_ADVICE = "Recipes are only compared on the same evaluation text: delete the folder validation of both and run again"


def _check_lengths(tokenizer: Finished, first: Finished) -> None:
    """The documents of every text, and its bytes if it was normalized as the first one's; existing tokenizers read the
    first recipe's text."""
    alike = tokenizer.kind == EXISTING or normalizer(tokenizer) == normalizer(first)
    columns = ["documents", *(["bytes"] if alike else [])]
    both = tokenizer.corpora.select(*_KEY, *columns).join(
        first.corpora.select(*_KEY, *columns), on=_KEY, how="full", suffix="_first", coalesce=True
    )
    for column in columns:
        wrong = both.filter(pl.col(column).ne_missing(pl.col(f"{column}_first")))
        if len(wrong):
            row = wrong.row(0, named=True)
            raise ValueError(
                f"{tokenizer.name} and {first.name} cannot be compared: evaluation set {row['evaluation_set']} of "
                f"{row['corpus']} has {row[column] or 0:,} {column} in the results of {tokenizer.name} and "
                f"{row[f'{column}_first'] or 0:,} in those of {first.name}. {_ADVICE}"
            )


def normalizer(recipe: Finished) -> str:
    return str(recipe.config["tokenizer"]["normalizer"])
