"""Chat templates: whether one renders a conversation as `transformers` would render it."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from trex.tokenizer.special import ROLES

# two turns: questions of a user, the first with its answer
_CONVERSATION = [
    {"role": "user", "content": "How do you say water in Quechua?"},
    {"role": "assistant", "content": "Yaku."},
    {"role": "user", "content": "And in Aymara?"},
]
_MARKER = re.compile(r"<\|[^|<>\s]+\|>")  # what looks like a special token


class _Generation(Extension):
    """The tag {% generation %} of transformers, which marks what the model writes: here its body alone."""

    tags = frozenset({"generation"})

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def read_chat_template(path: Path, special_tokens: Sequence[str], release: Mapping[str, Any]) -> str:
    """The text of a template's file that was checked; release: the loaded config's section.

    ValueError if there is no such file, it is not UTF-8, or `check_chat_template` refuses it; says which file."""
    try:
        template = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read: {error.strerror}; write the path of a Jinja template"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text; write the path of a Jinja template") from error
    try:
        check_chat_template(template, special_tokens, {role: release[role] for role in ROLES})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return template


def check_chat_template(template: str, special_tokens: Sequence[str], roles: Mapping[str, str | None]) -> str:
    """A conversation of two turns as the template renders it.

    special_tokens: of the tokenizer. roles: bos_token, eos_token and so on, which a template may use.

    Raises:
        ValueError: it does not parse, fails on the conversation, leaves out a message, or writes what looks like a
            special token and is none.
    """
    try:
        rendered = (
            _environment()
            .from_string(template)
            .render(
                messages=_CONVERSATION,
                tools=None,
                documents=None,
                add_generation_prompt=True,
                **{role: token for role, token in roles.items() if token is not None},
            )
        )
    except TemplateError as error:
        line = f" in line {error.lineno}" if getattr(error, "lineno", None) else ""
        raise ValueError(f"it cannot be rendered{line}: {error.message}") from error
    except Exception as error:  # whatever the code in it raises
        raise ValueError(
            f"it fails on a conversation of two turns: {type(error).__name__}: {error}"
        ) from error
    for message in _CONVERSATION:
        if message["content"] not in rendered:
            raise ValueError(f"it leaves out the {message['role']}'s message of a conversation of two turns")
    if unknown := [
        marker for marker in dict.fromkeys(_MARKER.findall(rendered)) if marker not in special_tokens
    ]:
        raise ValueError(
            f"it writes {', '.join(unknown)}, which would be encoded as plain text; add to tokenizer.special_tokens "
            "what the template writes"
        )
    return rendered


def _environment() -> ImmutableSandboxedEnvironment:
    """Jinja as transformers sets it up."""

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **options)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda pattern: datetime.now().strftime(pattern)
    return environment
