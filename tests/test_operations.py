"""Runs of a tiny pipeline as people have them: two in a folder, parts of it, failing jobs; always the same bytes.

What happens to a folder between runs is tried on copies of one finished run, mostly by planning alone.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
import yaml

from trex.files import sha256
from trex.run.records import Records
from trex.run.slurm import note_run


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--configfile", "my.yaml", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    process = start(folder, *arguments, **environment)
    output = process.communicate()[0]
    return process.returncode, output


def planned(folder: Path, *arguments: str) -> tuple[dict[str, int], str]:
    """(jobs of each rule that a dry-run plans, what else it says); it must not change any file."""
    before = stamps(folder)
    returncode, output = run(folder, "--cores", "2", "--dry-run", "--quiet", "host", *arguments)
    assert returncode == 0, output[-3000:]
    assert stamps(folder) == before
    if "Nothing to be done" in output:
        return {}, output
    lines = output[output.rindex("Job stats:") :].splitlines()[3:]
    rows = [line.split() for line in lines[: lines.index("")]]
    return {rule: int(n) for rule, n in rows if rule not in ("total", "all")}, output


def stamps(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What differs after a file was written, moved or replaced, of all files but Snakemake's own."""
    files = [path for path in folder.rglob("*") if ".snakemake" not in path.parts and path.is_file()]
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ino)
        for path in files
    }  # fmt: skip


def benchmarks(folder: Path) -> set[tuple[str, str]]:
    """(name, content) of what Snakemake measured of every job."""
    at = folder / "results/benchmarks"
    return {(str(path.relative_to(at)), path.read_text()) for path in at.rglob("*.tsv")}


def change(folder: Path, **sections) -> None:
    config = yaml.safe_load((folder / "my.yaml").read_text())
    for key, value in sections.items():
        config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
    (folder / "my.yaml").write_text(yaml.safe_dump(config))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run during which another one was tried in the same results folder, from another working folder."""
    base = tmp_path_factory.mktemp("runs")
    folder, other = tiny.make(base / "one"), tiny.make(base / "two", training={"vocab_size": 520})
    change(other, results=str(folder / "results"))
    first = start(folder, "--cores", "2", PYTHONHASHSEED="0")
    while not (folder / "results/.artifacts/run.json").exists():
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.1)
    for second in (other, folder):
        returncode, output = run(second, "--cores", "2")
        assert returncode != 0
        assert "another run works in this results folder (host " in output
        assert f"pid {first.pid}, working folder {folder})" in output
    output = first.communicate()[0]
    assert first.returncode == 0, output[-3000:]
    assert "Warning" not in output
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run (cp -a), in which nothing has to be made."""
    return shutil.copytree(finished, tmp_path / "copy", symlinks=True)


# after the shared run: the rest of the pipeline from the stage that is named
AFTER_SUMMARY = dict.fromkeys(
    ("write_summary", "write_provenance", "write_page", "write_model_cards", "pass_gates"), 1
)
AFTER_CHOICE = {
    "write_tokenizer": 1,
    "write_tokenizer_configs": 1,
    "validate_tokenizer": 1,
    "validate": 1,
    "inspect_vocabulary": 1,
    "check_gates": 1,
    "write_vocabulary": 1,
    "plot_figures": 1,
    **AFTER_SUMMARY,
}


