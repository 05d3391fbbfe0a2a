"""Does compression help a language model? Trains small ones with many tokenizers, on a GPU or, with patience, a CPU.

    python benchmarks/language_model.py prepare FOLDER --proxies RESULTS --recipes RESULTS  # text, tokenizers of runs
    python benchmarks/language_model.py encode FOLDER --names NAMES          # text as each tokenizer's ids
    python benchmarks/language_model.py train FOLDER OUT.npz --names NAMES --depth 4 --seconds 300

`train` writes what it has after every tokenizer, the most important ones first. Of several learning rates, the first
tokenizer is trained with each, and the others with its best one, as far as they fit into the seconds.
docs/language-model.md has the commands of the published numbers, and benchmarks/language_model_answers.py makes its
tables and figures. `encode` and `train` need only numpy, pyarrow, tokenizers, jax and optax.
"""

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trex.language_model.shape import Shape
from trex.language_model.text import (
    Documents,
    Vocabulary,
    bytes_of_documents,
    encode_documents,
    mixed_stream,
    of_bytes,
    of_proxy,
    of_tokenizer,
    shifted,
    stream,
)

HELD_OUT = 0.1
MEASURED_AT_ONCE = 8  # windows
BYTE_SHARE = 0.1  # of the documents that Proxy Compression reads raw, as its authors do


# --- prepare ----------------------------------------------------------------------------------------------


def prepare(
    folder: Path, proxies: Path, recipes: Path | None, corpora: Path, train_bytes: int, held_out_bytes: int
) -> None:
    """Write text.parquet (split, corpus, text; NFC) and tokenizers/{name}.json, of all proxies, and of every recipe's
    natural mixture."""
    import shutil
    import unicodedata

    from trex.corpora import read_documents
    from trex.counting.documents import document_hashes, low_half

    rows: dict[str, list[str]] = {"split": [], "corpus": [], "text": []}
    for path in sorted(corpora.glob("*.parquet")):
        batches = list(read_documents({"parquet": str(path)}, Path()))
        hashes = np.concatenate([document_hashes(batch, 1) for batch in batches])
        texts = [text for batch in batches for text in batch.to_pylist()]
        held_out = low_half(hashes) < np.uint64(round(HELD_OUT * 2**32))  # as `trex.counting.corpus` does
        for split, is_of, most in (("train", ~held_out, train_bytes), ("held_out", held_out, held_out_bytes)):
            size, seen = 0, set()
            for i in np.argsort(hashes >> np.uint64(32), kind="stable"):
                if not is_of[i] or hashes[i] in seen or size >= most:
                    continue
                seen.add(hashes[i])
                text = unicodedata.normalize("NFC", texts[i])
                size += len(text.encode())
                for column, value in zip(rows.values(), (split, path.stem, text), strict=True):
                    column.append(value)
    (folder / "tokenizers").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(rows), folder / "text.parquet", compression="zstd", compression_level=19)
    for file in sorted(proxies.glob("proxies/*.tokenizers/*.json")):
        shutil.copy(file, folder / "tokenizers")
    for file in sorted(recipes.glob("recipes/*/full_scale/natural/0.tokenizer.json")) if recipes else []:
        shutil.copy(file, folder / f"tokenizers/{file.parts[-4]}.json")


# --- encode -----------------------------------------------------------------------------------------------


def texts_of(folder: Path, split: str, n_bytes: int) -> tuple[list[str], list[str]]:
    """(documents, the corpus of each); of each corpus the first of so many bytes."""
    table = pq.read_table(folder / "text.parquet")
    rows = [
        (text, corpus)
        for of, corpus, text in zip(*(column.to_pylist() for column in table.columns), strict=True)
        if of == split
    ]
    taken, sizes = [], dict.fromkeys((corpus for _, corpus in rows), 0)
    for text, corpus in rows:
        if sizes[corpus] < n_bytes:
            sizes[corpus] += len(text.encode())
            taken.append((text, corpus))
    return [text for text, _ in taken], [corpus for _, corpus in taken]


def encode(folder: Path, cache: Path, n_bytes: dict[str, int], name: str) -> str:
    """Write {cache}/{name}.{split}.parquet."""
    from tokenizers import Tokenizer

    began = time.monotonic()
    for split in ("train", "held_out"):
        texts, _ = texts_of(folder, split, n_bytes[split])
        if name == "bytes":
            documents = bytes_of_documents(texts)
        else:
            tokenizer = Tokenizer.from_file(str(folder / f"tokenizers/{name}.json"))
            tokenizer.encode_special_tokens = True
            documents = encode_documents(tokenizer, texts)
        cache.mkdir(parents=True, exist_ok=True)
        pq.write_table(documents.to_arrow(), cache / f".{name}.{split}", compression="none")
        (cache / f".{name}.{split}").rename(cache / f"{name}.{split}.parquet")
    return f"{name}: {time.monotonic() - began:.1f} s"


