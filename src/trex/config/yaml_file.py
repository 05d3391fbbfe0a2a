"""Reading YAML files: what is wrong with one is said with its name and line, and no key may be given twice."""

import re
from pathlib import Path
from typing import Any

import yaml

from trex.config.words import ConfigError, show


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping; unlike plain YAML, a key given twice is an error and not silently the last one."""
    try:
        with open(path, encoding="utf-8") as file:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(file)
            root = loader.get_single_node()
            _refuse_repeated_keys(root)
            content = loader.construct_document(root) if root else None
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid YAML: {error}{_quotes(path, error)}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds {show(content)}; a mapping of keys such as 'corpora:' is needed")
    return content


def _quotes(path: str | Path, error: Exception) -> str:
    """What to type where YAML stumbles over a comparison, such as `quality: >= 8`."""
    mark = getattr(error, "problem_mark", None)
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    found = mark and mark.line < len(lines) and re.search(r"(\S+:) *([<>!=]=?[^,}\]]*)", lines[mark.line])
    return f'; write the comparison in quotes: {found[1].lstrip("{[")} "{found[2].strip()}"' if found else ""


def _refuse_repeated_keys(root: yaml.Node) -> None:
    """Raise ConfigError at the first key that a mapping of the document holds twice."""
    nodes, seen = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                nodes.append(value)
                if isinstance(key, yaml.ScalarNode):
                    mark, name = key.start_mark, key.value
                    if name in lines:
                        raise ConfigError(
                            f"{mark.name}, line {mark.line + 1}: the key '{name}' was given before, on line "
                            f"{lines[name]}; keep one of the two"
                        )
                    lines[name] = mark.line + 1
