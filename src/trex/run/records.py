"""What every file of a results folder holds and was made from.

One rule says what has to be made: an output counts if its record says that it was made with these params, by this
code, from inputs of this content, and its own content is the recorded one (`Records.why_made_again`). Times decide
nothing, and neither does anything outside the results folder. `trex.run.planning` asks before a run, `tracked` goes
around every job and writes the records.

A file is hashed again only if its stamp (size, times of modification and change, inode) is not the one that was seen
with its content; so thousands of jobs that read one large index do not hash it thousands of times.

    .artifacts/files/<path>.json  {path, rule, code, params: {name: digest}, inputs: {label: sha256},
                                   content: {file: [sha256, stamp]}, seal}
    .artifacts/inputs/<hash>.json {path, content, seal}: files from outside, as the first job that read them saw them
    .artifacts/locks/<path>.lock  held by the job that writes the path

The seal is the SHA-256 of the rest of the record. A record that is missing, broken or that of another path is
ignored.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trex.files import Content, members, read_json, remove, sha256, stamp, write_json, written
from trex.layout import Layout
from trex.locks import one_process

log = logging.getLogger(__name__)

AGAIN = "Run the same command again"


class RecordError(ValueError):
    """A file is not what its job wrote, or changed under a job that read it; says which, and what to do."""


@dataclass
class Why:
    """Why a job's outputs do not count; all empty if they do."""

    missing: list[str] = field(default_factory=list)  # outputs that are not there, or not what was made
    problems: list[str] = field(default_factory=list)  # of those that are there, one sentence each
    inputs: list[str] = field(default_factory=list)  # inputs with other content
    params: list[str] = field(default_factory=list)  # names
    code: bool = False

    def __bool__(self) -> bool:
        return bool(self.missing or self.problems or self.inputs or self.params or self.code)

    def add(self, other: "Why") -> None:
        """The reasons of another task of the same job."""
        self.missing += other.missing
        self.problems += other.problems
        self.inputs += other.inputs
        self.params += other.params
        self.code |= other.code


def digest(content: Content) -> str:
    """The SHA-256 of a file; of a folder, that of the names and SHA-256 of its files."""
    if set(content) == {"."}:
        return content["."][0]
    lines = "".join(f"{name} {content[name][0]}\n" for name in sorted(content))
    return hashlib.sha256(lines.encode()).hexdigest()


def outside(label: str) -> bool:
    """Whether a label of `Records.label` is of a file outside the results folder."""
    return label.startswith(("/", "./"))


def _stamps(path: Path) -> dict[str, list[int]]:
    """The stamps of a path's files; none if it is not there."""
    try:
        return {name: stamp(file) for name, file in members(path).items()}
    except FileNotFoundError:
        return {}


def _unchanged(path: Path, content: Content) -> bool:
    return _stamps(path) == {name: list(seen) for name, (_, seen) in content.items()}


def _hash(path: Path) -> Content:
    """The content of a path. RecordError if it changes meanwhile or cannot be read."""
    before = _stamps(path)
    try:
        content = {name: (sha256(file), before.get(name, [])) for name, file in members(path).items()}
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}. {AGAIN}") from error
    if _stamps(path) != before:
        raise RecordError(f"{path}: changed while it was read. {AGAIN}")
    return content


def _difference(path: Path, expected: Content, found: Content) -> str:
    """In words, where a path's content is not the expected one; empty if it is."""
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