def encode_all(
    folder: Path, cache: Path, n_bytes: dict[str, int], names: Sequence[str], workers: int
) -> None:
    with ProcessPoolExecutor(workers) as pool:
        waiting = [pool.submit(encode, folder, cache, n_bytes, name) for name in names]
        for done in waiting:
            print(done.result(), flush=True)


def wait_for(path: Path) -> Path:
    """Of another process that is at work on it."""
    if not path.exists():
        print(f"waiting for {path}, which `encode` writes", flush=True)
    while not path.exists():
        time.sleep(0.2)
    return path


# --- train ------------------------------------------------------------------------------------------------


def vocabulary_of(folder: Path, name: str) -> Vocabulary:
    """`bytes`, `proxy_NAME`, or NAME of a tokenizer."""
    if name == "bytes":
        return of_bytes()
    content = json.loads((folder / f"tokenizers/{name.removeprefix('proxy_')}.json").read_text())
    ids = len(content["model"]["vocab"])
    if name.startswith("proxy_"):
        return of_proxy(ids)
    return of_tokenizer(ids, content["added_tokens"][0]["id"])


def read(cache: Path, name: str, split: str) -> Documents:
    return Documents.read(wait_for(cache / f"{name}.{split}.parquet"))


def streams_of(
    cache: Path, name: str, vocabulary: Vocabulary, seeds: Sequence[int]
) -> tuple[list[np.ndarray], Documents]:
    """(the training stream of each seed, the held-out documents)."""
    if name.startswith("proxy_"):
        raw, held_out = read(cache, "bytes", "train"), read(cache, "bytes", "held_out")
        compressed = shifted(read(cache, name.removeprefix("proxy_"), "train"), vocabulary.other.first)
        return [mixed_stream(raw, compressed, vocabulary, BYTE_SHARE, seed) for seed in seeds], held_out
    documents = read(cache, name, "train")
    return [stream(documents, vocabulary, seed) for seed in seeds], read(cache, name, "held_out")


