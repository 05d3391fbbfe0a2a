"""Files that are damaged, changed, half-written or written by two: found by content, named, and made again."""

import json
import os
import resource
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT

from trex import artifacts, disk
from trex.run.records import ArtifactError, Artifacts, sweep, tracked
from trex.config import ConfigError, load_config
from trex.files import whole, write_text
from trex.run.job import job
from trex.run.unfinished import is_unfinished, logs_of_failed_jobs, write_page


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory in which one job made results/a.txt of corpus.txt, and another results/b of that."""
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("some text\n")
    make("results/a.txt", ["corpus.txt"], "a" * 1000)
    with (
        tracked("results", ["results/a.txt"], ["results/b"], {"rule": "b", "code": "2"}),
        whole("results/b") as part,
    ):
        part.mkdir()
        (part / "x").write_text("x" * 1000)
        (part / "y").write_text("y" * 1000)
    return tmp_path


def make(output, inputs, text):
    with tracked("results", inputs, [output], {"rule": "a", "code": "1"}):
        write_text(text, output)


def use(path):
    """A job that reads a file."""
    make("results/c.txt", [path], "c")


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


@pytest.mark.parametrize("keep_time", [False, True], ids=["new time", "old time"])
@pytest.mark.parametrize("fault", [truncate, garble, replace, empty])
@pytest.mark.parametrize("file", ["results/a.txt", "results/b/y"])
def test_damaged_files_are_named_and_made_again(folder, file, fault, keep_time):
    path = Path(file)
    stat = path.stat()
    fault(path)
    if keep_time:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    artifact = "results/b" if "/b/" in file else file
    with pytest.raises(
        ArtifactError, match=rf"damaged file: .*{path.name}.*{artifact}.damaged.*Run the same command"
    ):
        use(artifact)
    assert not Path(artifact).exists()
    assert Path(f"{artifact}.damaged").exists()
    assert not Path("results/c.txt").exists()
    assert sweep("results") == []


@pytest.mark.parametrize("file", ["results/a.txt", "results/b/y"])
def test_sweep_finds_what_no_job_would_read(folder, file):
    garble(Path(file))
    (said,) = sweep("results", look_only=True)
    assert file in said
    assert Path(file).exists()
    assert sweep("results") == [said]
    assert not Path(file).exists()
    assert sweep("results") == []


def test_whole_files_are_left_alone(folder, monkeypatch):
    hashed = []
    with monkeypatch.context() as patch:
        patch.setattr(artifacts, "sha256", lambda path: hashed.append(path) or "")
        use("results/b")
        assert sweep("results") == []
    assert not hashed  # their stamps are known
    os.utime("results/a.txt", (1, 1))
    os.utime("corpus.txt", (4e9, 4e9))  # a clock that is wrong
    assert sweep("results") == []
    use("results/a.txt")


def test_missing_and_foreign_members_of_a_folder(folder):
    Path("results/b/z").write_text("z")
    with pytest.raises(ArtifactError, match="b/z was not written by the pipeline"):
        use("results/b")
    os.rename("results/b.damaged", "results/b")
    make("results/b", [], "now a file")
    with pytest.raises(ArtifactError, match="results/d: is gone"):
        use("results/d")


def test_broken_records_vouch_for_nothing(folder):
    file = Artifacts("results").file("results/a.txt")
    make("results/a.txt", [], "a")
    other_rule = file.read_text().replace('"rule": "a"', '"rule": "b"')
    other_file = Artifacts("results").file("results/b").read_text()
    for text in ("", "{", "[]", '{"content": 1}', other_rule, other_file):
        make("results/a.txt", [], "a")
        file.write_text(text)
        with pytest.raises(ArtifactError, match=r"files/a\.txt\.json: the record is broken"):
            use("results/a.txt")
        assert not Path("results/a.txt").exists()


def test_files_without_a_record_are_made_again(folder):
    Artifacts("results").file("results/a.txt").unlink()
    (said,) = sweep("results")  # nobody knows what b was made from
    assert "b: made from a.txt, of which there is no record" in said
    with pytest.raises(ArtifactError, match=r"results/a\.txt has no record"):
        use("results/a.txt")
    assert not Path("results/a.txt").exists()


@pytest.mark.parametrize("keep_time", [False, True], ids=["new time", "old time"])
def test_inputs_that_change_between_stages(folder, keep_time):
    path = Path("corpus.txt")
    stat = path.stat()
    path.write_text("some tex2\n")
    if keep_time:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ArtifactError, match=r"input changed between stages: corpus.txt has other content"):
        use("corpus.txt")
    (said,) = sweep("results")  # the next run
    assert "a.txt: made from ./corpus.txt, which has changed since" in said
    assert not Path("results/a.txt").exists()
    assert Path("results/b").exists()  # Snakemake makes it again, as it is made from a.txt
    use("corpus.txt")
    assert sweep("results") == []


def test_a_broken_record_of_an_input_is_left_out(folder):
    record = Artifacts("results").file("corpus.txt")
    record.write_text(Artifacts("results").file("results/a.txt").read_text())
    assert sweep("results") == []
    assert not record.exists()
    use("corpus.txt")


@pytest.mark.parametrize("path", ["corpus.txt", "results/a.txt", "results/b"])
def test_inputs_that_change_while_a_job_reads_them(folder, path):
    file = Path(path, "y") if path == "results/b" else Path(path)

    def read():
        with tracked("results", [path], ["results/c.txt"], {}):
            write_text("made of the old and the new", "results/c.txt")
            garble(file)

    with pytest.raises(ArtifactError):
        read()
    assert Artifacts("results").read("results/c.txt") is None


def test_an_error_that_damage_explains_is_not_shown(folder):
    def fail(damage):
        with tracked("results", ["results/a.txt"], ["results/c.txt"], {}):
            if damage:
                truncate(Path("results/a.txt"))
            raise ValueError("unexpected end of file")

    with pytest.raises(ValueError, match="unexpected end"):
        fail(damage=False)
    with pytest.raises(ArtifactError, match="damaged"):
        fail(damage=True)


def test_what_changes_between_writing_and_recording_is_found(folder):
    with tracked("results", [], ["results/c.txt"], {"rule": "c", "code": "3"}):
        write_text("c" * 100, "results/c.txt")
        garble(Path("results/c.txt"))
    assert sweep("results") != []


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
    assert list(Path("results").glob(".k.txt.*.part"))
    assert sweep("results") == []
    assert not list(Path("results").glob(".k.txt.*.part"))


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


def test_two_jobs_do_not_write_the_same_file_at_once(folder):
    process = run_python("""
        import time
        from trex.run.records import tracked
        from trex.files import write_text
        with tracked("results", [], ["results/c.txt"], {}):
            print("in", flush=True)
            time.sleep(0.5)
            write_text("first", "results/c.txt")
    """)
    assert process.stdout.readline() == "in\n"
    with tracked("results", [], ["results/c.txt"], {}):
        assert Path("results/c.txt").read_text() == "first"
        write_text("second", "results/c.txt")
    assert process.wait() == 0
    assert sweep("results") == []


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
    page.write_text("# TREX\n")
    assert not is_unfinished(page)


def test_records_are_json_that_a_person_can_read(folder):
    record = json.loads(Path("results/.artifacts/files/a.txt.json").read_text())
    assert set(record) == {"path", "rule", "code", "inputs", "content", "seal"}
    assert list(record["inputs"]) == ["./corpus.txt"]
    assert record["content"]["."][1][0] == 1000


@pytest.fixture
def two_corpora(tmp_path):
    (tmp_path / "a.txt").write_text("some text\n" * 10_000)
    (tmp_path / "b.txt.gz").write_bytes(b"x" * 50_000)
    corpora = {
        "a": {"source": {"text": "a.txt"}},
        "b": {"source": {"text": "b.txt.gz", "max_bytes": 150_000}},
    }
    return load_config({"corpora": corpora}, tmp_path), tmp_path


def test_forecast_of_disk_space(two_corpora):
    config, folder = two_corpora
    need, unknown = disk.forecast(config, folder)
    assert need["index"] == 1.8 * (100_000 + 150_000)
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
            disk.check_space(config, folder)
    else:
        assert outcome in "".join(disk.check_space(config, folder))
