"""A tiny run of the whole pipeline: three corpora of made-up words, a minute of CPU. For tests and drills.

python tests/tiny.py FOLDER    # makes the folder; then, in it: snakemake --cores 2 --configfile my.yaml
"""

import hashlib
import json
import random
import sys
from pathlib import Path

import yaml
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

ROOT = Path(__file__).parents[1]
CODE = ("Snakefile", "src", "workflow", "profiles", "envs", "config")
ALPHABETS = {"aaa": "abcdefgh", "bbb": "αβγδεζηθ", "ccc": "あいうえおかきく"}
# One strategy, one surface, one vocabulary size, few proxies: every rule of the pipeline, and little work in each.
CONFIG = {
    "reference": "reference.json",
    "corpora": {corpus: {"source": {"jsonl": f"{corpus}.jsonl"}} for corpus in ALPHABETS},
    "proxies": {"count": 24, "per_job": 12, "bytes": "40kB", "vocab_size": 400},
    "regression": {"model": "linear", "compare": ["linear"], "folds": 4},
    "search": {"strategies": ["surrogate"]},
    "choice": {"replicates": 1},
    "training": {"vocab_size": 500, "baselines": False},
    "baselines": {"uniform": "uniform"},
    "validation": {"tokenizers": {"other": "reference.json"}, "mixtures": 3, "grid": []},
}
# of the results, what everything else is made for
FINAL = (
    "summary.md", "candidates.csv", "provenance.json", "training_set.parquet", "tokenizers/chosen/tokenizer.json",
    "figures/mixture_bars.svg",
)  # fmt: skip


def texts(corpus: str, n: int = 600) -> list[str]:
    """Documents of a dozen made-up words, with the frequencies that words have."""
    rng = random.Random(corpus)
    words = ["".join(rng.choices(ALPHABETS[corpus], k=rng.randint(1, 9))) for _ in range(2000)]
    frequencies = [1 / rank for rank in range(1, 2001)]
    return [f"{' '.join(rng.choices(words, frequencies, k=12))} {i}" for i in range(n)]


def make(folder: Path, **sections) -> Path:
    """Fill a folder with links to the code, corpora, a reference tokenizer and my.yaml: CONFIG, with these sections'
    keys changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in CODE:
        (folder / name).symlink_to(ROOT / name)
    for corpus in ALPHABETS:
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts(corpus))
        (folder / f"{corpus}.jsonl").write_text(lines, encoding="utf-8")
    reference = Tokenizer(models.BPE())
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    reference.train_from_iterator([text for corpus in ALPHABETS for text in texts(corpus, 100)], trainer)
    reference.save(str(folder / "reference.json"))
    config = {**CONFIG}
    for section, keys in sections.items():
        config[section] = {**CONFIG.get(section, {}), **keys}
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    return folder


def sha256s(results: Path) -> dict[str, str]:
    """SHA-256 of every file of the results by name: without logs, measurements, and what is hidden."""
    found = {}
    for path in sorted(results.rglob("*")):
        name = path.relative_to(results)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and name.parts[0] not in ("logs", "benchmarks", "costs.md") and not hidden:
            found[name.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


if __name__ == "__main__":
    make(Path(sys.argv[1]))
