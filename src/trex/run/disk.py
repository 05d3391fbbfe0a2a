"""What a run will need on disk, before it starts.

Measured on 155 MB of text in 20 languages (`du -b` of a results folder): the word index takes 0.45 bytes a byte of
text, the counts 0.18 to 0.87 (most where words are not spaced, as in Chinese), held-out documents 0.4 of theirs.
Distinct words grow more slowly than text (Heaps' law; docs/scaling.md has exponents of 0.62 on average and up to 0.9),
so beyond the 155 MB the index is taken to grow with the power 0.8. Counting keeps sorted runs of words beside its
output.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trex.config import ConfigError, pieces_of
from trex.corpora import open_source
from trex.corpora.reader import FileReader
from trex.counting.patterns import split_name
from trex.layout import full_scale_draws
from trex.tokenizer.sizes import curve_sizes

COUNTS, HELD_OUT, RUNS, INDEX = 0.5, 0.4, 0.3, 0.45  # bytes on disk a byte of text
PIECES = 1.8  # the same of counts and index of pieces for superwords: nearly all are distinct, in any amount of text
MEASURED, HEAPS = 155_000_000, 0.8
DEMO = 700_000  # the largest of the embedded corpora
_OF_A_SPLIT, _OF_A_RECIPE = ("counts", "index"), ("proxies", "tokenizers")  # of the forecast
ROW, TOKENIZER = 60, 80  # bytes of a row of compression on disk, twice; of tokenizer.json a token


def text_bytes(source: Mapping[str, Any], base: Path) -> int | None:
    """About how much text a source has; None if only the Hugging Face hub knows."""
    reader = open_source(source, base)
    if reader.kind == "huggingface":
        total = None
    elif reader.kind == "demo":
        total = DEMO
    elif isinstance(reader, FileReader):
        total = sum(reader.text_in(path)[0] for path in reader.files())
    else:
        total = sum(path.stat().st_size for path in reader.files())
    limits = [size for size in (total, source.get("max_bytes")) if size is not None]
    return int(min(limits)) if limits else None


def forecast(config: Mapping[str, Any], base: Path) -> tuple[dict[str, int], list[str]]:
    """(bytes by what takes them, corpora whose size is not known) of a loaded config's run."""
    sizes = {name: text_bytes(corpus["source"], base) for name, corpus in config["corpora"].items()}
    text = sum(size or 0 for size in sizes.values())
    held_out = config["evaluation"]["held_out_share"] * text
    beyond = max(text / MEASURED, 1.0)
    proxies, training = config["proxies"], config["training"]
    mixtures = proxies["count"] + len(proxies["mixtures"]) if config["search"]["strategies"] else 0
    sets = sum(1 + len(corpus["evaluation"]) for corpus in config["corpora"].values())
    kept = mixtures if proxies["keep_tokenizers"] else 0
    baselines = 1 + len(config["baselines"])
    # at full scale as many as may be finalists, each to the largest vocabulary, and those that are written for use
    trained = baselines + 2 * len(config["search"]["strategies"])
    largest = curve_sizes(config)[-1]
    entries = trained * len(full_scale_draws(training)) * largest
    entries += (1 + baselines * training["baselines"]) * (largest + sum(training["ladder"]))
    need = {
        "counts": COUNTS * text + HELD_OUT * held_out,
        "counting, for a while": RUNS * max(size or 0 for size in sizes.values()),
        "index": INDEX * min(text, MEASURED) * beyond**HEAPS,
        **({"pieces": PIECES * text + HELD_OUT * held_out} if config["tokenizer"]["superwords"] else {}),
        "proxies": mixtures * sets * len(proxies["vocab_grid"]) * ROW,
        "tokenizers": TOKENIZER * (kept * proxies["vocab_size"] + entries),
    }
    unknown = [name for name, size in sizes.items() if size is None]
    return {what: int(size) for what, size in need.items()}, unknown


def forecast_of_all(configs: Sequence[Mapping[str, Any]], base: Path) -> tuple[dict[str, int], list[str]]:
    """The same of several recipes, which share the words of a split of the text."""
    need, unknown = forecast(configs[0], base)
    for number, config in enumerate(configs[1:], 1):
        splits = {split_name(one["tokenizer"]) for c in configs[:number] for one in [c, *pieces_of(c)]}
        shared = split_name(config["tokenizer"]) in splits
        new_pieces = any(split_name(one["tokenizer"]) not in splits for one in pieces_of(config))
        for what, size in forecast(config, base)[0].items():
            if (
                what in _OF_A_RECIPE
                or (not shared and what in _OF_A_SPLIT)
                or (what == "pieces" and new_pieces)
            ):
                need[what] = need.get(what, 0) + size
    return need, unknown


def check_space(configs: Sequence[Mapping[str, Any]], base: Path) -> list[str]:
    """Compare the forecast with the free space; returns lines to tell the user.

    configs: of the run, or of all its recipes.

    Raises:
        ConfigError: not even half of the forecast fits.
    """
    need, unknown = forecast_of_all(configs, base)
    results = base / configs[0]["results"]
    folder = results
    while not folder.exists():
        folder = folder.parent
    there = sum(path.stat().st_size for path in results.rglob("*") if path.is_file())
    missing, free = sum(need.values()) - there, shutil.disk_usage(folder).free
    parts = ", ".join(f"{what} {_gigabytes(size)}" for what, size in need.items())
    said = f"The run needs about {_gigabytes(max(missing, 0))} in {folder} ({parts}), where {_gigabytes(free)} are free"
    if missing / 2 > free:
        raise ConfigError(
            f"results: {said}. Free space, or give less text (corpora.<corpus>.source.max_bytes) or another folder"
        )
    lines = [f"{said}: this may not be enough"] if missing > free else []
    if unknown:
        lines.append(
            f"The size of {', '.join(unknown)} is unknown (Hugging Face hub), so disk space cannot be forecast: set "
            "max_bytes"
        )
    return lines


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
