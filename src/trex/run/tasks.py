"""Jobs that do several tasks: the corpora of a batch, each as if it had a job of its own.

Starting a process takes longer than counting a small corpus, so a job counts a batch of them. Each of its tasks has
inputs, params, outputs and records of its own. A task whose outputs count is left alone, so a changed corpus is counted
alone, and a corpus that moves to another batch is not counted again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SMALL_BYTES = 10_000_000  # of the files of a corpus that shares a job; about a second of work
BATCH_BYTES, BATCH_CORPORA = 40_000_000, 32  # in one job at most
MIN_BATCHES = 8  # as long as they have two corpora each, so that several cores find jobs


@dataclass(frozen=True)
class Task:
    """What a job makes of some files: all that it does, or the part that belongs to one corpus.

    rule: in whose name its outputs are recorded. The rest is as in a rule of Snakemake, by name; a value of input or
    output is a path or a list of them.
    """

    rule: str
    wildcards: Mapping[str, str]
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    params: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is about, such as "deu" or "flores of deu"."""
        return " of ".join(self.wildcards.values())

    @property
    def inputs(self) -> list[str]:
        return _flat(self.input)

    @property
    def outputs(self) -> list[str]:
        return _flat(self.output)


def _flat(named: Mapping[str, Any]) -> list[str]:
    lists = (value if isinstance(value, list | tuple) else [value] for value in named.values())
    return [str(path) for paths in lists for path in paths]


def tasks_of(job: Any, rule: str) -> Sequence[Task]:
    """The tasks of a job of Snakemake, or of the `snakemake` of a script: those of its param `tasks`, or all of it as
    one."""
    tasks = job.params.get("tasks")
    if tasks is not None:
        return tasks
    # by number where a rule gives no name
    inputs = {str(number): path for number, path in enumerate(job.input)}
    named = dict(job.input.items())
    if len(_flat(named)) == len(inputs):
        inputs = named
    return [
        Task(rule, dict(job.wildcards.items()), inputs, dict(job.output.items()), dict(job.params.items()))
    ]


def batches_of_small(sizes: Mapping[str, int | None]) -> list[list[str]]:
    """Which corpora share a job, in their order, each batch of two or more; all others have a job of their own.

    Args:
        sizes: bytes of each corpus's files; None if they are not known.

    >>> batches_of_small({"deu": 5, "eng": 10**9, **{f"c{i}": 5 for i in range(16)}})[:2]
    [['deu', 'c0', 'c1'], ['c2', 'c3', 'c4']]
    """
    small = {corpus: size for corpus, size in sizes.items() if size is not None and size <= SMALL_BYTES}
    most = min(-(-len(small) // MIN_BATCHES), BATCH_CORPORA)
    batches: list[list[str]] = []
    room = 0
    for corpus, size in small.items():
        if not batches or len(batches[-1]) == most or size > room:
            batches.append([])
            room = BATCH_BYTES
        batches[-1].append(corpus)
        room -= size
    return [batch for batch in batches if len(batch) > 1]


def stage(rule: str) -> str:
    """The rule whose work a rule does: that of a batch is named after it, with a number.

    >>> stage("count_words_batch_003")
    'count_words'
    """
    return re.sub(r"_batch_\d+$", "", rule)


def several(paths: Iterable[str], most: int = 50) -> list[str]:
    """The first paths, and how many more there are.

    >>> several("abcdefgh", 2)
    ['a', 'b', 'and 6 more']
    """
    paths = list(paths)
    return paths if len(paths) <= most + 1 else [*paths[:most], f"and {len(paths) - most} more"]
