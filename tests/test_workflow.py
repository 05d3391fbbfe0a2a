"""The real pipeline from end to end, and what it reruns when something changes."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import tiny
import yaml
from conftest import ROOT
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from trex.config import load_config
from trex.counting.documents import document_hashes
from trex.counting.patterns import DEFAULT
from trex.proxies.full_scale import COMPRESSION, DOCUMENTS, LEDGER, USES, note_of
from trex.tokenizer.cut import cut

CODE = ["Snakefile", "src", "workflow", "profiles", "envs", "config"]
SPECIAL = "<|endoftext|>"


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", "my.yaml"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / ".cache")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    """How many jobs of each rule a dry-run plans."""
    output = snakemake(folder, "--quiet", "host", "--dry-run", *arguments).stdout
    if "Nothing to be done" in output:
        return {}
    lines = output[output.rindex("Job stats:") :].splitlines()[3:]
    rows = [line.split() for line in lines[: lines.index("") if "" in lines else None]]
    return {rule: int(n) for rule, n in rows if rule not in ("total", "all")}


def change(folder: Path, **sections) -> None:
    """Set keys of the run's config: change(folder, proxies={"count": 60})."""
    config = yaml.safe_load((folder / "my.yaml").read_text())
    for section, keys in sections.items():
        config.setdefault(section, {}).update(keys)
    (folder / "my.yaml").write_text(yaml.safe_dump(config))


