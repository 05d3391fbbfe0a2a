"""Files that are damaged, changed, half-written or written by two: found by content, named, and made again."""

import json
import os
import resource
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT

from trex.config import ConfigError, load_config
from trex.files import remove_temporary_files, whole, write_text
from trex.report.results import cpu_seconds
from trex.run import disk, records
from trex.run.job import job
from trex.run.locks import FolderError, RunLock, check_folder
from trex.run.packages import package_versions
from trex.run.records import RecordError, Records, Why, forget_changed_inputs, tracked
from trex.run.unfinished import is_unfinished, logs_of_failed_jobs, write_page

# rule: inputs and output of the jobs of the folder below
JOBS = {"a": (["corpus.txt"], "results/a.txt"), "b": (["results/a.txt"], "results/b")}


def write(output):
    """As the rule's script would: the same bytes every time."""
    with whole(output) as part:
        if output == "results/b":
            part.mkdir()
            (part / "x").write_text("x" * 1000)
            (part / "y").write_text("y" * 1000)
        else:
            part.write_text("a" * 1000)


def make(rule, **params):
    inputs, output = JOBS[rule]
    about = Records("results").about(rule, {"code": "1", "seed": 1, **params}, inputs)
    with tracked("results", inputs, [output], about):
        write(output)


def why(rule, **params) -> Why:
    """Why a job would be made again, as the planning asks."""
    inputs, output = JOBS[rule]
    store = Records("results", read_only=True)
    about = store.about(rule, {"code": "1", "seed": 1, **params}, inputs)
    return store.why_made_again(about, [store.digest(path) for path in inputs], inputs, [output])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory in which one job made results/a.txt of corpus.txt, and another results/b of that."""
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("some text\n")
    make("a")
    make("b")
    return tmp_path


def use(path):
    """A job that reads a file."""
    with tracked("results", [path], ["results/c.txt"], {}):
        write_text("c", "results/c.txt")


def truncate(path):
    path.write_bytes(path.read_bytes()[:500])


def garble(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def replace(path):
    path.unlink()
    path.write_text("something else\n" * 30)


def empty(path):
    path.write_bytes(b"")


def test_what_was_made_counts(folder, monkeypatch):
    assert why("a") == why("b") == Why()
    monkeypatch.setattr(records, "sha256", lambda path: pytest.fail("their stamps are known"))
    assert why("a") == why("b") == Why()


def test_another_job_would_have_been_run(folder):
    assert why("a", seed=2) == Why(params=["seed"])
    assert why("a", more=None) == Why(params=["more"])
    assert why("a", code="2") == Why(code=True)
    Path("corpus.txt").write_text("another text\n")
    assert why("a") == Why(inputs=["corpus.txt"])
    assert why("b") == Why()  # of what a.txt will be, nothing is known yet


@pytest.mark.parametrize("keep_time", [False, True], ids=["new time", "old time"])
@pytest.mark.parametrize("fault", [truncate, garble, replace, empty])
@pytest.mark.parametrize("file", ["results/a.txt", "results/b/y"])
def test_damaged_files_are_named_and_made_again(folder, file, fault, keep_time):
    path, rule = Path(file), "b" if "/b/" in file else "a"
    stat = path.stat()
    fault(path)
    if keep_time:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    damaged = path.read_bytes()
    output = JOBS[rule][1]
    (problem,) = why(rule).problems
    assert file in problem
    assert why(rule).missing == [output]
    with pytest.raises(RecordError, match=rf"damaged file: .*{path.name}.*Run the same command again"):
        use(output)
    assert path.read_bytes() == damaged  # looking changes nothing
    make(rule)
    assert why("a") == why("b") == Why()


def test_missing_and_foreign_members_of_a_folder(folder):
    Path("results/b/z").write_text("z")
    assert why("b").problems == [f"{Path('results/b/z')} was not written by the pipeline"]
    Path("results/b/z").unlink()
    Path("results/b/y").unlink()
    assert why("b").problems == [f"{Path('results/b/y')} is missing"]
    with pytest.raises(RecordError, match="results/d: is gone"):
        use("results/d")


def test_inputs_that_are_the_same_file(folder, monkeypatch):
    """Nothing to do while they are the same; another file in the place of one of them counts."""
    Path("third.txt").write_text("more\n")
    monkeypatch.setitem(JOBS, "a", (["corpus.txt", "third.txt", "./corpus.txt"], "results/a.txt"))
    make("a")
    assert not why("a")
    for inputs in (
        ["corpus.txt", "third.txt", "third.txt"],
        ["corpus.txt", "third.txt"],
        ["third.txt", "corpus.txt", "corpus.txt"],
    ):
        monkeypatch.setitem(JOBS, "a", (inputs, "results/a.txt"))
        assert why("a")


def test_a_deleted_file_counts_until_it_is_needed(folder):
    Path("results/a.txt").unlink()
    assert why("a") == why("b") == Why()  # Snakemake asks whether it is there
    with pytest.raises(RecordError, match=r"a\.txt: is gone"):
        use("results/a.txt")


def test_records_that_cannot_be_believed_are_none(folder):
    """Garbage, that of another path, and a folder in its place."""
    file = Records("results").file("results/a.txt")
    good = file.read_text()
    other = Records("results").file("results/b").read_text()
    for text in ("", "{", "[]", '{"content": 1}', good.replace('"rule": "a"', '"rule": "b"'), other, None):
        make("a")
        file.unlink() if text is None else file.write_text(text)
        assert why("a").missing == ["results/a.txt"]
        assert why("a").problems == ["results/a.txt has no record of what it was made from"]
        assert why("b").inputs == ["results/a.txt"]
        with pytest.raises(RecordError, match=r"results/a\.txt has no record"):
            use("results/a.txt")
    for kind in ("results/a.txt", "corpus.txt"):
        file = Records("results").file(kind)
        file.unlink(missing_ok=True)
        (file / "folder").mkdir(parents=True)
    forget_changed_inputs("results")
    make("a")
    assert why("a") == why("b") == Why()


def test_an_older_file_with_its_older_record_is_not_believed(folder):
    shutil.copytree("results", "older")
    Path("corpus.txt").write_text("another text\n")
    forget_changed_inputs("results")
    make("a", seed=2)
    for name in ("a.txt", ".artifacts/files/a.txt.json"):
        shutil.copy2(f"older/{name}", f"results/{name}")
    assert why("a", seed=2) == Why(inputs=["corpus.txt"], params=["seed"])


def test_a_folder_that_was_copied_or_moved_is_the_same(folder, monkeypatch):
    """Inputs are known by their content, whatever the path to them; params that name them are no change."""
    source = {"jsonl": "corpus.txt", "column": "text"}
    make("a", source=source)
    make("b")
    shutil.copytree(".", folder / "copy")
    monkeypatch.chdir(folder / "copy")
    spelled = {"jsonl": str(folder / "copy/corpus.txt"), "column": "text"}
    assert why("a", source=source) == why("a", source=spelled) == why("b") == Why()
    assert why("a", source={**source, "column": "corpus"}) == Why(params=["source"])
    stat = Path("corpus.txt").stat()
    Path("corpus.txt").write_text("other tex\n")  # as long, and as old
    os.utime("corpus.txt", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert why("a", source=source) == Why(inputs=["corpus.txt"])


def test_times_decide_nothing(folder):
    os.utime("results/a.txt", (1, 1))
    os.utime("corpus.txt", (4e9, 4e9))  # a clock that is wrong
    assert why("a") == why("b") == Why()
    use("results/a.txt")


@pytest.mark.parametrize("keep_time", [False, True], ids=["new time", "old time"])
def test_inputs_that_change_between_stages(folder, keep_time):
    path = Path("corpus.txt")
    stat = path.stat()
    path.write_text("some tex2\n")
    if keep_time:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(RecordError, match=r"input changed between stages: corpus.txt has other content"):
        use("corpus.txt")
    assert why("a") == Why(inputs=["corpus.txt"])
    forget_changed_inputs("results")  # the next run
    make("a")
    use("corpus.txt")
    assert why("a") == Why()


def test_a_job_that_is_due_only_looks_at_its_input(folder, monkeypatch):
    """What an earlier job of the run saw in a corpus stays what later ones have to see."""
    import snakemake.api  # noqa: F401 (before planning, which imports parts of it)
    from snakemake.iocontainers import Namedlist

    from trex.run import planning

    class Job(SimpleNamespace):
        __hash__ = object.__hash__

    def counts(**more):
        job = Job(
            rule=SimpleNamespace(name="a"),
            input=Namedlist(toclone=["corpus.txt"]),
            output=Namedlist(fromdict={"made": "results/a.txt"}),
            params=Namedlist(fromdict={"code": "1", "seed": 1, **more}),
            wildcards=Namedlist(),
            benchmark=None,
        )
        return planning._counts_already(job, Path("results"))

    assert counts()
    assert not counts(seed=2)
    assert not counts(reads_records=True)
    Path("corpus.txt").write_text("some tex2\n")
    assert not counts()
    with pytest.raises(RecordError, match=r"input changed between stages: corpus.txt has other content"):
        use("corpus.txt")
    monkeypatch.setattr(records, "sha256", lambda path: Path("gone").read_bytes())
    assert not counts()  # the job says that it cannot be read


@pytest.mark.parametrize("path", ["corpus.txt", "results/a.txt", "results/b"])
def test_inputs_that_change_while_a_job_reads_them(folder, path):
    file = Path(path, "y") if path == "results/b" else Path(path)

    def read():
        with tracked("results", [path], ["results/c.txt"], {}):
            write_text("made of the old and the new", "results/c.txt")
            garble(file)

    with pytest.raises(RecordError):
        read()
    assert Records("results").read("results/c.txt") is None


def test_an_error_that_damage_explains_is_not_shown(folder):
    def fail(damage):
        with tracked("results", ["results/a.txt"], ["results/c.txt"], {}):
            if damage:
                truncate(Path("results/a.txt"))
            raise ValueError("unexpected end of file")

    with pytest.raises(ValueError, match="unexpected end"):
        fail(damage=False)
    with pytest.raises(RecordError, match="damaged"):
        fail(damage=True)


def test_what_changes_between_writing_and_recording_is_found(folder):
    with tracked("results", [], ["results/c.txt"], {"rule": "c", "code": "3", "params": {}}):
        write_text("c" * 100, "results/c.txt")
        garble(Path("results/c.txt"))
    problem = Records("results").problem(Path("results/c.txt"), Records("results").read("results/c.txt"))
    assert "results/c.txt has other content" in problem


def run_python(text: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", textwrap.dedent(text)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **options)


def test_killed_writers_leave_nothing(folder):
    process = run_python("""
        import time
        from trex.files import whole
        with whole("results/k.txt") as part:
            part.write_text("half")
            print("now", flush=True)
            time.sleep(60)
    """)
    assert process.stdout.readline() == "now\n"
    process.kill()
    process.wait()
    assert not Path("results/k.txt").exists()
    (part,) = Path("results").glob(".k.txt.*.part")
    for others in (".cache.part", ".other.txt.12-0123abcd.part", ".k.txt.part", "k.txt.12-0123abcd.part"):
        Path("results", others).write_text("not ours")
    remove_temporary_files(["results/k.txt", "results/l.txt"])
    assert not part.exists()
    assert len([path for path in Path("results").iterdir() if path.suffix == ".part"]) == 4


def test_a_file_that_does_not_fit_leaves_the_former_one(folder):
    """As on a full disk, the system refuses to write on."""
    limit = (64 << 10, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    process = run_python(
        """
        import signal
        from trex.files import write_text
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            write_text("b" * 1_000_000, "results/a.txt")
        except OSError as error:
            print(type(error).__name__, error.strerror, flush=True)
        """,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert process.communicate()[0] == "OSError File too large\n"
    assert Path("results/a.txt").read_text() == "a" * 1000
    assert [path.name for path in Path("results").iterdir() if path.name.endswith(".part")] == []


def test_a_full_disk_is_named_with_the_file(folder):
    def fill():
        with whole("results/a.txt"), open("/dev/full", "wb", buffering=0) as full:
            full.write(b"b" * 1000)

    def numpy_fills():
        with whole("results/a.txt"):
            raise OSError("644469 requested and 232944 written")  # all that NumPy says

    for write_ in (fill, numpy_fills):
        with pytest.raises(
            OSError, match=r"results/a\.txt: cannot be written, the disk is full \(.*\)\. Free space"
        ):
            write_()
    assert Path("results/a.txt").read_text() == "a" * 1000


def test_two_jobs_do_not_write_the_same_file_at_once(folder):
    process = run_python("""
        import time
        from trex.run.records import tracked
        from trex.files import write_text
        with tracked("results", [], ["results/c.txt"], {"rule": "c", "code": "3", "params": {}}):
            print("in", flush=True)
            time.sleep(0.5)
            write_text("first", "results/c.txt")
    """)
    assert process.stdout.readline() == "in\n"
    with tracked("results", [], ["results/c.txt"], {"rule": "c", "code": "3", "params": {}}):
        assert Path("results/c.txt").read_text() == "first"
        write_text("second", "results/c.txt")
    assert process.wait() == 0
    assert Records("results").checked(Path("results/c.txt"))


def test_errors_end_by_naming_the_log(folder, capsys):
    snakemake = SimpleNamespace(
        rule="r", params={}, config={"results": "results"}, input=["results/a.txt"], output=["results/c.txt"],
        log=["r.log"],
    )  # fmt: skip
    truncate(Path("results/a.txt"))
    with pytest.raises(SystemExit), job(snakemake):
        write_text("c", "results/c.txt")
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert said.endswith("(log: r.log)\n")
    assert "Traceback" in Path("r.log").read_text()


def test_page_of_an_unfinished_run(tmp_path):
    page, log = tmp_path / "summary.md", tmp_path / "snakemake.log"
    log.write_text(
        "Error in rule a:\n    jobid: 1\n    log: logs/a.log (check log file(s) for error details)\n\n"
        "rule b:\n    log: logs/b.log\n\n"
        "Error in rule c:\n    jobid: 2\n    log: logs/c.log, logs/slurm/7.log (check log file(s) for error details)\n"
    )
    assert not is_unfinished(page)
    write_page(
        page, "Jobs failed.", [("a", False), ("b", True), ("b", False)], logs_of_failed_jobs([str(log)])
    )
    assert is_unfinished(page)
    text = page.read_text()
    assert "| `b` | 2 | 1 | 1 |" in text
    assert "`logs/a.log`" in text
    assert "- `logs/c.log`\n- `logs/slurm/7.log`\n" in text
    assert "b.log" not in text
    write_page(page, "It is under way.", [("a", False), ("b", False)], begins=True)
    assert "| `b` | 1 |\n" in page.read_text()  # nothing that would be wrong a minute later
    page.write_text("# TREX\n")
    assert not is_unfinished(page)


def test_records_are_json_that_a_person_can_read(folder):
    record = json.loads(Path("results/.artifacts/files/a.txt.json").read_text())
    assert set(record) == {"path", "rule", "code", "params", "inputs", "content", "seal"}
    assert set(record["params"]) == {"code", "seed"}
    assert list(record["inputs"]) == ["./corpus.txt"]
    assert record["content"]["."][1][0] == 1000


def test_one_run_in_a_results_folder(folder):
    process = run_python("""
        import sys
        from pathlib import Path
        from trex.run.locks import RunLock
        lock = RunLock(Path("results"))
        lock.hold()
        print("in", flush=True)
        sys.stdin.read()
    """, stdin=subprocess.PIPE)  # fmt: skip
    assert process.stdout.readline() == "in\n"
    with pytest.raises(
        FolderError,
        match=rf"another run works in this results folder \(host .*, pid {process.pid}, working folder",
    ):
        RunLock(Path("results")).hold()
    process.kill()
    process.communicate()
    lock = RunLock(Path("results"))
    lock.hold()
    lock.hold()


def test_folders_that_are_no_results(folder):
    check_folder(Path("results"), {"corpora.a.source": ["corpus.txt"]})
    check_folder(Path("new"), {})
    Path("empty").mkdir()
    check_folder(Path("empty"), {})
    Path("here").symlink_to("results")
    for file in ("results/a.txt", "here/a.txt", str(folder / "results/b/x")):
        with pytest.raises(FolderError, match=r"corpora\.a\.source: .* lies in the results folder"):
            check_folder(Path("results"), {"corpora.a.source": ["corpus.txt", file]})
    Path("home/downloads").mkdir(parents=True)
    for results in ("home", "corpus.txt"):
        with pytest.raises(FolderError, match=f"results: {results} is not empty, and holds no records"):
            check_folder(Path(results), {})
    shutil.copytree("results", "copy", ignore=shutil.ignore_patterns(".*"))  # cp results/* copy
    with pytest.raises(FolderError, match="copy the hidden files too"):
        check_folder(Path("copy"), {})


def test_versions_of_packages_are_part_of_the_code():
    versions = package_versions(ROOT / "workflow/scripts/fit_surfaces.py")
    assert {"numpy", "polars", "scipy", "lightgbm"} <= set(versions)
    everything = {
        name for script in (ROOT / "workflow/scripts").glob("*.py") for name in package_versions(script)
    }
    assert everything >= {"tokenizers", "pyarrow", "numba", "matplotlib", "datasets"}


def test_damaged_measurements_are_left_out(tmp_path, caplog):
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "good.tsv").write_text("s\tcpu_time\n1\t2.5\n1\t-\n")
    for name, data in {
        "empty": b"",
        "binary": b"\0\xff\n\xfe",
        "other": b"a\tb\n1\t2\n",
        "text": b"cpu_time\nx\n",
    }.items():
        (folder / f"{name}.tsv").write_bytes(data)
    (folder / "folder.tsv").mkdir()
    assert cpu_seconds(tmp_path) == {"good": 2.5}
    assert "empty.tsv" in caplog.text


@pytest.fixture
def two_corpora(tmp_path):
    (tmp_path / "a.txt").write_text("some text\n" * 10_000)
    (tmp_path / "b.txt.gz").write_bytes(b"\x1f\x8b" + b"x" * 49_998)
    corpora = {
        "a": {"source": {"text": "a.txt"}},
        "b": {"source": {"text": "b.txt.gz", "max_bytes": 150_000}},
    }
    return load_config({"corpora": corpora}, tmp_path), tmp_path


def test_forecast_takes_empty_shards(tmp_path):
    pq.write_table(pa.table({"text": ["abc" * 1000] * 9}), tmp_path / "good.parquet")
    (tmp_path / "empty.parquet").touch()
    alone = disk.text_bytes({"parquet": "good.parquet"}, tmp_path)
    assert alone
    assert disk.text_bytes({"parquet": "*.parquet"}, tmp_path) == alone


def test_forecast_of_disk_space(two_corpora):
    config, folder = two_corpora
    need, unknown = disk.forecast(config, folder)
    assert need["index"] == 0.45 * (100_000 + 150_000)
    assert unknown == []
    config["corpora"]["b"]["source"] = {"huggingface": "a/b", "max_bytes": None}
    assert disk.forecast(config, folder)[1] == ["b"]


@pytest.mark.parametrize(("share", "outcome"), [(2, ""), (0.7, "may not be enough"), (0.4, None)])
def test_runs_that_do_not_fit_are_refused(two_corpora, monkeypatch, share, outcome):
    config, folder = two_corpora
    free = share * sum(disk.forecast(config, folder)[0].values())
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    if outcome is None:
        with pytest.raises(
            ConfigError, match=r"results: The run needs about .* MB .* Free space, or give less text"
        ):
            disk.check_space([config], folder)
    else:
        assert outcome in "".join(disk.check_space([config], folder))
