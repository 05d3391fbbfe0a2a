"""V, superwords, parity and a pattern: small language models of tokenizers of one text, trained on a CPU.

    python benchmarks/language_model_kinds.py prepare FOLDER   # text, tokenizers, and what the cost model says of V
    python benchmarks/language_model_kinds.py train FOLDER     # goes on where it was stopped; one seed after another
    python benchmarks/language_model_kinds.py collect FOLDER   # into benchmarks/language_model_kinds*.csv
    python benchmarks/language_model_kinds.py                  # the tables of docs/language-model.md, from them

The text: the same bytes of every corpus. Every tokenizer is trained on all of it in equal shares, its language models
on the beginning. Training and comparing are those of the stage (`trex.language_model`).
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from trex.files import read_json, write_json, write_table

HERE = Path(__file__).parent
BITS, MODELS, COSTS = (HERE / f"language_model_kinds{name}.csv" for name in ("", "_models", "_costs"))
CORPORA = ["eng_Latn", "deu_Latn", "tur_Latn", "rus_Cyrl"]
AT = 4096  # V of the rows that are no plain BPE
SIZES = [512, 1024, 2048, AT, 8192]
KINDS = {
    **{f"plain_{size}": {"size": size} for size in SIZES},
    f"superwords_{AT}": {"size": AT, "superwords": 0.5},
    f"parity_{AT}": {"size": AT, "parity": "window"},
    f"o200k_{AT}": {"size": AT, "pattern": "o200k"},
}
REFERENCE = f"plain_{AT}"
CHECK = {
    "depth": 1, "context": 256, "batch": 4, "learning_rate": 1e-3, "weight_decay": 0.1, "tied_embeddings": True,
    "byte_share": 0.1,
}  # fmt: skip
STRETCHES = 10  # of neighbouring documents of a corpus, which are drawn together for intervals


# --- Tokenizers -------------------------------------------------------------------------------------------


def prepare(
    folder: Path, corpora: Path, tokenizer_bytes: int, training_bytes: int, held_out_bytes: int
) -> None:
    """Write text/{corpus}.{training,held_out}.parquet, ids/{kind}.*, costs.csv, choice.json."""
    from parity import count, totals
    from superwords import Counted, first_bytes
    from text import read, split

    from trex.bpe.parity import train_parity
    from trex.bpe.superwords import train_superwords
    from trex.bpe.training import train_flat
    from trex.bpe.turns import Turns
    from trex.counting.normalize import normalized
    from trex.language_model.jobs import encode_view
    from trex.tokenizer.build import to_tokenizer
    from trex.tokenizer.existing import load_tokenizer
    from trex.tokenizer.sizes import transition_size

    texts = []
    for corpus in CORPORA:
        train, development, test = split(read(str(corpora / f"{corpus}.parquet")).unique())
        kinds = ((train, tokenizer_bytes), (development, tokenizer_bytes // 20), (test, held_out_bytes))
        texts.append([normalized(first_bytes(documents, size), "nfc")[0] for documents, size in kinds])
        for name, documents in (("training", first_bytes(train, training_bytes)), ("held_out", texts[-1][2])):
            write_table(
                pl.DataFrame({"text": pl.from_arrow(normalized(documents, "nfc")[0])}),
                _text(folder, corpus, name),
            )

    counted = {}
    for pattern in ("default", "superwords", "o200k"):
        words, (training, development, test) = count(texts, pattern)
        counted[pattern] = (Counted(words, totals(len(words), training)), training, development, test)
        print(f"{pattern}: {len(words):,} words", flush=True)
    plain, training, development, test = counted["default"]
    _, existing = load_tokenizer("o200k_base", Path())
    units = [tokens_of(existing, kinds[1]) for kinds in texts]
    for name, kind in KINDS.items():
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
    cost_of_sizes(folder, train_flat(*plain, 16_384, evaluation=test), texts)


def tokens_of(tokenizer, documents: pa.LargeStringArray) -> int:
    return sum(
        len(encoding)
        for encoding in tokenizer.encode_batch_fast(documents.to_pylist(), add_special_tokens=False)
    )


def cost_of_sizes(folder: Path, model, texts: list) -> None:
    """What the cost model says of every V, for the model that is trained."""
    from trex.language_model.cost import Run, cost
    from trex.language_model.shape import Shape
    from trex.language_model.vocab_size import flat_region

    shape = Shape(CHECK["depth"], 0, CHECK["context"])
    n_bytes = np.array([pc.sum(pc.binary_length(kinds[2])).as_py() for kinds in texts], float)
    run = Run(shape.block_parameters, shape.width, True, np.ones(len(texts)), CHECK["context"], 1.0, 1.0)
    sizes = list(range(264, 8193, 8))
    flops = [cost(run, n_bytes / model.token_counts(size), size).flops for size in sizes]
    # the budgets of the check count attention as well
    attention = 6 * shape.depth * shape.width * CHECK["context"]
    tokens = [float((1 / (n_bytes / model.token_counts(size))).sum()) for size in sizes]
    with_attention = [of + attention * n for of, n in zip(flops, tokens, strict=True)]
    write_json(
        {
            "flat": asdict(flat_region(sizes, flops)),
            "with_attention": asdict(flat_region(sizes, with_attention)),
        },
        folder / "choice.json",
    )
    pl.DataFrame(
        {
            "vocab_size": sizes,
            "tokens_per_byte": np.array(tokens) / len(texts),
            "flops_per_byte": np.array(flops) / len(texts),
            "flops_per_byte_with_attention": np.array(with_attention) / len(texts),
        }
    ).write_csv(folder / "costs.csv", float_precision=6)
    print(read_json(folder / "choice.json"))


def _text(folder: Path, corpus: str, of: str) -> Path:
    return folder / f"text/{corpus}.{of}.parquet"


def _ids(folder: Path, name: str, of: str) -> Path:
    return folder / f"ids/{name}.{of}.parquet"


# --- Training ---------------------------------------------------------------------------------------------


def train(folder: Path, seeds: int) -> None:
    from trex.language_model.device import prepare as same_numbers

    same_numbers()
    from trex.language_model.jobs import equal_flops, train_row

    views = {name: read_json(folder / f"ids/{name}.json") for name in KINDS}
    budget = equal_flops(list(KINDS), views, CHECK)
    print(json.dumps(budget), flush=True)
    for seed in range(1, seeds + 1):
        for name in KINDS:
            out = folder / f"models/{name}.{seed}"
            if out.with_suffix(f".{seed}.json").exists():
                continue
            began, cpu = time.monotonic(), time.process_time()
            files = {name: (_ids(folder, name, "training"), _ids(folder, name, "measured"), views[name])}
            trained = train_row(name, seed, files, budget["flops"], CHECK, Path(f"{out}.checkpoint.npz"))
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


def collect(folder: Path) -> None:
    """Write BITS (a row a row of the check, seed, budget, corpus and stretch of documents), MODELS and COSTS."""
    tables, models = [], []
    for seed in range(1, 100):
        if not all((folder / f"models/{name}.{seed}.json").exists() for name in KINDS):
            break
        for name in KINDS:
            stretch = pl.int_range(pl.len()) * STRETCHES // pl.len()
            tables.append(
                pl.read_parquet(folder / f"models/{name}.{seed}.parquet")
                .with_columns(document=stretch.over("budget", "corpus"))
                .group_by("budget", "corpus", "document", maintain_order=True)
                .agg(pl.col("bytes", "tokens").sum(), pl.col("bits").sum())
                .select(pl.lit(name).alias("row"), pl.lit(seed).alias("seed"), pl.all())
            )
            about = read_json(folder / f"models/{name}.{seed}.json")
            steps = {f"steps_{budget}": n for budget, n in about.pop("steps").items()}
            models.append({"row": name, "seed": seed, **about, **steps})
    pl.concat(tables).write_csv(BITS, float_precision=2)
    pl.DataFrame(models).write_csv(MODELS, float_precision=1)
    (HERE / COSTS.name).write_bytes((folder / "costs.csv").read_bytes())


# --- Answers ----------------------------------------------------------------------------------------------


def answers() -> None:
    from trex.language_model.compare import compare

    table, models = pl.read_csv(BITS), pl.read_csv(MODELS)
    bits = {
        (row, seed): of.with_columns(evaluation_set=pl.lit("held_out"))
        for (row, seed), of in table.group_by("row", "seed", maintain_order=True)
    }
    about = {row["row"]: row for row in models.iter_rows(named=True)}
    found = compare(bits, about, 1)
    costs = pl.read_csv(COSTS)
    least = costs["flops_per_byte"].min()
    price = dict(zip(costs["vocab_size"], costs["flops_per_byte"] / least - 1, strict=True))
    passed = {row["row"]: row["training_tokens"] * row["flops_per_token"] for row in about.values()}
    print(
        "| row | V | parameters | tokens a byte | cost, by the cost model | one pass | "
        "bits, equal bytes | equal compute | fewer bits than "
        f"`{REFERENCE}`, equal bytes | equal compute |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for name, kind in KINDS.items():
        of = found.filter(row=name)
        cells = []
        for budget in ("bytes", "compute"):
            cells.append(f"{of.filter(budget=budget, metric='bpb_macro')['value'][0]:.4f}")
        for budget in ("bytes", "compute"):
            gain = of.filter(budget=budget, metric="gain_macro", against=REFERENCE)
            cells.append(
                "–"
                if name == REFERENCE
                else "{:+.2f} % ({:+.2f} to {:+.2f})".format(*gain.select("value", "low", "high").row(0))
            )
        tokens = of.filter(budget="bytes", metric="tokens_per_byte")["value"].mean()
        cost = f"{100 * price[kind['size']]:+.1f} %" if name.startswith("plain") else "–"
        print(
            f"| {name} | {kind['size']:,} | {about[name]['parameters'] / 1e3:.0f} k | {tokens:.3f} | {cost} | "
            f"{passed[name] / 1e12:.2f} TFLOP | " + " | ".join(cells) + " |"
        )
    for budget in ("bytes", "compute"):
        print(f"\n{budget}, by corpus: fewer bits than {REFERENCE}")
        for name in KINDS:
            of = found.filter(row=name, budget=budget, metric="gain", against=REFERENCE)
            if len(of):
                print(
                    name,
                    *(
                        "{} {:+.2f} ({:+.2f} to {:+.2f})".format(*r)
                        for r in of.select("corpus", "value", "low", "high").iter_rows()
                    ),
                    sep="; ",
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=["prepare", "train", "collect"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--corpora", type=Path, default=Path("../shared/data/corpora"))
    parser.add_argument("--tokenizer-bytes", type=int, default=3_000_000, help="of each corpus")
    parser.add_argument("--training-bytes", type=int, default=250_000, help="of each corpus, for the models")
    parser.add_argument("--held-out-bytes", type=int, default=40_000, help="of each corpus")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.command is None:
        answers()
    elif arguments.folder is None:
        parser.error(f"{arguments.command} needs a folder")
    elif arguments.command == "prepare":
        prepare(
            arguments.folder, arguments.corpora, arguments.tokenizer_bytes, arguments.training_bytes,
            arguments.held_out_bytes,
        )  # fmt: skip
    elif arguments.command == "train":
        train(arguments.folder, arguments.seeds)
    else:
        collect(arguments.folder)


if __name__ == "__main__":
    main()
