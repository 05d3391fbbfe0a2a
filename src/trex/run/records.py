"""What every file of a run held when it was written, so that one which holds something else is never read.

`tracked` goes around a job. It records the SHA-256 of all that the job wrote and read in ``.artifacts`` of the results
folder, and before a job reads a file, and after, it compares the content with the record. `sweep` does so for all
files before Snakemake plans a run: what is damaged is moved aside, and so made again.

A file is hashed again only if its stamp (size, times of modification and change, inode) is not that which was seen
with the content in the record; so thousands of jobs that read one large index do not hash it thousands of times.

    .artifacts/files/<path>.json  {path, rule, code, inputs: {path: sha256}, content: {file: [sha256, stamp]}, seal}
    .artifacts/inputs/<hash>.json {path, content, seal}: files from outside that the run read
    .artifacts/locks/<path>.lock  held by the job that writes the path

The seal is the SHA-256 of the rest of the record; the path tells a record from that of another file in its place.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from trex.files import Content, members, read_json, sha256, stamp, write_json, written

log = logging.getLogger(__name__)

FOLDER = ".artifacts"
DAMAGED, OUTDATED = "damaged", "outdated"


class ArtifactError(ValueError):
    """A file is not what its job wrote, or changed under a job that read it; says which, and what to do."""


def digest(content: Content) -> str:
    """The SHA-256 of a file; of a folder, that of the names and SHA-256 of its files."""
    if set(content) == {"."}:
        return content["."][0]
    lines = "".join(f"{name} {content[name][0]}\n" for name in sorted(content))
    return hashlib.sha256(lines.encode()).hexdigest()


def _look(path: Path) -> dict[str, list[int]]:
    """The stamps of a path's files; none if it is not there."""
    try:
        return {name: stamp(file) for name, file in members(path).items()}
    except FileNotFoundError:
        return {}


def _stamps(content: Content) -> dict[str, list[int]]:
    return {name: seen for name, (_, seen) in content.items()}


def _hash(path: Path) -> Content:
    """The content of a path. ArtifactError if it changes meanwhile or cannot be read."""
    before = _look(path)
    try:
        content = {name: (sha256(file), before.get(name, [])) for name, file in members(path).items()}
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read: {error.strerror}; run the same command again"
        ) from error
    if _look(path) != before:
        raise ArtifactError(f"{path}: changed while it was read; run the same command again")
    return content


def _difference(path: Path, expected: Content, found: Content) -> str:
    """In words, where a path's content is not what was recorded."""
    for name in sorted({*expected, *found}):
        file = path if name == "." else path / name
        if name not in found:
            return f"{file} is missing"
        if name not in expected:
            return f"{file} was not written by the pipeline"
        (wanted, (size, *_)), (there, (size_there, *_)) = expected[name], found[name]
        if wanted != there:
            return (
                f"{file} has other content than was written (sha256 {there[:12]}, not {wanted[:12]}; "
                f"{size_there:,} bytes, not {size:,})"
            )
    return ""


def outside(label: str) -> bool:
    """Whether a label of `Artifacts.label` is of a file outside the results folder."""
    return label.startswith(("/", "./"))


