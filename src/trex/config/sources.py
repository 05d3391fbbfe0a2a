"""Where text comes from: the kinds of sources, their options, and the corpora that have them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_serializer

from trex.config.fields import (
    Bytes,
    Condition,
    DemoCode,
    EvaluationSetName,
    Expects,
    Paths,
    Section,
    ShareOrPercentage,
    Text,
)

KINDS = ("demo", "parquet", "arrow", "jsonl", "text", "binary", "dataset", "huggingface")  # of a source
_TABLES = ("parquet", "arrow", "jsonl", "dataset", "huggingface")
_FILES = ("parquet", "arrow", "jsonl", "text", "dataset", "huggingface")
OPTIONS = {  # of a source, and the kinds that they go with; those not named go with all
    "column": _TABLES,
    "where": _TABLES,
    "sample_by": ("text",),
    "chunk": ("binary",),
    "split": ("dataset", "huggingface"),
    "config": ("huggingface",),
    "revision": ("huggingface",),
    "data_files": ("huggingface",),
    "on_bad_record": _FILES,
    "max_bad_records": _FILES,
}


class Source(Section):
    """Where text comes from, in exactly one way."""

    demo: DemoCode | None = None
    """Language code of the embedded demo text. Quote it where YAML reads it as something else."""
    parquet: Paths | None = None
    """Parquet file, glob pattern, or a list of them."""
    arrow: Paths | None = None
    """Arrow file or stream (also Feather), glob pattern, or a list of them."""
    jsonl: Paths | None = None
    """JSON Lines file, or one that is an array of objects, glob pattern, or a list of them. May be compressed (gz,
    bz2, xz, zst, lz4, br)."""
    text: Paths | None = None
    """Plain text file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, glob pattern, or a list of them. May be
    compressed (gz, bz2, xz, zst, lz4, br)."""
    binary: Paths | None = None
    """File of bytes that are no text, glob pattern, or a list of them. Needs tokenizer.alphabet: latin1."""
    dataset: Text | None = None
    """Folder written by save_to_disk of the datasets library."""
    huggingface: Text | None = None
    """Dataset on the Hugging Face hub."""
    column: Text = "text"
    """Column that holds the text; of an inner column, with a dot, such as translation.de. The strings of a list are
    joined by newlines."""
    where: Annotated[
        dict[str, Condition],
        Expects("a mapping of columns to conditions"),
    ] = {}
    """Rows to read, as conditions by column: a value, a list of values, or a comparison in quotes (>= > <= < != ==,
    joined by and), such as {quality: ">= 8", source: [wiki, news]}. Rows with a null in such a column are left out."""
    max_bytes: Bytes | None = None
    """Draw a sample of this much text: documents by a hash of their content, from all over the corpus. null takes
    everything."""
    sample_by: Literal["line", "paragraph", "document"] = "line"
    """What counts as one document in a text file. Paragraphs end at blank lines, which are left out."""
    chunk: Bytes = 64_000
    """Bytes of a binary file that are one document."""
    split: Text | None = None
    """Split of the dataset, or, of a folder, several with a + between them. null is train. A folder of a single
    Dataset has no splits."""
    config: Text | None = None
    """Configuration of the dataset. null is its default."""
    revision: Text | None = None
    """Commit, tag or branch of the dataset. Name a commit to keep results repeatable."""
    data_files: Paths | None = None
    """Files of the dataset to read, as patterns. null reads all."""
    on_bad_record: Literal["fail", "skip"] = "fail"
    """What a record does that is cut off, not UTF-8, or without a string as its text: fail, which ends the run, or
    skip, which leaves it out and counts it in the ledger. Records whose text is null are always left out."""
    max_bad_records: ShareOrPercentage = "0.1%"
    """With skip, share of a corpus's records that may be bad, as a percentage or a number. More end the run."""

    def kinds(self) -> list[str]:
        """The kinds that are given."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]

    @model_serializer(mode="wrap")
    def _own_options(self, serialize: Any) -> dict[str, Any]:
        """Without what is not given, options of other kinds, and those about skipping where nothing is skipped."""
        (kind,) = self.kinds()
        unused = () if self.on_bad_record == "skip" else ("on_bad_record", "max_bad_records")
        return {
            key: value
            for key, value in serialize(self).items()
            if value is not None and kind in (key, *kinds_of(key)) and key not in {*KINDS, *unused} - {kind}
        }


def kinds_of(option: str) -> tuple[str, ...]:
    """The kinds of sources that an option goes with."""
    return OPTIONS.get(option, KINDS)


class Corpus(Section):
    """A corpus."""

    source: Annotated[Source, Expects("a mapping such as {parquet: deu/*.parquet}")] = {}
    """Where the text comes from."""
    evaluation: Annotated[
        dict[EvaluationSetName, Annotated[Source, Expects("a mapping such as {parquet: deu/*.parquet}")]],
        Expects("a mapping of names to sources"),
    ] = {}
    """Further evaluation sets of the corpus, by name. Each is a source."""


# `deu_Latn:` alone is null in YAML
CorpusOrNull = Annotated[
    Corpus,
    BeforeValidator(lambda corpus: {} if corpus is None else corpus, json_schema_input_type=Corpus | None),
    Expects("a mapping such as {source: {parquet: deu/*.parquet}}"),
]
