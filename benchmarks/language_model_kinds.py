"""V, superwords, parity and a pattern: small language models of tokenizers of one text, trained on a CPU.

    python benchmarks/language_model_kinds.py prepare FOLDER   # text, tokenizers, and what the cost model says of V
    python benchmarks/language_model_kinds.py train FOLDER     # goes on where it was stopped; one seed after another
    python benchmarks/language_model_kinds.py collect FOLDER...  # into benchmarks/language_model_kinds*.csv
    python benchmarks/language_model_kinds.py costs --depth 2 --context 512  # the cost model on all corpora
    python benchmarks/language_model_kinds.py                  # the tables of docs/language-model.md, from them

The text: the same bytes of every corpus. Every tokenizer is trained on all of it in equal shares, its language models
on the beginning. Training and comparing are those of the stage (`trex.language_model`).
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from trex.files import read_json, write_json, write_table

HERE = Path(__file__).parent
BITS, MODELS, COSTS = (HERE / f"language_model_kinds{name}.csv" for name in ("", "_models", "_costs"))
CORPORA = ["eng_Latn", "deu_Latn", "tur_Latn", "rus_Cyrl"]
KINDS = {f"plain_{size}": {"size": size} for size in (512, 1024, 2048, 4096, 8192)}
for size in (4096, 8192):
    KINDS |= {
        f"superwords_{size}": {"size": size, "superwords": 0.5},
        f"parity_{size}": {"size": size, "parity": "window"},
        f"o200k_{size}": {"size": size, "pattern": "o200k"},
    }
DEFAULT_ROWS = [name for name, kind in KINDS.items() if kind.keys() == {"size"} or kind["size"] == 4096]
LARGEST = 16_384  # of the curve of costs
CHECK = {
    "depth": 1, "context": 256, "batch": 4, "learning_rate": 1e-3, "weight_decay": 0.1, "tied_embeddings": True,
    "byte_share": 0.1,
}  # fmt: skip
STRETCHES = 10  # of neighbouring documents of a corpus, which are drawn together for intervals


# --- Tokenizers -------------------------------------------------------------------------------------------


def prepare(
    folder: Path,
    corpora: Path,
    tokenizer_bytes: int,
    training_bytes: int,
    held_out_bytes: int,
    names: list[str],
) -> None:
    """Write text/{corpus}.{training,held_out}.parquet, ids/{kind}.*, costs.csv."""
    from parity import count, totals
    from superwords import Counted, first_bytes

    from trex.bpe.parity import train_parity
    from trex.bpe.superwords import train_superwords
    from trex.bpe.training import train_flat
    from trex.bpe.turns import Turns
    from trex.language_model.jobs import encode_view
    from trex.tokenizer.build import to_tokenizer
    from trex.tokenizer.existing import load_tokenizer
    from trex.tokenizer.sizes import transition_size

    texts = read_texts([corpora / f"{corpus}.parquet" for corpus in CORPORA], tokenizer_bytes, held_out_bytes)
    for corpus, (train, _, test) in zip(CORPORA, texts, strict=True):
        for name, documents in (("training", first_bytes(train, training_bytes)), ("held_out", test)):
            write_table(pl.DataFrame({"text": pl.from_arrow(documents)}), _text(folder, corpus, name))

    counted = {}
    patterns = {
        "superwords" if "superwords" in kind else kind.get("pattern") for kind in map(KINDS.get, names)
    }
    for pattern in ("default", *(patterns - {None})):
        words, (training, development, test) = count(texts, pattern)
        counted[pattern] = (Counted(words, totals(len(words), training)), training, development, test)
        print(f"{pattern}: {len(words):,} words", flush=True)
    plain, training, development, test = counted["default"]
    _, existing = load_tokenizer("o200k_base", Path())
    units = [tokens_of(existing, kinds[1]) for kinds in texts]
    for name in names:
        kind = KINDS[name]
        size, pattern = kind["size"], "default"
        if "superwords" in kind:
            pattern, transition = "superwords", transition_size(size, kind["superwords"])
            [model] = train_superwords(plain, counted["superwords"][0], size, [transition])
        elif "parity" in kind:
            turns = Turns(kind["parity"], units=units)  # compares NSL, as the stage does
            model = train_parity(plain.words, training, size, turns, development=development)
        else:
            pattern = kind.get("pattern", "default")
            model = train_flat(*counted[pattern][0], size)
        measured = {("held_out", corpus): _text(folder, corpus, "held_out") for corpus in CORPORA}
        encoded = encode_view(
            to_tokenizer(model, pattern), name, [_text(folder, corpus, "training") for corpus in CORPORA], measured,
            held_out_bytes,
        )  # fmt: skip
        write_table(encoded.training, _ids(folder, name, "training"))
        write_table(encoded.measured, _ids(folder, name, "measured"))
        write_json(encoded.about, folder / f"ids/{name}.json")
        print(f"{name}: {encoded.about['tokens']:,} tokens", flush=True)
    cost_of_sizes(train_flat(*plain, LARGEST, evaluation=test), texts).write_csv(
        folder / "costs.csv", float_precision=6
    )


def read_texts(
    files: list[Path], tokenizer_bytes: int, held_out_bytes: int
) -> list[list[pa.LargeStringArray]]:
    """By file: training, development and test text, each document once; NFC."""
    from superwords import first_bytes
    from text import read, split

    from trex.counting.normalize import normalized

    sizes = (tokenizer_bytes, tokenizer_bytes // 20, held_out_bytes)
    return [
        [
            normalized(first_bytes(documents, size), "nfc")[0]
            for documents, size in zip(split(read(str(file)).unique()), sizes, strict=True)
        ]
        for file in files
    ]


def tokens_of(tokenizer, documents: pa.LargeStringArray) -> int:
    return sum(
        len(encoding)
        for encoding in tokenizer.encode_batch_fast(documents.to_pylist(), add_special_tokens=False)
    )


def cost_of_sizes(model, texts: list) -> pl.DataFrame:
    """What the cost model says of every V, for the model that is trained: vocab_size, tokens_per_byte, flops_per_byte,
    and with_attention, which the budgets of the check count as well."""
    from trex.language_model.cost import Run, cost
    from trex.language_model.shape import Shape
    from trex.language_model.vocab_size import flat_region

    shape = Shape(CHECK["depth"], 0, CHECK["context"])
    n_bytes = np.array([pc.sum(pc.binary_length(kinds[2])).as_py() for kinds in texts], float)
    run = Run(
        shape.block_parameters,
        shape.width,
        True,
        np.ones(len(texts)) / len(texts),
        CHECK["context"],
        1.0,
        1.0,
    )
    sizes = range(264, LARGEST + 1, 8)
    costs = [cost(run, n_bytes / model.token_counts(size), size) for size in sizes]
    attention = 6 * shape.depth * shape.width * CHECK["context"]
    table = pl.DataFrame(
        {
            "vocab_size": list(sizes),
            "tokens_per_byte": [of.tokens for of in costs],
            "flops_per_byte": [of.flops for of in costs],
            "with_attention": [of.flops + attention * of.tokens for of in costs],
        }
    )
    for column in ("flops_per_byte", "with_attention"):
        print(f"depth {shape.depth}, {column}: {flat_region(table['vocab_size'], table[column])}", flush=True)
    return table


def costs(corpora: Path, tokenizer_bytes: int, held_out_bytes: int) -> None:
    """Print what the cost model says of V on all corpora of a folder."""
    from parity import count, totals

    from trex.bpe.training import train_flat

    texts = read_texts(sorted(corpora.glob("*.parquet")), tokenizer_bytes, held_out_bytes)
    words, (training, _, test) = count(texts)
    model = train_flat(words, totals(len(words), training), LARGEST, evaluation=test)
    table = cost_of_sizes(model, texts)
    print(table.filter(pl.col("vocab_size").is_in([512, 1024, 2048, 4096, 8192, 16_384])))


def _text(folder: Path, corpus: str, of: str) -> Path:
    return folder / f"text/{corpus}.{of}.parquet"


def _ids(folder: Path, name: str, of: str) -> Path:
    return folder / f"ids/{name}.{of}.parquet"


# --- Training ---------------------------------------------------------------------------------------------


def train(folder: Path, seeds: range, compute_only: bool) -> None:
    """Write models/{row}.{seed}.parquet and .json. compute_only: at equal compute alone, which costs large V less."""
    from trex.language_model.device import prepare as same_numbers

    same_numbers()
    from trex.language_model.budgets import EQUAL_BYTES, EQUAL_COMPUTE
    from trex.language_model.jobs import equal_flops, train_row

    names = rows_of(folder)
    views = {name: read_json(folder / f"ids/{name}.json") for name in names}
    budget = equal_flops(names, views, CHECK)
    print(json.dumps(budget), flush=True)
    for seed, name in product(seeds, names):
        out = folder / f"models/{name}.{seed}"
        if Path(f"{out}.json").exists():
            continue
        began, cpu = time.monotonic(), time.process_time()
        files = {name: (_ids(folder, name, "training"), _ids(folder, name, "measured"), views[name])}
        budgets = [EQUAL_COMPUTE] if compute_only else [EQUAL_BYTES, EQUAL_COMPUTE]
        trained = train_row(name, seed, files, budget["flops"], CHECK, Path(f"{out}.checkpoint.npz"), budgets)
        write_table(trained.bits, Path(f"{out}.parquet"))
        about = {
            **trained.about,
            "cpu_seconds": time.process_time() - cpu,
            "seconds": time.monotonic() - began,
        }
        write_json(about, Path(f"{out}.json"))
        bpb = trained.bits.group_by("budget", "corpus").agg(pl.col("bits").sum() / pl.col("bytes").sum())
        mean = dict(bpb.group_by("budget").agg(pl.col("bits").mean()).iter_rows())
        print(name, seed, mean, f"{about['cpu_seconds']:.0f} CPU s, {about['seconds']:.0f} s", flush=True)


def rows_of(folder: Path) -> list[str]:
    """Those that were prepared."""
    return [name for name in KINDS if (folder / f"ids/{name}.json").exists()]


def collect(folders: list[Path]) -> None:
    """Write BITS (a line a run, row, seed, budget, corpus and stretch of documents), MODELS, and COSTS (of runs that
    compare sizes, its V and the cheapest). A run is called as its folder; only seeds that all its rows have are taken.
    Other runs and seeds that the files have stay."""
    tables, models, costs = [], [], []
    for folder, seed in product(folders, range(1, 100)):
        names = rows_of(folder)
        if not all((folder / f"models/{name}.{seed}.json").exists() for name in names):
            continue
        for name in names:
            stretch = pl.int_range(pl.len()) * STRETCHES // pl.len()
            tables.append(
                pl.read_parquet(folder / f"models/{name}.{seed}.parquet")
                .with_columns(document=stretch.over("budget", "corpus"))
                .group_by("budget", "corpus", "document", maintain_order=True)
                .agg(pl.col("bytes", "tokens").sum(), pl.col("bits").sum())
                .select(
                    pl.lit(folder.name).alias("run"),
                    pl.lit(name).alias("row"),
                    pl.lit(seed).alias("seed"),
                    pl.all(),
                )
            )
            about = read_json(folder / f"models/{name}.{seed}.json")
            steps = about.pop("steps")
            steps = {f"steps_{budget}": steps.get(budget) for budget in ("bytes", "compute")}
            models.append({"run": folder.name, "row": name, "seed": seed, **about, **steps})
    if not tables:
        raise SystemExit(f"no seed of {', '.join(map(str, folders))} has all its rows: train them first")
    replace(BITS, pl.concat(tables), 2)
    replace(MODELS, pl.DataFrame(models), 1)
    for folder in folders:
        sizes = [KINDS[name]["size"] for name in rows_of(folder) if name.startswith("plain")]
        if len(sizes) > 1:
            table = pl.read_csv(folder / "costs.csv")
            cheapest = pl.col("flops_per_byte") == pl.col("flops_per_byte").min()
            kept = table.filter(pl.col("vocab_size").is_in(sizes) | cheapest)
            costs.append(kept.select(pl.lit(folder.name).alias("run"), pl.all()))
    if costs:
        replace(COSTS, pl.concat(costs), 6)


def replace(path: Path, lines: pl.DataFrame, digits: int) -> None:
    """Write lines into a table, instead of those of the same runs and seeds; by run, in the order in which runs came,
    and seed."""
    keys = [key for key in ("run", "seed") if key in lines.columns]
    if path.exists():
        older = pl.read_csv(path).join(lines, on=keys, how="anti", maintain_order="left")
        lines = pl.concat([older, lines], how="vertical_relaxed")
    by = [pl.col("run").cast(pl.Enum(lines["run"].unique(maintain_order=True))), *keys[1:]]
    lines.sort(by, maintain_order=True).write_csv(path, float_precision=digits)


# --- Answers ----------------------------------------------------------------------------------------------


def answers() -> None:
    from trex.language_model.compare import compare, measured, noise_of_seeds

    table, models = pl.read_csv(BITS), pl.read_csv(MODELS)
    for (run,), of_run in table.group_by(["run"], maintain_order=True):
        bits = {
            (row, seed): of.with_columns(evaluation_set=pl.lit("held_out"))
            for (row, seed), of in of_run.group_by("row", "seed", maintain_order=True)
        }
        about = {row["row"]: row for row in models.filter(run=run).iter_rows(named=True)}
        found = compare(bits, about, 1)
        for budget in found["budget"].unique(maintain_order=True):
            sd, freedom = noise_of_seeds(measured(bits, budget, "held_out", 1).values[0].mean(axis=-1))
            print(f"\n{run}, equal {budget}: noise of a seed {100 * sd:.2f} %, {freedom} degrees of freedom")
        plain = [name for name in about if name.startswith("plain")]
        if len(plain) > 1:
            print_rows(found, about, plain, plain[0])
        if kinds := [name for name in about if name not in plain]:
            reference = f"plain_{KINDS[kinds[0]]['size']}"
            print_rows(found, about, [reference, *kinds], reference)
            print_corpora(found, kinds, reference)


def print_rows(found: pl.DataFrame, about: dict, names: list[str], reference: str) -> None:
    prices = pl.read_csv(COSTS).filter(run=next(iter(about.values()))["run"])
    least = prices["flops_per_byte"].min()
    cost = {
        size: flops / least - 1 for size, flops in prices.select("vocab_size", "flops_per_byte").iter_rows()
    }
    budgets = found["budget"].unique(maintain_order=True).to_list()
    sizes = all(name.startswith("plain") for name in names)  # what is compared: costs are of plain BPE
    header = ["row", "parameters", "tokens a byte", "cost", "TFLOP a pass"]
    for budget in budgets:
        header += [f"bits, equal {budget}", f"fewer than `{reference}`"]
    print(f"\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for name in names:
        of, model = found.filter(row=name), about[name]
        tokens = of.filter(budget=budgets[0], metric="tokens_per_byte")["value"].mean()
        cells = [
            f"`{name}`",
            f"{model['parameters'] / 1e6:.2f} M",
            f"{tokens:.3f}",
            f"{100 * cost[KINDS[name]['size']]:+.0f} %" if sizes else "–",
            f"{model['training_tokens'] * model['flops_per_token'] / 1e12:.2f}",
        ]
        for budget in budgets:
            here = of.filter(budget=budget)
            cells.append(f"{here.filter(metric='bpb_macro')['value'].item():.4f}")
            gains = here.filter(metric="gain_macro", against=reference)
            cells.append(_gain(gains) if name != reference else "–")
        print(f"| {' | '.join(cells)} |")


def print_corpora(found: pl.DataFrame, names: list[str], reference: str) -> None:
    columns = [(name, budget) for name in names for budget in found["budget"].unique(maintain_order=True)]
    print(f"\n| corpus | {' | '.join(f'`{name}`, equal {budget}' for name, budget in columns)} |")
    print("|" + "---|" * (1 + len(columns)))
    for corpus in CORPORA:
        gains = found.filter(corpus=corpus, metric="gain", against=reference)
        print(f"| {corpus} | {' | '.join(_gain(gains.filter(row=n, budget=b)) for n, b in columns)} |")


def _gain(rows: pl.DataFrame) -> str:
    value, low, high = rows.select("value", "low", "high").row(0)
    return f"{value:+.2f} %" if low is None else f"{value:+.2f} % ({low:+.2f} to {high:+.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=["prepare", "train", "collect", "costs"])
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--corpora", type=Path, default=Path("../shared/data/corpora"))
    parser.add_argument("--tokenizer-bytes", type=int, default=3_000_000, help="of each corpus")
    parser.add_argument("--training-bytes", type=int, default=250_000, help="of each corpus, for the models")
    parser.add_argument("--held-out-bytes", type=int, default=40_000, help="of each corpus")
    parser.add_argument(
        "--rows",
        type=lambda text: text.split(","),
        default=DEFAULT_ROWS,
        help=f"of {', '.join(KINDS)}; default: plain ones and those of V = 4096",
    )
    parser.add_argument("--depth", type=int, default=CHECK["depth"])
    parser.add_argument("--context", type=int, default=CHECK["context"])
    parser.add_argument("--batch", type=int, default=CHECK["batch"])
    parser.add_argument("--seeds", type=int, default=2, help="the last one")
    parser.add_argument(
        "--first-seed", type=int, default=1, help="several commands can share a folder's seeds"
    )
    parser.add_argument(
        "--compute-only", action="store_true", help="train at equal compute, not at equal bytes"
    )
    arguments = parser.parse_args()
    CHECK.update(depth=arguments.depth, context=arguments.context, batch=arguments.batch)
    if arguments.command is None:
        answers()
        return
    if arguments.command == "costs":
        costs(arguments.corpora, arguments.tokenizer_bytes, arguments.held_out_bytes)
        return
    if not arguments.folders:
        parser.error(f"{arguments.command} needs a folder")
    folder = arguments.folders[0]
    if arguments.command == "prepare":
        prepare(
            folder, arguments.corpora, arguments.tokenizer_bytes, arguments.training_bytes, arguments.held_out_bytes,
            arguments.rows,
        )  # fmt: skip
    elif arguments.command == "train":
        train(folder, range(arguments.first_seed, arguments.seeds + 1), arguments.compute_only)
    else:
        collect(arguments.folders)


if __name__ == "__main__":
    main()