def _seal(record: dict[str, Any]) -> str:
    rest = {key: value for key, value in record.items() if key != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


class Artifacts:
    """The records of a results folder."""

    def __init__(self, results: str | Path):
        self.results = Path(os.path.abspath(results))
        self.folder = self.results / FOLDER

    def name(self, path: str | Path) -> str | None:
        """The path inside the results folder; None for one from outside."""
        path = Path(os.path.abspath(path))
        return path.relative_to(self.results).as_posix() if path.is_relative_to(self.results) else None

    def label(self, path: str | Path) -> str:
        """How records name a path: inside the results folder, the working directory, or absolute."""
        path = Path(os.path.abspath(path))
        inside = self.name(path)
        if inside is not None:
            return inside
        return (
            f"./{path.relative_to(Path.cwd()).as_posix()}" if path.is_relative_to(Path.cwd()) else str(path)
        )

    def file(self, path: str | Path) -> Path:
        """Where the record of a path is."""
        name = self.name(path)
        if name is None:
            key = hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:32]
            return self.folder / "inputs" / f"{key}.json"
        return self.folder / "files" / f"{name}.json"

    def read(self, path: str | Path) -> dict[str, Any] | None:
        """The record of a path, or None if it has none. ArtifactError if the record is broken."""
        return self.read_file(self.file(path))

    def read_file(self, file: Path) -> dict[str, Any] | None:
        """A record by where it is; or None, or ArtifactError."""
        try:
            record = read_json(file)
            if record["seal"] != _seal(record):
                raise ValueError("it does not have its SHA-256")
            path = Path(record["path"]) if outside(record["path"]) else self.results / record["path"]
            if self.file(path) != file:
                raise ValueError(f"it is that of {path}")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ArtifactError(f"{file}: the record is broken ({error})") from error
        return record

    def write(self, path: Path, about: dict[str, Any], content: Content) -> None:
        """Write the record of a path."""
        record = {**about, "path": self.label(path), "content": content}
        write_json({**record, "seal": _seal(record)}, self.file(path))

    def set_aside(self, path: Path, why: str) -> Path | None:
        """Rename a path, so that the job that writes it runs again; None if another process was first.

        Its record stays, as others were made from what it tells of; one that cannot be read goes."""
        aside = path.with_name(f"{path.name}.{why}")
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink(missing_ok=True)
        try:
            path.rename(aside)
        except FileNotFoundError:
            aside = None
        try:
            self.read(path)
        except ArtifactError:
            self.file(path).unlink(missing_ok=True)
        return aside

    def problem(self, path: Path, record: dict[str, Any]) -> str:
        """How a path of the results folder differs from its record, in words; empty if it does not."""
        if _look(path) == _stamps(record["content"]):
            return ""
        found = _hash(path)
        problem = _difference(path, record["content"], found)
        if not problem:
            self.remember(path, record, found)
        return problem

    def remember(self, path: Path, about: dict[str, Any], content: Content) -> None:
        """Keep the stamps with which a content was seen; a folder that cannot be written to costs time only."""
        try:
            self.write(path, about, content)
        except OSError as error:
            log.debug("%s: not remembered: %s", path, error)

    def content(self, path: Path) -> Content:
        """The content of an input of a job, which is what the job that wrote it, or that first read it, saw.

        Raises:
            ArtifactError: it is not; a file of the results folder is then moved aside.
        """
        if self.name(path) is None:
            record = self.read(path)
            if record is not None and _look(path) == _stamps(record["content"]):
                return record["content"]
            found = _hash(path)
            if record is not None and digest(record["content"]) != digest(found):
                difference = _difference(path, record["content"], found)
                raise ArtifactError(
                    f"input changed between stages: {difference}. Run the same command again: what was made of the "
                    "former content is made anew"
                )
            self.remember(path, {}, found)
            return found
        if not path.exists():
            raise ArtifactError(f"{path}: is gone. Run the same command again: it is made anew")
        try:
            record = self.read(path)
            problem = self.problem(path, record) if record else f"{path} has no record ({self.file(path)})"
        except ArtifactError as error:
            problem = str(error)
        if problem:
            aside = self.set_aside(path, DAMAGED)
            moved = f"; it was moved to {aside}" if aside else ""
            raise ArtifactError(
                f"damaged file: {problem}{moved}. Run the same command again: it is made anew"
            )
        return record["content"]

    def unchanged(self, path: Path, before: Content) -> None:
        """ArtifactError if an input is not what it was before the job read it."""
        if _look(path) != _stamps(before) and (
            not path.exists() or _difference(path, before, self.content(path))
        ):
            raise ArtifactError(f"{path}: changed while the job read it. Run the same command again")

    def record(self, path: Path, about: dict[str, Any]) -> None:
        """Record what this process wrote."""
        content = written.get(os.path.abspath(path)) or _hash(path)
        self.write(path, about, content)

    def records(self) -> Iterator[tuple[str, dict[str, Any] | ArtifactError]]:
        """The names of all paths of the results folder that have a record, and the record, or what is wrong with it."""
        folder = self.folder / "files"
        for file in sorted(folder.rglob("*.json")):
            name = file.relative_to(folder).as_posix().removesuffix(".json")
            try:
                yield name, self.read_file(file)
            except ArtifactError as error:
                yield name, error


