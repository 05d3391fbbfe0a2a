"""What would keep every job from starting, or make it slow, and can be told before."""

import re
import resource
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trex.counting.patterns import PATTERNS

# Letters of any script, digits, and the signs that mean nothing to a shell or to Snakemake.
_HARMLESS = r"[\w./+@%,:=~-]+"

ADDRESS_SPACE = (
    4_000_000_000  # a job on the smallest corpora was seen to reserve 2.8 GB, of which it used 0.3
)


def check_install_path(executable: str) -> None:
    """ValueError if jobs cannot be started with the Python at this path, for example because of a space in it."""
    if not re.fullmatch(_HARMLESS, executable):
        raise ValueError(
            f"TREX cannot run from {executable}: Snakemake does not quote the path of Python. Move the clone to a "
            "folder whose path has no space, quote or bracket, run ./install.sh there, and start .venv/bin/snakemake "
            "of that clone; folders of data and results may have any name"
        )


def warn_of_address_space(limit: int | None = None) -> str | None:
    """What to tell a user whose shell limits the address space (`ulimit -v`) below what a job reserves; None if it does
    not. Past the limit, LLVM aborts the process and says nothing else. limit: in bytes; None for this process's."""
    if limit is None:
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or limit >= ADDRESS_SPACE:
        return None
    return (
        f"the shell limits the address space to {limit / 1e9:.1f} GB (ulimit -v), and jobs reserve "
        f"{ADDRESS_SPACE / 1e9:.0f} GB and more: they may end with 'LLVM ERROR: out of memory'. Run ulimit -v unlimited"
    )


def warn_of_slow_pattern(pattern: str, path: str) -> str | None:
    """What to tell a user whose regex is outside the family that is compiled, with its rate measured; None if it is
    not. path: its key in the config."""
    if not pattern or pattern in PATTERNS.values():
        return None
    from trex.counting.rules import slow_rate, why_slow  # imports numba, which only this needs here

    if not (why := why_slow(pattern)):
        return None
    rate = slow_rate(pattern)
    return (
        f"{path}: words are split by tokenizers itself, at {rate:.1f} MB a second on this machine now "
        f"({1e3 / rate / 60:.0f} minutes a GB, about ten times as long as with a regex that is compiled), because the "
        f"regex is outside the family of docs/patterns.md: {why}"
    )


def warn_of_special_tokens(tokens: Iterable[str]) -> list[str]:
    """What to tell a user of each special token that ordinary text may have: of letters, digits and white space
    alone."""
    return [
        f"tokenizer.special_tokens: special token {token!r} looks like ordinary text: text that has it becomes the "
        "special token, and the gate special_text fails if merges spell it too"
        for token in tokens
        if all(char.isspace() or unicodedata.category(char)[0] in "LMN" for char in token)
    ]


def warn_of_shared_text(
    corpora: Mapping[str, Mapping[str, Any]], files: Mapping[str, list[Path]]
) -> list[str]:
    """What to tell a user of each corpus that reads text of another one, as after a line was copied.

    corpora: of the loaded config. files: those of each source by its key path (`trex.config.named_files`).
    """
    read: dict[Any, str] = {}
    lines = []
    for corpus, settings in corpora.items():
        source, path = settings["source"], f"corpora.{corpus}.source"
        rows = repr([source.get(key) for key in ("column", "where")])
        own = (file for file in files.get(path, ()) if file.name != "dataset_dict.json")  # which splits share
        places = [(str(file), rows) for file in own]
        if not places:  # a demo language, or what is on the hub
            named = {key: value for key, value in source.items() if key not in ("max_bytes", "on_bad_record")}
            places = [(repr(named), rows)]
        shared = [place for place in places if read.setdefault(place, path) != path]
        if shared:
            what = "the same text as" if len(shared) == len(places) else f"{shared[0][0]}, as does"
            lines.append(
                f"{path} reads {what} {read[shared[0]]}: each corpus of a mixture should have text of its own"
            )
    return lines