def made_up_lines(corpus: str, alphabet: str) -> list[str]:
    """JSON lines of 1500 documents of made-up words."""
    rng = random.Random(corpus)
    words = ["".join(rng.choices(alphabet, k=rng.randint(1, 9))) for _ in range(2000)]
    frequencies = [1 / rank for rank in range(1, 2001)]
    texts = (" ".join(rng.choices(words, frequencies, k=12)) for _ in range(1500))
    return [json.dumps({"text": f"{text} {i}\nand {i % 7}."}) + "\n" for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run on three small corpora of made-up words."""
    folder = tmp_path_factory.mktemp("run")
    for name in CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    alphabets = {"aaa": "abcdefgh", "bbb": "αβγδεζηθ", "ccc": "あいうえおかきく"}
    for corpus, alphabet in alphabets.items():
        (folder / f"{corpus}.jsonl").write_text("".join(made_up_lines(corpus, alphabet)), encoding="utf-8")
    config = {
        "corpora": {corpus: {"source": {"jsonl": f"{corpus}.jsonl"}} for corpus in alphabets},
        "tokenizer": {"special_tokens": [SPECIAL]},
        "proxies": {
            "count": 52, "per_job": 26, "bytes": "60kB", "vocab_size": 500, "vocab_grid": [400, 500],
            "keep_tokenizers": True, "mixtures": {"two": {"aaa": 0.5, "ccc": 0.5}},
        },
        "search": {"draws": 2000, "top_k": 16},
        "choice": {"replicates": 2},
        "training": {"vocab_size": 600, "ladder": [400]},
    }  # fmt: skip
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    result = snakemake(folder)
    assert result.returncode == 0, result.stderr[-3000:]
    return folder


def documents(run: Path, corpus: str) -> list[str]:
    lines = (run / f"{corpus}.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["text"] for line in lines))


def test_proxies_are_what_tokenizers_makes_of_the_same_text(run):
    """Slice, merges and compression of two proxies, redone with `tokenizers` from the documents alone."""
    import pyarrow as pa

    config = load_config(yaml.safe_load((run / "my.yaml").read_text()), run)
    table = pl.read_parquet(run / "results/training_set.parquet")
    ledger = pl.read_parquet(run / "results/training_ledger.parquet")
    hashes = {
        c: document_hashes(pa.array(documents(run, c), pa.large_string()), 1) for c in config["corpora"]
    }
    for mixture, file in (("m00003", "00000-00025.tokenizers/m00003"), ("two", "two.tokenizers/two")):
        items = []
        for row in ledger.filter(mixture_id=mixture).iter_rows(named=True):
            ranked = sorted(
                ((h >> 32) % 3, (h >> 32) // 3, text)  # group, rank
                for text, h in zip(documents(run, row["corpus"]), hashes[row["corpus"]].tolist(), strict=True)
                if h % 2**32 >= 0.1 * 2**32
            )
            given = 0
            for *_, text in ranked * (row["epochs"] + 1):
                if given < row["given_bytes"]:
                    given += len(text.encode())
                    items.append(text)
            assert given == row["given_bytes"]
        for size in (400, 500):
            yardstick = Tokenizer(models.BPE())
            yardstick.normalizer = normalizers.NFC()
            yardstick.pre_tokenizer = pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(Regex(DEFAULT), "isolated"),
                    pre_tokenizers.ByteLevel(False, use_regex=False),
                ]
            )
            trainer = trainers.BpeTrainer(
                vocab_size=size,
                special_tokens=[SPECIAL],
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            )
            yardstick.train_from_iterator(items, trainer)
            for corpus in config["corpora"]:
                texts = [
                    t for t, h in zip(documents(run, corpus), hashes[corpus].tolist(), strict=True)
                    if h % 2**32 < 0.1 * 2**32 and h < 2**63  # held out, and in the selection half
                ]  # fmt: skip
                row = table.filter(mixture_id=mixture, corpus=corpus, vocab_size=size).row(0, named=True)
                assert row["tokens"] == sum(len(e.ids) for e in yardstick.encode_batch(texts))
                assert row["bytes"] == sum(len(t.encode()) for t in texts)
        saved = json.loads((run / f"results/proxies/{file}.json").read_text())["model"]
        assert saved == json.loads(yardstick.to_str())["model"]


def test_the_end_of_the_run(run):
    results = run / "results"
    choice = json.loads((results / "choice/choice.json").read_text())
    finalists = json.loads((results / "choice/finalists.json").read_text())
    names = {
        "paper", "best_draw", "surrogate", "adaptive", "best_proxy", "direct",
        "matched", "uniform", "natural", "tempered",
    }  # fmt: skip
    for ranked in (finalists, choice):
        assert {row["name"] for row in ranked["ranking"]} == names
    trained = {row["name"] for row in choice["ranking"] if row["measured"] is not None}
    assert {"matched", "uniform", "natural", "tempered"} <= trained == set(finalists["finalists"])
    for name in names:
        files = results / f"full_scale/{name}"
        assert (note_of(files / "0.tokenizer.json") is None) == (name in trained)
        for table, schema in (
            ("compression", COMPRESSION),
            ("uses", USES),
            ("ledger", LEDGER),
            ("documents", DOCUMENTS),
        ):
            rows = pl.read_parquet(files / f"0.{table}.parquet")
            assert rows.schema == schema
            assert bool(len(rows)) == (name in trained)
    chosen = Tokenizer.from_file(str(results / "tokenizers/chosen/tokenizer.json"))
    assert chosen.get_vocab_size() == 600
    rung = Tokenizer.from_file(str(results / "tokenizers/chosen/ladder/400/tokenizer.json"))
    assert rung.to_str() == cut(chosen, 400).to_str()
    assert json.loads((results / "choice/vocab_size.json").read_text())["largest"] == 600
    halves = [
        pl.read_parquet(results / f"evaluation/held_out/bbb.{half}.parquet") for half in ("selection", "test")
    ]
    selection, test = (half["text"].to_list() for half in halves)
    held_out = pl.read_parquet(results / "counts/bbb/held_out.parquet")["text"].to_list()
    assert sorted(selection + test) == sorted(held_out)
    compression = pl.read_parquet(results / f"full_scale/{choice['chosen']}/0.compression.parquet")
    for size, tokenizer in ((400, rung), (600, chosen)):
        rows = compression.filter(vocab_size=size)
        tokens = rows.row(by_predicate=pl.col("corpus") == "bbb", named=True)["tokens"]
        assert tokens == sum(len(e.ids) for e in tokenizer.encode_batch(selection))
    measured = pl.read_parquet(results / "validation/tokenizers/chosen.corpora.parquet")
    tokens = measured.row(by_predicate=pl.col("corpus") == "bbb", named=True)["tokens"]
    assert tokens == sum(len(e.ids) for e in chosen.encode_batch(test))
    assert choice["chosen"] in (results / "summary.md").read_text()


def test_only_what_changed_runs_again(run):
    assert planned(run) == {}
    original = (run / "my.yaml").read_text()

    def rules_after(**sections):
        change(run, **sections)
        try:
            return planned(run)
        finally:
            (run / "my.yaml").write_text(original)

    after_proxies = {
        "collect_proxies",
        "fit_surfaces",
        "search_mixture",
        "train_candidate",
        "choose_finalists",
    }
    plan = rules_after(proxies={"count": 78})
    assert plan["train_proxies"] == 1  # the new batch alone
    assert "count_words" not in plan
    assert "index_words" not in plan
    plan = rules_after(search={"draws": 3000})
    assert {"train_proxies", "fit_surfaces", "search_round", "search_alone"}.isdisjoint(plan)
    assert plan["search_on_surface"] == 1  # the strategy that draws
    assert plan["search_mixture"] == 1
    told = {"write_provenance", "write_page", "write_model_cards", "pass_gates"}
    assert set(rules_after(release={"license": "mit"})) == told
    assert set(rules_after(release={"model_max_length": 512})) == {*told, "write_tokenizer_configs"}
    plan = rules_after(training={"vocab_size": 700})
    after_search = {
        "train_tokenizer",
        "choose_vocab_size",
        "encode_selection",
        "choose_mixture",
        "write_tokenizer",
        "write_tokenizer_configs",
    }
    after_search |= {"validate_tokenizer", "validate", "train_grid", "rank_mixtures"}
    after_search |= {"inspect_vocabulary", "check_gates", "write_vocabulary", "pass_gates"}
    assert set(plan) <= after_search | {
        "plot_figures",
        "write_summary",
        "write_provenance",
        "write_page",
        "write_model_cards",
    }
    plan = rules_after(proxies={"vocab_size": 450, "vocab_grid": [400, 450]})
    assert after_proxies < set(plan)
    assert "index_words" not in plan


def test_changed_code_runs_again(run):
    """A module that its script imports, and one that it finds by name; test_code_version.py has more of the first."""
    for file, reruns, spared in (
        ("src/trex/bpe/merge_loop.py", "train_proxies", "count_words"),
        ("src/trex/search/strategies/direct.py", "search_alone", "fit_surfaces"),
        ("src/trex/search/strategies/paper.py", "search_on_surface", "search_round"),
    ):
        path = run / file
        original = path.read_text()
        path.write_text(original + "\n# changed\n")
        try:
            plan = planned(run)
        finally:
            path.write_text(original)
        assert reruns in plan
        assert spared not in plan
    assert planned(run) == {}  # judged by content: putting it back is no change


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory):
    """A corpus of four files with duplicates across them, counted by one job (results/1) and by two (results/2)."""
    folder = tmp_path_factory.mktemp("parts")
    for name in CODE:
        (folder / name).symlink_to(ROOT / name)
    lines = made_up_lines("aaa", "abcdefgh")
    for number in range(4):
        own = lines[number * 350 : number * 350 + 400]  # 50 lines are in the next file too
        (folder / f"a{number}.jsonl").write_text("".join(own + lines[:20]), encoding="utf-8")
    (folder / "bbb.jsonl").write_text("".join(lines), encoding="utf-8")
    config = {
        "corpora": {"aaa": {"source": {"jsonl": "a?.jsonl"}}, "bbb": {"source": {"jsonl": "bbb.jsonl"}}},
        "proxies": {"count": 64, "per_job": 8},
    }
    for parts in (1, 2):
        config |= {"results": f"results/{parts}", "counting": {"parts": parts}}
        (folder / "my.yaml").write_text(yaml.safe_dump(config))
        result = snakemake(folder, *counted(parts))
        assert result.returncode == 0, result.stderr[-3000:]
    return folder


def counted(parts: int) -> list[str]:
    return [f"results/{parts}/counts/{corpus}/words.arrow" for corpus in ("aaa", "bbb")]


def test_parts_give_what_one_job_gives(in_parts):
    one, two = (in_parts / f"results/{parts}/counts/aaa" for parts in (1, 2))
    for name in ("words.arrow", "ledger.parquet", "documents.npy", "held_out.parquet"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    assert pl.read_parquet(one / "ledger.parquet")["duplicates"].sum() == 3 * 50 + 4 * 20
    assert {path.name for path in two.rglob("*") if path.is_file()} == {path.name for path in one.iterdir()}


def test_parts_that_are_gone_rerun_nothing_but_what_changed(in_parts):
    every = {"hash_documents": 2, "count_part": 2, "merge_counts": 1}
    original = (in_parts / "my.yaml").read_text()

    def plan_after(**sections):
        change(in_parts, **sections)
        try:
            return planned(in_parts, *counted(2))
        finally:
            (in_parts / "my.yaml").write_text(original)

    assert planned(in_parts, *counted(2)) == {}
    assert plan_after(evaluation={"held_out_share": 0.2}) == every | {"count_words": 1}
    assert plan_after(counting={"deduplicate": False}) == {
        "count_part": 2,
        "merge_counts": 1,
        "count_words": 1,
    }
    # the corpus of one file is left alone
    assert plan_after(counting={"parts": 3}) == {"hash_documents": 3, "count_part": 3, "merge_counts": 1}
    path = in_parts / "a3.jsonl"
    content, stat = path.read_bytes(), path.stat()
    path.write_bytes(content + b'{"text": "one more document"}\n')
    assert planned(in_parts, *counted(2)) == every
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    path.rename(in_parts / "b3.jsonl")  # the corpus has a file less
    assert planned(in_parts, *counted(2)) == every
    (in_parts / "b3.jsonl").rename(path)


def test_changed_input_runs_again(run):
    path = run / "aaa.jsonl"
    original = path.read_text(encoding="utf-8")
    stat = path.stat()
    path.write_text(original + json.dumps({"text": "one more document"}) + "\n", encoding="utf-8")
    try:
        plan = planned(run)
        assert plan["count_words"] == 1
        assert plan["train_proxies"] == 3
    finally:
        path.write_text(original, encoding="utf-8")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_whatever_a_job_reads_is_its_input(tmp_path):
    folder = tiny.make(tmp_path / "run", baselines={"inf": {"infer": "reference.json"}})
    (folder / "mine").mkdir()
    (folder / "bbb.jsonl").rename(folder / "mine/bbb.jsonl")
    sources = {"bbb": {"huggingface": "mine"}, "ccc": {"huggingface": "json", "data_files": "ccc.jsonl"}}
    change(folder, corpora={corpus: {"source": source} for corpus, source in sources.items()})
    (folder / "workflow").unlink()
    shutil.copytree(ROOT / "workflow", folder / "workflow")
    for rules in (folder / "workflow/rules").glob("*.smk"):  # a job with a message does not list its inputs
        rules.write_text(re.sub(r'    message:\n        ".*"\n', "", rules.read_text()))
    plan = snakemake(folder, "--dry-run").stdout
    inputs = dict(reversed(pair) for pair in re.findall(r"    input: (.*)\n    output: ([^,\n]*)", plan))
    for output, file in {
        "counts/bbb/words.arrow": "mine/bbb.jsonl",
        "counts/ccc/words.arrow": "ccc.jsonl",
        "evaluation/held_out/aaa.parquet": "reference.json",
        "validation/existing/other.corpora.parquet": "reference.json",
        "validation/existing/other.gates.parquet": "reference.json",
        "inference/inf.json": "reference.json",
    }.items():
        assert file in inputs[f"results/{output}"], output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # in the middle, where the job finds it, and at the start, where a quick look does, in the main process
        (
            b'{"text": "a"}\n' * 9_000 + b'{"text": "caf\xe9"}\n' + b'{"text": "a"}\n' * 9_000,
            "aaa.jsonl:9001: ",
        ),
        (b'{"text": "caf\xe9"}\n', "error: corpora.aaa.source: "),
        (None, "aaa.jsonl"),
    ],
)
def test_bad_corpora_end_in_one_paragraph(run, content, message):
    path = run / "aaa.jsonl"
    original, stat = path.read_bytes(), path.stat()
    path.unlink() if content is None else path.write_bytes(content)
    try:
        result = snakemake(run, "results/counts/aaa/words.arrow")
    finally:
        path.write_bytes(original)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    if "corpora.aaa" in message:
        assert '  File "' not in result.stderr
