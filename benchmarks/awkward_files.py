"""A table of files as people have them, and what reading each gives: the list of tests/awkward.

    python benchmarks/awkward_files.py [FOLDER]    # FOLDER keeps the files; without it they go to a temporary one

Every file goes the way of a run: the config that names it is loaded and checked, then its documents are read. The
program ends with 1 if one gives other documents, another error or another ledger than the list says.
"""

import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

import awkward  # noqa: E402


def is_right(case: awkward.Case, outcome: awkward.Outcome) -> bool:
    if (outcome.documents, outcome.left_out) != (case.gives, case.left_out):
        return False
    return case.gives is not None or all(words in outcome.error for words in case.says)


def happened(outcome: awkward.Outcome, folder: Path) -> str:
    """What a case gave, in the words of a table's cell."""
    if outcome.documents is None:
        when = "before the run" if outcome.before else "when it is read"
        return f"{when}: {outcome.error.replace(f'{folder}/', '').removeprefix('corpora.a.source: ')}"
    left_out = ", ".join(f"{n} {kind}" for kind, n in outcome.left_out.items())
    return f"{len(outcome.documents):,} documents" + (f"; left out: {left_out}" if left_out else "")


def main(folder: Path) -> int:
    logging.disable()
    awkward.make(folder)
    kinds: Counter[str] = Counter()
    print("| file | what it is | what happens |\n|---|---|---|")
    for number, case in enumerate(awkward.CASES):
        outcome = awkward.outcome(number, folder)
        right = is_right(case, outcome)
        kind = (
            "read"
            if outcome.documents is not None
            else "refused before the run"
            if outcome.before
            else "refused"
        )
        kinds[kind if right else "WRONG"] += 1
        cells = (", ".join(case.files), case.what, happened(outcome, folder / str(number)))
        row = " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells)
        print(f"| {row} |" if right else f"| {row} **WRONG** |")
    print(f"\n{len(awkward.CASES)} cases: {', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}")
    return min(kinds["WRONG"], 1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        sys.exit(main(Path(sys.argv[1])))
    with tempfile.TemporaryDirectory() as name:
        sys.exit(main(Path(name)))
