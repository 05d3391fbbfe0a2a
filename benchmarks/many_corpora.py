"""The whole pipeline on hundreds of small corpora: the time and the memory of every stage.

    python benchmarks/many_corpora.py FOLDER [--corpora 300] [--kilobytes 20] [--cores 2]

Makes FOLDER with corpora of made-up words in ten scripts, each with two named evaluation sets beside the documents held
out, runs the pipeline of this checkout there with the default strategies and 64 proxies, and prints a table from
Snakemake's own measurements (Markdown, as in docs/scaling.md). Run again, it continues.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import yaml
from text import machine

ROOT = Path(__file__).parents[1]
CODE = ("Snakefile", "src", "workflow", "profiles", "envs", "config")
SCRIPTS = {  # ranges of letters
    "Latn": (0x61, 26), "Cyrl": (0x430, 32), "Grek": (0x3B1, 25), "Armn": (0x561, 38), "Hebr": (0x5D0, 27),
    "Arab": (0x627, 36), "Geor": (0x10D0, 33), "Hira": (0x3041, 83), "Hang": (0xAC00, 400), "Hani": (0x4E00, 1200),
}  # fmt: skip
FAMILY = 10  # corpora that share half of their words, as related languages do
WORDS_OF_FAMILY, WORDS_OF_ITS_OWN = 1500, 1500
EVALUATION = {"dev": 4, "devtest": 4}  # kilobytes of each set


def corpus_names(n: int) -> list[str]:
    """Ids of n corpora, with the script of each.

    >>> corpus_names(300)[::100]
    ['c000_Latn', 'c100_Latn', 'c200_Latn']
    """
    scripts = list(SCRIPTS)
    return [f"c{i:03d}_{scripts[i // FAMILY % len(scripts)]}" for i in range(n)]


def words(rng: random.Random, script: str, n: int) -> list[str]:
    """Made-up words of a language that uses some letters of a script, some of them often."""
    first, size = SCRIPTS[script]
    letters = [chr(first + i) for i in rng.sample(range(size), min(size, 60))]
    frequencies = [1 / (rank + 2) for rank in range(len(letters))]
    longest = 3 if size > 100 else 9
    return ["".join(rng.choices(letters, frequencies, k=rng.randint(1, longest))) for _ in range(n)]


def documents(rng: random.Random, vocabulary: list[str], n_bytes: int) -> Iterator[str]:
    """Documents of a dozen words, with the frequencies that words have (Zipf), n_bytes in all."""
    heaped = list(accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))
    while n_bytes > 0:
        text = " ".join(rng.choices(vocabulary, cum_weights=heaped, k=rng.randint(8, 16)))
        n_bytes -= len(text.encode())
        yield text


def write_text(folder: Path, names: list[str], kilobytes: int) -> None:
    """{corpus}.jsonl and {corpus}.{set}.jsonl of every corpus."""
    for i, name in enumerate(names):
        script = name.split("_")[1]
        family = words(random.Random(f"family {i // FAMILY}"), script, WORDS_OF_FAMILY)
        rng = random.Random(name)
        vocabulary = family + words(rng, script, WORDS_OF_ITS_OWN)
        rng.shuffle(vocabulary)
        for suffix, size in {"": kilobytes, **{f".{of}": kb for of, kb in EVALUATION.items()}}.items():
            lines = [
                json.dumps({"text": text}, ensure_ascii=False) + "\n"
                for text in documents(rng, vocabulary, size * 1000)
            ]
            (folder / f"{name}{suffix}.jsonl").write_text("".join(lines), encoding="utf-8")


def make(folder: Path, names: list[str], kilobytes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in CODE:
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    write_text(folder, names, kilobytes)
    config = {
        "corpus_defaults": {
            "source": {"jsonl": "{corpus}.jsonl"},
            "evaluation": {name: {"jsonl": f"{{corpus}}.{name}.jsonl"} for name in EVALUATION},
        },
        "corpora": {name: {} for name in names},
        "proxies": {"count": 64, "bytes": "2MB", "vocab_size": 8192, "vocab_grid": [2048, 4096, 8192]},
    }
    (folder / "my.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def measured(results: Path) -> list[tuple[str, int, float, float, float]]:
    """(rule, jobs, their wall-clock seconds, their CPU seconds, MB of the largest) from results/benchmarks."""
    found: dict[str, list[dict[str, str]]] = {}
    for file in sorted((results / "benchmarks").rglob("*.tsv")):
        rule = file.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
        with open(file, encoding="utf-8") as lines:
            rows = [row for row in csv.DictReader(lines, delimiter="\t") if "max_rss" in row]
        found.setdefault(rule, []).extend(rows)

    def number(row: dict[str, str], key: str) -> float:
        return float(row[key]) if row[key] not in ("-", "NA") else 0.0

    return [
        (
            rule,
            len(rows),
            sum(number(row, "s") for row in rows),
            sum(number(row, "cpu_time") for row in rows),
            max(number(row, "max_rss") for row in rows),
        )
        for rule, rows in found.items()
        if rows
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--corpora", type=int, default=300)
    parser.add_argument("--kilobytes", type=int, default=20, help="of text a corpus (default: 20)")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--only-make", action="store_true", help="make the folder and stop")
    given = parser.parse_args()
    if not (given.folder / "my.yaml").exists():
        make(given.folder, corpus_names(given.corpora), given.kilobytes)
    if given.only_make:
        sys.exit()
    command = [sys.executable, "-m", "snakemake", "--configfile", "my.yaml", "--cores", str(given.cores)]
    seconds = {}
    for what, more in (("dry-run", ["--dry-run", "--quiet"]), ("run", ["--quiet", "rules"])):
        start = time.monotonic()
        subprocess.run([*command, *more], cwd=given.folder, check=True, stdout=subprocess.DEVNULL)
        seconds[what] = time.monotonic() - start
    print(machine())
    print(f"dry-run {seconds['dry-run']:.1f} s, run {seconds['run']:.0f} s\n")
    print("| stage | jobs | wall s | CPU s | MB at most |\n| --- | ---: | ---: | ---: | ---: |")
    for rule, jobs, wall, cpu, memory in measured(given.folder / "results"):
        print(f"| `{rule}` | {jobs} | {wall:.1f} | {cpu:.1f} | {memory:.0f} |")