@contextmanager
def tracked(
    results: str | Path, inputs: Iterable[str], outputs: Iterable[str], about: dict[str, Any]
) -> Iterator[None]:
    """Go around a job: see that its inputs are what they should be, before and after, and record its outputs.

    Args:
        about: goes into the record of every output: rule and code.

    Raises:
        ArtifactError: an input is damaged or changed. The job then fails, whatever it wrote.
    """
    store = Artifacts(results)
    paths, made = [Path(path) for path in inputs], [Path(path) for path in outputs]
    with ExitStack() as stack:
        if made:
            stack.enter_context(_alone(store.folder / "locks" / f"{store.name(made[0])}.lock"))
        for path in made:  # a record speaks of what is there, never of what was there before
            store.file(path).unlink(missing_ok=True)
        before = {path: store.content(path) for path in paths}
        try:
            yield
        except Exception:
            for path, content in before.items():  # rather name the file than what came of it
                store.unchanged(path, content)
            raise
        for path, content in before.items():
            store.unchanged(path, content)
        read = {store.label(path): digest(content) for path, content in before.items()}
        for path in made:
            store.record(path, {**about, "inputs": read})


@contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    """Wait while another process, such as one of a run that was killed, writes the same output."""
    from filelock import FileLock, Timeout

    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock_file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.warning("waiting for another process that makes the same (%s)", lock_file)
            lock.acquire()
    except (OSError, NotImplementedError):  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        lock.release()


def sweep(results: str | Path, look_only: bool = False) -> list[str]:
    """Before a run is planned: move aside what is damaged, and what was made of inputs that have changed since.

    Also removes what killed jobs left half-written. Returns a line for each file that will be made anew. Not for
    use while another run writes to the folder. With look_only nothing is moved or removed.
    """
    store = Artifacts(results)
    said = []
    now = _inputs_now(store)
    records = dict(store.records())
    for name, record in records.items():
        path = store.results / name
        if not os.path.lexists(path):
            continue
        if isinstance(record, ArtifactError):
            problem, changed, lost = str(record), [], []
        else:
            problem = store.problem(path, record)
            changed = [label for label, (sha, _) in now.items() if record["inputs"].get(label, sha) != sha]
            lost = [label for label in record["inputs"] if not outside(label) and label not in records]
        if problem:
            said.append(f"damaged file: {problem}; it is moved to {path.name}.{DAMAGED} and made anew")
        elif changed:
            said.append(f"{path}: made from {', '.join(changed)}, which has changed since; it is made anew")
        elif lost:
            said.append(f"{path}: made from {', '.join(lost)}, of which there is no record; it is made anew")
        if not look_only and (problem or changed or lost):
            store.set_aside(path, DAMAGED if problem else OUTDATED)
    if look_only:
        return said
    for label, (_, content) in now.items():
        store.remember(Path(label), {}, content)
    for part in store.results.rglob(".*.part"):
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
    return said


def _inputs_now(store: Artifacts) -> dict[str, tuple[str, Content]]:
    """(SHA-256, content) by label of the files from outside that earlier jobs read, those that are there."""
    now = {}
    for file in sorted((store.folder / "inputs").glob("*.json")):
        try:
            record = store.read_file(file)
        except ArtifactError:
            file.unlink()  # the next job that reads the input makes another
            continue
        path, content = Path(record["path"]), record["content"]
        if path.exists():
            if _look(path) != _stamps(content):
                content = _hash(path)
            now[record["path"]] = (digest(content), content)
    return now
