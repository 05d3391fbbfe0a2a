"""The examples of docs/library.md, and what importing the package costs."""

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import trex

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "library.md"


def test_the_examples_of_the_page():
    # only code, with every line where it is in the page
    pieces = re.split(r"(^```python\n.*?^```$)", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    code = "".join(
        piece.replace("```python", "").replace("```", "")
        if piece.startswith("```python")
        else "\n" * piece.count("\n")
        for piece in pieces
    )
    test = doctest.DocTestParser().get_doctest(code, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 20
    report: list[str] = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, "".join(report)


def test_the_page_shows_every_name():
    shown = set(re.findall(r"^>>> from trex import (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.M))
    assert sorted(name for line in shown for name in line.split(", ")) == trex.__all__
    assert all(getattr(trex, name) for name in trex.__all__)


def test_importing_the_package_imports_nothing_else():
    program = "import sys; before = set(sys.modules); import trex; print(*(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "numpy" not in result.stdout


def test_our_own_code_imports_from_modules():
    """Not through the lazy names, which fingerprints cannot follow."""
    for file in [*ROOT.glob("src/trex/**/*.py"), *ROOT.glob("workflow/scripts/*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "trex":
                assert {alias.name for alias in node.names}.isdisjoint(trex.__all__), file


def test_packages_import_from_those_above_them():
    """In the order of docs/contracts.md, so that there are no circles; a new package gets a line there."""
    page = (ROOT / "docs/contracts.md").read_text(encoding="utf-8")
    table = page[page.index("| package | rules file |") :].split("\n\n")[0]
    rows = [re.match(r"\| `(\w+)` \|( yes)? \|", line) for line in table.splitlines()[2:]]
    order = [row[1] for row in rows]
    package = ROOT / "src/trex"
    assert sorted(order) == sorted(
        p.parent.name for p in package.glob("*/__init__.py") if p.parent.name != "compiled"
    )
    rules = {path.stem for path in (ROOT / "workflow/rules").glob("*.smk")}
    rules -= {"common", "sources", "resources", "wildcards", "recipe", "pieces", "existing", "provenance"}
    assert {row[1] for row in rows if row[2]} == rules
    wrong = set()
    for file in package.glob("*/**/*.py"):
        home = file.relative_to(package).parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
            parts = (module or "").split(".")
            names = [alias.name for alias in node.names] if parts == ["trex"] else parts[1:2]
            for name in names if parts[0] == "trex" else ():
                if name in order and name != home and order.index(name) > order.index(home):
                    wrong.add(f"{home} imports {name} ({file.name})")
    assert not wrong
