"""The JSON schema of the configuration, and what it says of a key in words."""

import ast
import inspect
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from trex.config.models import Config

_TYPES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_LIMITS = {
    "exclusiveMinimum": "more than",
    "minimum": "at least",
    "exclusiveMaximum": "less than",
    "maximum": "at most",
    "minLength": "length at least",
}

Node = dict[str, Any]  # a part of the schema


@cache
def _descriptions(module: ModuleType) -> dict[str, dict[str, str]]:
    """The docstrings of every class's keys.

    Pydantic reads them too (use_attribute_docstrings), but whenever the models are imported: 0.1 s in every job.
    """
    classes = [node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.ClassDef)]
    return {
        one.name: {
            key.target.id: " ".join(text.value.value.split())
            for key, text in pairwise(one.body)
            if isinstance(key, ast.AnnAssign) and isinstance(text, ast.Expr)
        }
        for one in classes
    }


class _Generate(GenerateJsonSchema):
    """Pydantic's JSON schema without titles, which only repeat the keys, and with closed mappings of chosen names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: Any) -> Node:
        node = super().model_schema(schema)
        node.pop("title")
        for key, text in _descriptions(sys.modules[schema["cls"].__module__])[schema["cls"].__name__].items():
            node["properties"][schema["cls"].model_fields[key].alias or key]["description"] = text
        return node

    def dict_schema(self, schema: Any) -> Node:
        node = super().dict_schema(schema)
        for pattern, values in node.pop("patternProperties", {}).items():
            node["additionalProperties"] = values
            node["propertyNames"] = {**node.get("propertyNames", {}), "pattern": pattern}
        return node


@cache
def json_schema() -> Node:
    """The JSON Schema (2020-12) of what users write."""
    schema = Config.model_json_schema(schema_generator=_Generate)
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "TREX configuration"} | schema


def resolve(node: Node) -> Node:
    """A node with its $ref followed; its own keywords win."""
    while "$ref" in node:
        own = {key: value for key, value in node.items() if key != "$ref"}
        node = json_schema()["$defs"][node["$ref"].rpartition("/")[2]] | own
    return node


def alternatives(node: Node) -> Iterator[Node]:
    """The nodes without alternatives that a node consists of."""
    node = resolve(node)
    members = node.get("anyOf") or node.get("oneOf")
    if members:
        for member in members:
            yield from alternatives(member)
    else:
        yield node


def properties(node: Node) -> dict[str, Node]:
    """The known keys of a mapping, of all its alternatives."""
    return {key: value for one in alternatives(node) for key, value in one.get("properties", {}).items()}


def has_default(key: str | int, node: Node) -> bool:
    """Whether a key of a mapping can be left out."""
    known = [one for one in alternatives(node) if key in one.get("properties", {})]
    return any(key not in one.get("required", ()) for one in known)


def node_at(path: Sequence[str | int]) -> Node:
    """The schema of the value at a key path."""
    node = json_schema()
    for step in path:
        for one in alternatives(node):
            inner = one.get("items") if isinstance(step, int) else one.get("properties", {}).get(step)
            inner = inner or (not isinstance(step, int) and one.get("additionalProperties"))
            if inner:
                node = inner
                break
    return resolve(node)


def expected(node: Node) -> str:
    """What a node asks for, in words: "a whole number of at least 10 and at most 1000"."""
    words = _words(node)
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _words(node: Node) -> list[str]:
    """The choices that a node offers; null is the last."""
    node = resolve(node)
    members = node.get("anyOf") or node.get("oneOf") or []
    if "x-expected" in node:
        return [node["x-expected"], *(["null"] if {"type": "null"} in members else [])]
    if members:
        return [words for member in members for words in _words(member)]
    if "const" in node or "enum" in node:
        return [node["const"]] if "const" in node else node["enum"]
    if node["type"] == "array" and node.get("minItems"):
        return [f"a list of one or more of {expected(node['items'])}"]
    limits = [f"{limit} {node[key]}" for key, limit in _LIMITS.items() if key in node]
    return [_TYPES[node["type"]] + (f" of {' and '.join(limits)}" if limits else "")]


def number_fits(number: int, node: Node) -> bool:
    """Whether a node takes a whole number of this size."""
    return any(
        one.get("type") in ("integer", "number")
        and one.get("minimum", number) <= number <= one.get("maximum", number)
        and one.get("exclusiveMinimum", number - 1) < number < one.get("exclusiveMaximum", number + 1)
        for one in alternatives(node)
    )