def test_results_do_not_depend_on_how_they_are_run(finished):
    """Other cores, threads, hash seed and batches, in steps, after a failure: the same bytes."""
    folder = tiny.make(finished.parent / "other", proxies={"per_job": 6}, training={"vocab_size": 100_000})
    summary = folder / "results/summary.md"
    options = {"PYTHONHASHSEED": "12345", "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}

    returncode, output = run(folder, "--cores", "1", "proxies", **options)
    assert returncode == 0, output[-3000:]
    page = summary.read_text()
    assert page.startswith("# This run is not complete\n\nThe requested files are complete")
    assert "| `train_proxies` | 4 | 4 | 0 |" in page

    returncode, output = run(folder, "--cores", "1", **options)
    assert returncode != 0
    assert "of the 100,000 tokens asked for" in output
    # of the three mixtures, one is no finalist and trains nothing
    log = re.search(r"^Read (results/logs/train_tokenizer/(matched|uniform)/0\.log)$", output, re.M)[1]
    assert f"Read {log}" in output.splitlines()[-10:]
    assert "Traceback" not in output
    assert "Traceback" in (folder / log).read_text()
    page = summary.read_text()
    assert f"- `{log}`" in page
    assert re.search(r"\| `train_tokenizer` \| 3 \| [01] \| [23] \|", page)

    config = yaml.safe_load((folder / "my.yaml").read_text())
    config["training"]["vocab_size"] = 500
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    returncode, output = run(folder, "--cores", "1", **options)
    assert returncode == 0, output[-3000:]

    one, other = tiny.sha256s(finished / "results"), tiny.sha256s(folder / "results")
    batches = {name for name in one | other if name.startswith(("proxies/", "validation/grid/"))}
    one, other = ({name: sha for name, sha in found.items() if name not in batches} for found in (one, other))
    for name in (
        "provenance.json",
        "tokenizers/chosen/README.md",
        "report.html",
    ):  # the config is not the same, and batches have
        del one[name], other[name]  # their names; the card and the page have the hash of the provenance
    assert one == other


def test_the_chosen_tokenizer_is_exported(copy):
    pytest.importorskip("gguf", reason="./install.sh --export installs gguf")
    returncode, output = run(copy, "--cores", "1", "export")
    assert returncode == 0, output[-3000:]
    exports = copy / "results/exports/chosen"
    checked = json.loads((exports / "checked.json").read_text())
    assert set(checked["read_by"]) == {"tiktoken", "gguf", "vocab"}
    assert checked["texts"] > 150  # documents of both halves
    assert {path.name for path in exports.iterdir()} == {
        "checked.json", "tokenizer.tiktoken", "tiktoken.json", "load_tiktoken.py", "tokenizer.gguf", "vocab.json",
        "merges.txt",
    }  # fmt: skip
    change(copy, tokenizer={"pattern": "o200k"})
    returncode, output = run(copy, "--cores", "1", "--dry-run", "export")
    assert returncode != 0
    assert "release.exports: gguf cannot be made: llama.cpp splits text only by regexes" in output


def test_a_copied_or_moved_folder_runs_nothing_again(copy):
    assert planned(copy)[0] == {}
    shutil.rmtree(copy / ".snakemake")
    moved = copy.rename(copy.parent / "moved")
    assert planned(moved)[0] == {}
    change(moved, corpora={"aaa": {"source": {"jsonl": str(moved / "aaa.jsonl")}}})
    # these write the config down, as it is spelled
    assert planned(moved)[0] == {"plot_figures": 1, **AFTER_SUMMARY}
    for path in (moved / "aaa.jsonl", moved / "results/tokenizers/chosen/tokenizer.json"):
        os.utime(path)
    change(moved, corpora={"aaa": {"source": {"jsonl": "aaa.jsonl"}}})
    assert planned(moved)[0] == {}
    change(moved, seed=99, training={"vocab_size": 600})
    assert sum(planned(moved)[0].values()) == 48  # every job


def test_results_alone_are_judged_by_the_text_that_is_there(finished, tmp_path):
    folder = tiny.make(tmp_path / "other")
    shutil.copytree(finished / "results", folder / "results")
    assert planned(folder)[0] == {}
    corpus = folder / "aaa.jsonl"
    stat = corpus.stat()
    corpus.write_bytes(corpus.read_bytes().replace(b"ab", b"ba"))
    os.utime(corpus, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert planned(folder)[0]["count_words"] == 1
    shutil.rmtree(folder / "results/.artifacts")
    returncode, output = run(folder, "--cores", "2")
    assert returncode != 0
    assert "results: results is not empty, and holds no records of an earlier run" in output


def test_inputs_are_not_taken_from_the_results_folder(copy):
    shutil.copy(copy / "aaa.jsonl", copy / "results/mine.jsonl")
    change(copy, corpora={"aaa": {"source": {"jsonl": "results/mine.jsonl"}}})
    returncode, output = run(copy, "--cores", "2")
    assert returncode != 0
    assert "corpora.aaa.source: " in output
    assert "mine.jsonl lies in the results folder (results: results)" in output
    assert (copy / "results/mine.jsonl").exists()


def test_every_file_that_people_read_is_made_again(copy):
    """Deleted or damaged, with damaged records, and beside a measurement that is none."""
    results, before = copy / "results", tiny.sha256s(copy / "results")
    read = [
        "summary.md", "validation.md", "costs.md", "candidates.csv", "support.csv", "mixtures.parquet",
        "training_set.parquet", "training_ledger.parquet", "provenance.json", "figures/mixture_bars.svg",
        "choice/finalists.json", "choice/vocab_size.json", "choice/choice.json", "validation/validation.parquet",
        "validation/ranks.parquet",
        "search/candidates.parquet", "surfaces/metrics.parquet", "tokenizers/chosen/tokenizer.json",
    ]  # fmt: skip
    asked = re.search(r"rule all:\n    input: (.*)\n", run(copy, "--dry-run", "--forcerun", "all")[1])[1]
    assert {f"results/{name}" for name in read} <= set(asked.split(", "))
    tokenizer, records = results / "tokenizers/chosen/tokenizer.json", results / ".artifacts/files"
    stat = tokenizer.stat()
    tokenizer.write_bytes(tokenizer.read_bytes().replace(b"a", b"b"))
    os.utime(tokenizer, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    plan, output = planned(copy)
    assert plan == AFTER_CHOICE
    assert output.count("tokenizers/chosen/tokenizer.json has other content than was written") == 1
    for option in ("--summary", "--touch", "--unlock"):
        found = tiny.sha256s(results)
        assert run(copy, "--cores", "2", option)[0] == 0
        assert tiny.sha256s(results) == found
    assert planned(copy)[0] == AFTER_CHOICE  # --touch, too, is no answer
    (results / "candidates.csv").unlink()
    (records / "validation.md.json").write_text("garbage")
    (records / "costs.md.json").unlink()
    (records / "costs.md.json").mkdir()
    (results / "benchmarks/validate.tsv").write_bytes(b"\0")
    (results / ".cache.part").write_text("the user's")
    returncode, output = run(copy, "--cores", "2")
    assert returncode == 0, output[-3000:]
    assert tiny.sha256s(results) == before
    assert (results / ".cache.part").exists()
    assert planned(copy)[0] == {}


def test_what_comes_out_as_it_was_makes_nothing_after_it_again(copy):
    """Other bytes of the same text are counted again. A forced job runs, and so does all after a real change."""
    before, measured = tiny.sha256s(copy / "results"), benchmarks(copy)
    corpus = copy / "aaa.jsonl"
    corpus.write_bytes(corpus.read_bytes().replace(b'"text":', b'"text" :'))
    assert sum(planned(copy)[0].values()) == 44
    returncode, output = run(copy, "--cores", "2")
    assert returncode == 0, output[-3000:]
    assert re.findall(r"^Job \d+: (.*(?<!changed))$", output, re.M) == [
        "Counting the words of aaa", "Writing the summary", "Writing down what the results came from",
        "Writing the page", "Writing the model cards of the tokenizers",
        "Whether every tokenizer of this run passed its gates", "all",
    ]  # fmt: skip
    assert output.count(": not again, as nothing that it reads changed") == 38
    after = tiny.sha256s(copy / "results")
    # the file is another one, which is written down where the results come from
    assert {name for name in after if after[name] != before[name]} == {
        "provenance.json", "report.html", "tokenizers/chosen/README.md"
    }  # fmt: skip
    assert sha256(corpus) in (copy / "results/provenance.json").read_text()
    # what the jobs took stays known, unless they ran again
    assert len(benchmarks(copy) - measured) == 6
    assert planned(copy)[0] == {}
    forced = run(copy, "--cores", "2", "--forcerun", "choose_vocab_size")[1]
    assert "Choosing the vocabulary size\n" in forced
    assert "Writing the tokenizer of chosen: not again" in forced


def test_jobs_that_a_killed_run_left_are_ended_before_anything_is_judged(copy, tmp_path):
    """A cancelled job deletes what it has written. Jobs of other runs stay."""
    commands, left = tmp_path / "commands", tmp_path / "left"
    tokenizer = copy / "results/tokenizers/chosen/tokenizer.json"
    commands.mkdir()
    left.touch()
    note_run(copy / "results", "trex_mine")
    for command, lines in {
        "squeue": f"echo '8|trex_other'; [ ! -e {left} ] || echo '7|trex_mine'",
        "scancel": f'[ "$*" = 7 ] && rm {left} {tokenizer}',
    }.items():
        (commands / command).write_text(f"#!/bin/sh\n{lines}\n")
        (commands / command).chmod(0o755)
    before = sha256(tokenizer)
    returncode, output = run(copy, "--cores", "2", PATH=f"{commands}:{os.environ['PATH']}")
    assert returncode == 0, output[-3000:]
    assert "cancelled SLURM job 7, left by a killed run" in output
    assert sha256(tokenizer) == before
    assert not (copy / "results/.artifacts/slurm_runs").exists()
    note_run(copy / "results", "trex_mine")
    (commands / "squeue").write_text("#!/bin/sh\necho down >&2; exit 1\n")
    returncode, output = run(copy, "--cores", "2", PATH=f"{commands}:{os.environ['PATH']}")
    assert returncode
    assert "SLURM does not say whether it has jobs of an earlier run in results" in output


def test_lost_and_older_records_of_intermediate_files(finished, copy):
    records = copy / "results/.artifacts/files"
    (records / "counts/aaa/words.arrow.json").unlink()
    plan = planned(copy)[0]
    assert plan["count_words"] == plan["count_eval_words"] == plan["index_words"] == 1
    shutil.copy2(
        finished / "results/.artifacts/files/counts/aaa/words.arrow.json",
        records / "counts/aaa/words.arrow.json",
    )
    assert planned(copy)[0] == {}
    shutil.rmtree(copy / "results/index")  # what nothing needs may be missing
    assert planned(copy)[0] == {}
    choice = json.loads((records / "choice/choice.json.json").read_text())
    older = Records(copy / "results")
    choice["inputs"] = dict.fromkeys(choice["inputs"], "0" * 64)
    older.write(
        copy / "results/choice/choice.json",
        {key: choice[key] for key in ("rule", "code", "params", "inputs")},
        choice["content"],
    )
    assert planned(copy)[0]["choose_mixture"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_so(copy, number):
    change(copy, seed=3)
    process = start(copy, "--cores", "2")
    while (
        not list((copy / "results/logs").rglob("count_words/*.log"))
        or "Counting" not in process.stdout.readline()
    ):
        assert process.poll() is None
    time.sleep(1)
    process.send_signal(number)
    output = process.communicate()[0]
    assert process.returncode != 0
    assert f"The run was stopped by {number.name}." in output
    assert "Traceback" not in output
    page = (copy / "results/summary.md").read_text()
    assert page.startswith(f"# This run is not complete\n\nThe run was stopped by {number.name}.\n\n| stage")
    (copy / "results/summary.md").read_text()
    assert planned(copy)[0]["write_summary"] == 1
