"""Write what is derived from the models: the JSON schema for editors, and the tables of config/README.md.

python -m trex.config.documents
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from trex.config.schema import Node, expected, has_default, json_schema, node_at, properties, resolve
from trex.config.sources import OPTIONS

ROOT = Path(__file__).parents[3]
SCHEMA_PATH = ROOT / "workflow/schemas/config.schema.yaml"
README_PATH = ROOT / "config/README.md"
_HEADER = (
    "# For editors. Generated from src/trex/config/models.py: .venv/bin/python -m trex.config.documents\n"
)
_TABLE = re.compile(r"(<!-- keys: ([\w.]+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)


def schema_text() -> str:
    """The content of config.schema.yaml."""
    schema = dict(json_schema())
    schema["$defs"] = schema.pop("$defs")  # last
    return _HEADER + yaml.safe_dump(schema, sort_keys=False, width=120, allow_unicode=True)


def readme_text(readme: str) -> str:
    """config/README.md with its tables made again.

    A table lies between `<!-- keys: NAME -->` and `<!-- end of keys -->`. NAME is a section; `top` for the keys outside
    of sections; or a definition of the schema, such as Source.
    """
    return _TABLE.sub(lambda match: f"{match[1]}\n{_table(match[2])}\n\n{match[3]}", readme)


def sections(of: Node | None = None, prefix: str = "") -> list[str]:
    """The key paths whose values are mappings of keys, such as `language_model` and `language_model.check`."""
    found = []
    for key, node in properties(of or json_schema()).items():
        if "$ref" in node and "default" not in node:
            found += [f"{prefix}{key}", *sections(node, f"{prefix}{key}.")]
    return found


def _table(name: str) -> str:
    schema, prefix, kinds = json_schema(), "", {}
    if name == "top":
        nodes = {key: node for key, node in properties(schema).items() if key not in sections()}
        parent = schema
    elif name in sections():
        parent, prefix = node_at(name.split(".")), f"{name}."
        nodes = {key: node for key, node in properties(parent).items() if prefix + key not in sections()}
    else:
        parent = schema["$defs"][name]
        nodes, kinds = properties(parent), OPTIONS if name == "Source" else {}
    needed = "required" if "oneOf" not in parent else "one of these"
    rows = [
        _row(prefix + key, node, None if has_default(key, parent) else needed, kinds.get(key, ()))
        for key, node in nodes.items()
    ]
    return "\n".join(["| key | default | values | meaning |", "|---|---|---|---|", *rows])


def _row(key: str, node: Node, needed: str | None, kinds: Sequence[str]) -> str:
    default = needed or f"`{json.dumps(node['default'])}`"
    meaning = resolve(node)["description"] + (f" Only for {', '.join(kinds)}." if kinds else "")
    cells = (f"`{key}`", default, expected(node), meaning)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    README_PATH.write_text(readme_text(README_PATH.read_text(encoding="utf-8")), encoding="utf-8")
