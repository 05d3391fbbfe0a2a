# Memory and time that the rules ask for, from the sizes of their inputs.
from errno import ENOENT
from functools import cache

from trex.bpe.memory import algorithm_bytes, parity_bytes, training_bytes, used_share
from trex.corpora import read_bytes
from trex.files import read_json


@cache
def size_of(path):
    """Megabytes of a file, or of the files in a folder. Snakemake's own input.size_mb takes 2 ms a job and knows no folders."""
    files = Path(path).iterdir() if Path(path).is_dir() else [Path(path)]
    return sum(file.stat().st_size for file in files) / 1e6


def megabytes(base, per_input, of=None, source=None, most=float("inf")):
    """Memory that grows with the size of the inputs, of the named one `of`, or of what is read of a source (a function of
    wildcards), up to `most`, and doubles with every attempt; 200 of it are for the Snakemake that runs the job on a
    cluster.
    """

    def size(wildcards, input):
        if source:
            return read_bytes(source(wildcards), BASE) / 1e6
        return sum(map(size_of, input[of] if of else input))

    return lambda wildcards, input, attempt: int(
        min(200 + base + per_input * size(wildcards, input), most) * 2 ** (attempt - 1)
    )


def training_megabytes(base, n_bytes, vocab_size):
    """Memory of trainings on the word index and that of pieces, by the formula that they check before they start;
    doubles with every attempt. n_bytes: of text, or None for all, or what gives it from the wildcards.
    """

    def megabytes_of(wildcards, input, attempt):
        of_text = n_bytes(wildcards) if callable(n_bytes) else n_bytes
        needs, counts = [], 0
        for name, most in TEXT_OF_INDEX.items():
            try:
                index = read_json(Path(input[name]) / "index.json")
                text_bytes = index["text_bytes"]
            except (OSError, ValueError, KeyError):
                # of an earlier version, damaged or not made yet: Snakemake asks again when the index has been made, if
                # the error names it as the input does
                raise FileNotFoundError(ENOENT, "has no whole index", str(input[name]))
            limits = [limit for limit in (of_text, most) if limit is not None]
            share = used_share(min(limits, default=None), text_bytes)
            words, in_words = int(share * index["words"]), int(share * index["bytes"])
            need = training_bytes(words, in_words, vocab_size, index["columns"])
            if TOKENIZER["parity"]:
                # a count for every corpus and, in development text, for the words of an evaluation set
                entries = min(index["entries"], len(CORPORA) * words) + words
                need += parity_bytes(entries, len(CORPORA), vocab_size)
            elif TOKENIZER["algorithm"] != "bpe":
                need += algorithm_bytes(TOKENIZER["algorithm"], words, in_words)
            needs.append(need)
            counts += 8 * index["words"]  # of the words that are not used
        need = max(needs) + counts  # one after the other
        return int(
            (200 + base + (800 if BASE_TOKENIZER else 0) + need / 1e6)
            * 2 ** (attempt - 1)
        )

    return megabytes_of


def bytes_of_scale(wildcards):
    """Of the text of a scale in the check of ranks; None: all."""
    return None if wildcards.n_bytes == "all" else int(wildcards.n_bytes)


def minutes(base, per_input_mb=0.0, source=None):
    """The same of time."""

    def size(wildcards, input):
        if source:
            return read_bytes(source(wildcards), BASE) / 1e6
        return sum(map(size_of, input))

    return (
        lambda wildcards, input, attempt: int(
            (base + per_input_mb * size(wildcards, input)) * 2 ** (attempt - 1)
        )
        + 1
    )