def train(arguments: argparse.Namespace) -> None:
    if not arguments.any_order:
        from trex.language_model.device import prepare as same_numbers

        same_numbers()
    import jax

    jax.config.update("jax_compilation_cache_dir", str(arguments.cache / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1)
    began, longest = time.monotonic(), 0.0
    vocabularies = {name: vocabulary_of(arguments.folder, name) for name in arguments.names}
    equal = arguments.equal_flops or least_of_a_pass(arguments, vocabularies)
    rates = arguments.learning_rates
    first, *others = arguments.names
    rows: dict[str, tuple[dict, dict[str, np.ndarray]]] = {}
    for rate in rates:
        rows[f"{first}@{rate:g}"] = row = train_one(arguments, first, vocabularies[first], rate, equal)
        # the first one compiles, which the others need not
        longest = max(longest, row[0]["seconds"] / (2 if len(rows) == 1 else 1))
        write(arguments.out, rows)
    best = min(rows, key=lambda name: max(bits_per_byte(rows[name][0])))  # by its worst seed
    rows = {first if name == best else name: row for name, row in rows.items()}
    rate = rows[first][0]["learning_rate"]
    write(arguments.out, rows)
    for name in others:
        if time.monotonic() - began + longest > arguments.seconds:
            print(f"no time for {name}", flush=True)
            continue
        rows[name] = train_one(arguments, name, vocabularies[name], rate, equal)
        longest = max(longest, rows[name][0]["seconds"])
        write(arguments.out, rows)


def shape_of(arguments: argparse.Namespace, vocabulary: Vocabulary) -> Shape:
    return Shape(arguments.depth, vocabulary.size, arguments.context)


def least_of_a_pass(arguments: argparse.Namespace, vocabularies: dict[str, Vocabulary]) -> float:
    """The least compute of reading all text once."""
    flops = {}
    for name, vocabulary in vocabularies.items():
        streams, _ = streams_of(arguments.cache, name, vocabulary, (1,))
        flops[name] = len(streams[0]) * shape_of(arguments, vocabulary).training_flops
    print(json.dumps({"pass_flops": flops}), flush=True)
    return min(flops.values())


def train_one(
    arguments: argparse.Namespace, name: str, vocabulary: Vocabulary, rate: float, equal_flops: float
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(what the model is and took, the bits of every document [seeds, documents] by budget and the curve)."""
    import jax

    from trex.language_model.budgets import segments, steps_of
    from trex.language_model.evaluate import make_measure, windows
    from trex.language_model.train import Options, Training

    began = time.monotonic()
    seeds = tuple(range(1, arguments.seeds + 1))
    options = Options(arguments.batch, rate, arguments.weight_decay, seeds, arguments.attention)
    shape = shape_of(arguments, vocabulary)
    streams, held_out = streams_of(arguments.cache, name, vocabulary, seeds)
    text_bytes = int(read(arguments.cache, name.removeprefix("proxy_"), "train").n_bytes.sum())
    tokens, step_tokens = min(map(len, streams)), arguments.batch * arguments.context
    steps = steps_of(tokens, shape.training_flops, equal_flops, step_tokens)
    dealt = windows(held_out, vocabulary.measured.border, arguments.context)
    measured_at_once = MEASURED_AT_ONCE * arguments.context
    measure = make_measure(
        shape, vocabulary.measured.possible(shape.rows), measured_at_once, arguments.attention
    )
    possible = np.arange(shape.rows) < vocabulary.size
    training = Training(shape, options, streams, segments(steps), possible)
    progress = training.run(lambda state: {"bits": measure(state.parameters, dealt, len(held_out))})
    arrays = {budget: result["bits"].astype(np.float32) for budget, result in progress.results.items()}
    arrays["curve"] = np.array(progress.curve, dtype=np.float32)
    device = jax.devices()[0]
    about = {
        "name": name, "depth": arguments.depth, "vocab_size": vocabulary.size, "tokens": tokens,
        "held_out_tokens": int(held_out.tokens.sum()), "held_out_bytes": int(held_out.n_bytes.sum()), "steps": steps,
        "parameters": shape.parameters, "flops_per_token": shape.training_flops, "train_seconds": progress.seconds,
        "seconds": time.monotonic() - began,
        "trained_tokens": step_tokens * len(seeds) * sum(s.last - s.first for s in training.plan),
        "equal_flops": equal_flops, "text_bytes": text_bytes, "batch": arguments.batch, "learning_rate": rate,
        "device": device.device_kind, "memory": (device.memory_stats() or {}).get("peak_bytes_in_use", 0),
        "bits": {budget: arrays[budget].sum(axis=1, dtype=float).tolist() for budget in steps},
    }  # fmt: skip
    print(json.dumps({**about, "bpb": {b: bits_per_byte(about, b) for b in steps}}), flush=True)
    return about, arrays


def bits_per_byte(about: dict[str, Any], budget: str = "bytes") -> list[float]:
    """Of all held-out text, of each seed. (The tables have the mean of the corpora.)"""
    return [round(bits / about["held_out_bytes"], 4) for bits in about["bits"][budget]]


def write(out: Path, rows: dict[str, tuple[dict, dict[str, np.ndarray]]]) -> None:
    """What there is so far. Rows by name; the trial of another learning rate has NAME@RATE."""
    about = [{**about, "name": name} for name, (about, _) in rows.items()]
    arrays = {f"{name}:{of}": values for name, (_, of_row) in rows.items() for of, values in of_row.items()}
    np.savez_compressed(out, about=np.array(json.dumps(about)), **arrays)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    of = {name: commands.add_parser(name) for name in ("prepare", "encode", "train")}
    for command in of.values():
        command.add_argument("folder", type=Path)
    of["prepare"].add_argument("--proxies", type=Path, required=True, help="results folder of a run")
    of["prepare"].add_argument("--recipes", type=Path, help="results folder of a run of recipes")
    of["prepare"].add_argument("--corpora", type=Path, default=Path("../shared/data/corpora"))
    of["prepare"].add_argument("--train-bytes", type=int, default=2_400_000, help="of each corpus")
    for name in ("prepare", "encode"):
        of[name].add_argument("--held-out-bytes", type=int, default=100_000, help="of each corpus")
    of["encode"].add_argument("--bytes", type=int, default=1_000_000, help="of each corpus, to train on")
    for name in ("encode", "train"):
        of[name].add_argument("--cache", type=Path, default=Path("/tmp/language_model"))
        of[name].add_argument("--names", type=lambda text: text.split(","), required=True)
    of["encode"].add_argument("--workers", type=int, default=4)
    of["train"].add_argument("out", type=Path)
    of["train"].add_argument("--depth", type=int, default=4)
    of["train"].add_argument("--context", type=int, default=512)
    of["train"].add_argument("--batch", type=int, default=4)
    of["train"].add_argument("--seeds", type=int, default=3)
    of["train"].add_argument(
        "--learning-rates", type=lambda text: list(map(float, text.split(","))), default=[1e-3]
    )
    of["train"].add_argument("--any-order", action="store_true", help="of operations on a GPU, as JAX likes")
    of["train"].add_argument("--weight-decay", type=float, default=0.1)
    of["train"].add_argument("--attention", default=None)
    of["train"].add_argument("--seconds", type=float, default=3600)
    of["train"].add_argument("--equal-flops", type=float, default=None)
    arguments = parser.parse_args()
    if arguments.command == "prepare":
        prepare(
            arguments.folder, arguments.proxies, arguments.recipes, arguments.corpora, arguments.train_bytes,
            arguments.held_out_bytes,
        )  # fmt: skip
    elif arguments.command == "encode":
        n_bytes = {"train": arguments.bytes, "held_out": arguments.held_out_bytes}
        encode_all(arguments.folder, arguments.cache, n_bytes, arguments.names, arguments.workers)
    else:
        train(arguments)


if __name__ == "__main__":
    main()