def _seal(record: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in record.items() if key != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _read(file: Path) -> dict[str, Any] | None:
    try:
        record = read_json(file)
        return record if record["seal"] == _seal(record) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


class Records:
    """The records of a results folder. With read_only nothing is written, so that what was hashed is hashed again."""

    def __init__(self, results: str | Path, read_only: bool = False):
        self.results = Path(os.path.abspath(results))
        self.folder = Layout(self.results).records
        self.read_only = read_only

    def label(self, path: str | Path) -> str:
        """How records name a path: from the results folder, or "./" from the working directory, or absolute."""
        path = os.path.abspath(path)  # no Path: this is asked several times for every file of a run
        if path.startswith(f"{self.results}/"):
            return path[len(f"{self.results}/") :]
        here = f"{os.getcwd()}/"
        return f"./{path[len(here) :]}" if path.startswith(here) else path

    def file(self, path: str | Path) -> Path:
        """Where the record of a path is."""
        label = self.label(path)
        if outside(label):
            return self.folder / "inputs" / f"{hashlib.sha256(label.encode()).hexdigest()[:32]}.json"
        return self.folder / "files" / f"{label}.json"

    def read(self, path: str | Path) -> dict[str, Any] | None:
        """The record of a path, or None if it has none that can be believed."""
        record, label = _read(self.file(path)), self.label(path)
        keys = {"path", "content"} if outside(label) else {"path", "content", "code", "params", "inputs"}
        whole = record is not None and keys <= record.keys()  # an earlier version wrote others
        return record if whole and record["path"] == label else None

    def write(self, path: Path, about: Mapping[str, Any], content: Content) -> None:
        record = {**about, "path": self.label(path), "content": content}
        write_json({**record, "seal": _seal(record)}, self.file(path))

    def about(self, rule: str, params: Mapping[str, Any], inputs: Iterable[str | Path]) -> dict[str, Any]:
        """What a record says of the job: its rule, its code, and a digest of every param.

        A param that names an input names it by its label, so that another spelling of its path is no change. Where an
        input is given twice, which ones are the same file is a param too: the inputs are recorded once for each file.
        """
        inputs = list(inputs)
        labels = {os.path.abspath(path): self.label(path) for path in inputs}

        def plain(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {key: plain(each) for key, each in value.items()}
            if isinstance(value, list | tuple):
                return [plain(each) for each in value]
            return labels.get(os.path.abspath(value), str(value)) if isinstance(value, str | Path) else value

        texts = {name: json.dumps(plain(value), default=str) for name, value in params.items()}
        if len(labels) < len(inputs):
            texts["same inputs"] = json.dumps([labels[os.path.abspath(path)] for path in inputs])
        digests = {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in texts.items()}
        return {"rule": rule, "code": params.get("code"), "params": digests}

    def problem(self, path: Path, record: Mapping[str, Any]) -> str:
        """How a path that is there differs from its record, in words; empty if it does not."""
        if _unchanged(path, record["content"]):
            return ""
        found = _hash(path)
        problem = _difference(path, record["content"], found)
        if not problem:
            self.remember(path, record, found)
        return problem

    def remember(self, path: Path, about: Mapping[str, Any], content: Content) -> None:
        """Keep the stamps with which a content was seen; a folder that cannot be written to costs time only."""
        if not self.read_only:
            try:
                self.write(path, about, content)
            except OSError as error:
                log.debug("%s: not remembered: %s", path, error)

    def digest(self, path: str | Path) -> str | None:
        """The SHA-256 of an input: what the record says of a file of the results, even if that file is gone, and what
        a file from outside holds; None if nothing is known."""
        path, record = Path(path), self.read(path)
        if not outside(self.label(path)) or not path.exists():
            return digest(record["content"]) if record else None
        if record is None or not _unchanged(path, record["content"]):
            record = {"content": _hash(path)}
            self.remember(path, {}, record["content"])
        return digest(record["content"])

    def why_made_again(
        self,
        about: Mapping[str, Any],
        digests: Sequence[str | None],
        inputs: Sequence[str],
        outputs: Iterable[str],
    ) -> Why:
        """The rule of the module's description, for one job.

        Args:
            about: `about` of the job as it would run now.
            digests: `digest` of its inputs.
        """
        why = Why()
        # records have every file once, and `about` says which inputs are the same one
        once = list(dict(zip(map(os.path.abspath, inputs), digests, strict=True)).values())
        for output in outputs:
            path, record = Path(output), self.read(output)
            problem = self.problem(path, record) if record and path.exists() else ""
            if record is None or problem:
                why.missing.append(output)
                if path.exists():
                    why.problems.append(problem or f"{path} has no record of what it was made from")
                continue
            why.code |= record["code"] != about["code"]
            params, now = record["params"], about["params"]
            why.params += [
                name for name in {**params, **now} if params.get(name) != now.get(name) and name != "code"
            ]
            then = list(record["inputs"].values())
            if then != once:
                changed = [
                    path for path, sha in zip(inputs, digests, strict=True) if sha is None or sha not in then
                ]
                why.inputs += changed or list(inputs)
        return why

    def checked(self, path: Path) -> Content:
        """The content of an input of a job, which is what the job that wrote it, or that first read it, saw.

        Raises:
            RecordError: it is not.
        """
        record, inside = self.read(path), not outside(self.label(path))
        if not path.exists():
            raise RecordError(f"{path}: is gone. {AGAIN}")
        if inside and record is None:
            raise RecordError(f"{path} has no record of what it was made from. {AGAIN}: it is made again")
        if record and _unchanged(path, record["content"]):
            return record["content"]
        found = _hash(path)
        difference = _difference(path, record["content"], found) if record else ""
        if difference:
            what = "damaged file" if inside else "input changed between stages"
            raise RecordError(f"{what}: {difference}. {AGAIN}: what has to be is made again")
        self.remember(path, record or {}, found)
        return found


def forget_changed_inputs(results: str | Path) -> None:
    """At the start of a run: forget what earlier runs saw in files from outside that are not the same any more."""
    store = Records(results)
    for file in (store.folder / "inputs").glob("*.json"):
        record = _read(file)
        if record is None or not _unchanged(Path(record["path"]), record["content"]):
            remove(file)


@contextmanager
def tracked(
    results: str | Path, inputs: Iterable[str], outputs: Iterable[str], about: Mapping[str, Any]
) -> Iterator[None]:
    """Go around a job: see that its inputs are what they should be, before and after, and record its outputs.

    Args:
        about: `Records.about` of the job.

    Raises:
        RecordError: an input is damaged or changed. The job then fails, whatever it wrote.
    """
    store = Records(results)
    paths, made = [Path(path) for path in inputs], [Path(path) for path in outputs]
    with ExitStack() as stack:
        if made:
            # a job of a run that was killed may still write
            lock_file = store.folder / "locks" / f"{store.label(made[0])}.lock"
            stack.enter_context(one_process(lock_file, "another process that makes the same"))
        for path in made:  # a record speaks of what is there, never of what was there before
            remove(store.file(path))
        before = {path: store.checked(path) for path in paths}
        try:
            yield
        finally:  # after an error too: rather name the file than what came of it
            for path, content in before.items():
                if not _unchanged(path, content) and _difference(path, content, store.checked(path)):
                    raise RecordError(f"{path}: changed while the job read it. {AGAIN}")
        read = {store.label(path): digest(content) for path, content in before.items()}
        for path in made:
            content = written.get(os.path.abspath(path)) or _hash(path)
            store.write(path, {**about, "inputs": read}, content)
