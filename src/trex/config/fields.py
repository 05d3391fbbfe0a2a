"""Types of values that several sections of the configuration share.

Words for people travel in the JSON schema: `x-expected` says what a value looks like where its type and range do not.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)
from typing_extensions import TypeAliasType

from trex.config.words import ConfigError, Problem, show
from trex.layout import is_sampled

MAX_INTEGER = 2**63 - 1

_AMOUNT = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?)\s*(?:([kKmMgGtT][iI]?)?[bB])?\s*")
_UNITS = {"": 1} | {
    prefix + binary: base**power
    for power, prefix in enumerate("kmgt", 1)
    for binary, base in (("", 1000), ("i", 1024))
}
_AMOUNT_SCHEMA = {
    "type": ["number", "string"],
    "minimum": 1,
    "pattern": f"^{_AMOUNT.pattern}$",
    "x-expected": "an amount such as 2000000, 2MB, 1.5GB or 1GiB, from 1 byte",
}


def parse_bytes(amount: int | float | str) -> int:
    """Bytes of an amount: a whole number or text with a unit, at least 1.

    >>> parse_bytes("1.5GB"), parse_bytes("1 GiB"), parse_bytes("1e6")
    (1500000000, 1073741824, 1000000)

    Raises:
        ConfigError: it is none of these.
    """
    size = 0
    if isinstance(amount, str) and (match := _AMOUNT.fullmatch(amount)):
        size = round(Decimal(match[1].replace("_", "")) * _UNITS[(match[2] or "").lower()])
    elif isinstance(amount, (int, float)) and not isinstance(amount, bool) and amount % 1 == 0:
        size = int(amount)
    if not 1 <= size <= MAX_INTEGER:
        raise ConfigError(f"{show(amount)} is not an amount of bytes; write 2000000, 2MB, 1.5GB or 1GiB")
    return size


_PERCENTAGE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")
_PERCENTAGE_SCHEMA = {
    "type": ["number", "string"],
    "minimum": 0,
    "maximum": 1,
    "pattern": f"^{_PERCENTAGE.pattern}$",
    "x-expected": "a share such as 0.1% or 0.001",
}


def parse_share(share: float | str) -> float:
    """A share of 1, given as a number or as text with a percent sign.

    Raises:
        Problem: it is none, or not between 0 and 1.
    """
    value = -1.0
    if isinstance(share, str) and (match := _PERCENTAGE.fullmatch(share)):
        value = float(Decimal(match[1]) / 100)
    elif isinstance(share, (int, float)) and not isinstance(share, bool):
        value = float(share)
    if type(share) is int and share == 1:
        raise Problem("1 may be meant as 1% or as 100%; write which, with the percent sign")
    if not 0 <= value <= 1:
        raise Problem(f"{show(share)} is not a share; write one from 0% to 100%, such as 0.1% or 0.001")
    return value


class Expects:
    """An annotation: what an error message asks for, and further keywords of the JSON schema."""

    def __init__(self, words: str, **keywords: Any):
        self._keywords = {"x-expected": words, **keywords}

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        return handler(schema) | self._keywords


class Section(BaseModel):
    """A mapping of the configuration: no unknown keys, no conversions; defaults are checked as what is written.

    The docstring after a key is its description (`trex.config.schema`).
    """

    model_config = ConfigDict(strict=True, extra="forbid", validate_default=True, defer_build=True)


def by_shape(value: Any) -> str:
    """Tag of the member of a union that a value is meant for. No key begins with a colon."""
    if isinstance(value, (dict, BaseModel)):
        return ":mapping"
    return ":list" if isinstance(value, list) else ":single"


Item = TypeVar("Item")
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1, description="Share of the training bytes.")]
ShapeOf = Discriminator(by_shape)

Bytes = TypeAliasType("Bytes", Annotated[int, BeforeValidator(parse_bytes), WithJsonSchema(_AMOUNT_SCHEMA)])
ShareOrPercentage = TypeAliasType(
    "ShareOrPercentage",
    Annotated[float, BeforeValidator(parse_share), WithJsonSchema(_PERCENTAGE_SCHEMA)],
)
BytesOrAll = Annotated[  # all is None
    int | None,
    BeforeValidator(
        lambda amount: None if amount in ("all", None) else parse_bytes(amount),
        json_schema_input_type=Bytes | Literal["all"] | None,
    ),
    Expects(f"all, or {_AMOUNT_SCHEMA['x-expected']}"),
]
DemoCode = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z_]*$"), Expects("the code of a demo language, such as deu")
]
SpecialToken = Annotated[
    str,
    Field(min_length=2, pattern=r"\S"),  # white space would swallow text
    Expects("text of length at least 2 (not white space alone)"),
]
License = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$", max_length=64),
    Expects("a license's identifier on the Hugging Face Hub, such as apache-2.0, mit, cc-by-4.0 or other"),
]


def _no_thousands(size: Any) -> Any:
    if isinstance(size, str) and (match := re.fullmatch(r"\s*([0-9]{1,5})\s*[kK]\s*", size)):
        thousands = int(match[1])
        raise Problem(
            f"{show(size)} can mean {1000 * thousands} or {1024 * thousands}; write the whole number"
        )
    return size


VocabSize = TypeAliasType(
    "VocabSize", Annotated[int, Field(ge=257, le=2**24), BeforeValidator(_no_thousands)]
)
VocabSizeOrAuto = Annotated[  # auto is None
    VocabSize | None,
    BeforeValidator(
        lambda size: None if size == "auto" else size,
        json_schema_input_type=VocabSize | Literal["auto"] | None,
    ),
    Expects("auto, or a whole number of at least 257 and at most 16777216"),
]


def _rising(ends: list[float]) -> list[float]:
    low, high = ends
    if low > high:
        raise Problem(f"[{low:g}, {high:g}] falls; write the range as [{high:g}, {low:g}]")
    return ends


Strength = TypeAliasType(
    "Strength",
    Annotated[
        list[Annotated[float, Field(gt=0)]],
        Field(min_length=2, max_length=2),
        AfterValidator(_rising),
        Expects("a range [low, high] of numbers above 0"),
    ],
)
VocabRange = TypeAliasType(
    "VocabRange",
    Annotated[
        list[VocabSize],
        Field(min_length=2, max_length=2),
        AfterValidator(_rising),
        Expects("a range [low, high] of vocabulary sizes"),
    ],
)
Paths = TypeAliasType(
    "Paths",
    Annotated[
        Annotated[Text, Tag(":single")] | Annotated[list[Text], Field(min_length=1), Tag(":list")],
        ShapeOf,
        Expects("a path or a list of paths"),
    ],
)


def _condition(condition: Any) -> Any:
    from trex.corpora.where import parse_condition  # here, for it imports pyarrow

    try:
        parse_condition(condition)
    except ValueError as error:
        raise Problem(str(error)) from None
    return condition


_CONDITION_WORDS = (
    "a value that the column is to equal, a list of such values, or a comparison in quotes, such as '>= 8'"
)
_Scalar = Annotated[str | bool | int | float, Expects("text, a number, true or false")]
Condition = TypeAliasType(
    "Condition",
    Annotated[
        Annotated[_Scalar, Tag(":single")] | Annotated[list[_Scalar], Tag(":list")],
        ShapeOf,
        AfterValidator(_condition),
        Expects(_CONDITION_WORDS),
    ],
)


def _listed_once(items: list[Any]) -> list[Any]:
    for i, item in enumerate(items):
        if item in items[:i]:
            raise Problem(f"{show(item)} is listed twice; list it once")
    return items


Distinct = Annotated[list[Item], AfterValidator(_listed_once), Field(json_schema_extra={"uniqueItems": True})]

# --- Names --------------------------------------------------------------------------------------------------


def _name(what: str, pattern: str, *reserved: str) -> Any:
    """The type of a name that someone chooses; `reserved` are names that the pipeline gives itself."""

    def not_reserved(name: str) -> str:
        if name in reserved:
            raise Problem(f"the name {name} is reserved; choose another")
        return name

    expects = Expects(what, **({"not": {"enum": list(reserved)}} if reserved else {}))
    return Annotated[str, Field(pattern=pattern, max_length=64), expects, AfterValidator(not_reserved)]


_SMALL, _ANY = r"^[a-z][a-z0-9_]*$", r"^[A-Za-z][A-Za-z0-9_-]*$"
_SMALL_WORDS = "a small letter, then small letters, digits or _; at most 64 characters"
_ANY_WORDS = "a letter, then letters, digits, _ or -; at most 64 characters"

# Corpora are columns of the tables of mixtures, candidates and the Pareto front, beside these.
CorpusId = _name(
    f"a corpus id ({_ANY_WORDS})",
    _ANY,
    *("mixture_id", "name", "role", "strategy", "predicted", "predicted_std", "measured"),
    *("weight", "average", "worst"),
)


def _not_sampled(name: str) -> str:
    if is_sampled(name):
        raise Problem("is the name of a sampled mixture; write another name")
    return name


MixtureName = Annotated[_name(f"a name ({_ANY_WORDS})", _ANY), AfterValidator(_not_sampled)]
# Baselines and tokenizers to compare with share tables with the searches' candidates, which have these names.
TokenizerName = _name(
    f"a name ({_SMALL_WORDS})",
    _SMALL,
    *(
        "paper",
        "best_draw",
        "matched",
        "surrogate",
        "adaptive",
        "best_proxy",
        "direct",
        "chosen",
        "raw_bytes",
    ),
)
RecipeName = _name(f"the name of a recipe ({_SMALL_WORDS})", _SMALL, "raw_bytes")
EvaluationSetName = _name(f"the name of a set ({_SMALL_WORDS})", _SMALL, "held_out")

# --- Tokenizers and mixtures --------------------------------------------------------------------------------


class HubTokenizer(Section):
    """A tokenizer on the Hugging Face hub."""

    huggingface: Text = Field(examples=["Qwen/Qwen3-0.6B"])
    """Repository on the Hugging Face hub that holds a tokenizer.json."""
    revision: Text = "main"
    """Commit, tag or branch of the repository. Name a commit to keep results repeatable."""


Tokenizer = TypeAliasType(
    "Tokenizer",
    Annotated[
        Annotated[Text, Tag(":single")] | Annotated[HubTokenizer, Tag(":mapping")],
        ShapeOf,
        Expects(
            "o200k_base, cl100k_base, the path of a tokenizer.json, or {huggingface: name, revision: commit}"
        ),
    ],
)
Shares = TypeAliasType(
    "Shares",
    Annotated[
        dict[str, Share],
        Field(min_length=1),
        Expects("a mapping of corpora to shares that sum to 1, such as {eng: 0.8, deu: 0.2}"),
    ],
)
ShareLimits = Annotated[dict[str, Share], Expects("a mapping of corpora to shares, such as {eng: 0.1}")]


class Inference(Section):
    """How the mixture of an existing tokenizer is inferred."""

    tokenizer: Tokenizer
    """A byte-level BPE tokenizer."""
    merges: int = Field(30_000, ge=1)
    """Number of merges to use, from the first one on."""
    bytes: Bytes = 8_000_000
    """Maximum text counted per corpus."""


class TemperedMixture(Section):
    """The natural shares to a power."""

    tempered: float = Field(ge=0, le=1)
    """Exponent of the natural shares, which are then normalised: 0 is uniform, 1 is natural."""


class ExplicitMixture(Section):
    """Shares that are written down."""

    shares: Shares
    """Share of each corpus. Shares sum to 1; a corpus not named gets 0."""


class InferredMixture(Section):
    """The mixture that an existing tokenizer was trained on."""

    infer: Annotated[
        Inference,
        BeforeValidator(
            lambda spec: {"tokenizer": spec} if isinstance(spec, str) else spec,
            json_schema_input_type=Text | Inference,
        ),
        Expects(
            "o200k_base, cl100k_base, the path of a tokenizer.json, or a mapping such as "
            "{tokenizer: {huggingface: name}, merges: 10000}"
        ),
    ]
    """Byte-level BPE tokenizer whose training mixture is inferred from its merges, in terms of these corpora.
    For baselines only."""


def _kind_of_mixture(value: Any) -> str | None:
    if isinstance(value, str):
        return ":name"
    keys = [*value] if isinstance(value, dict) else [*getattr(type(value), "model_fields", ())]
    return f":{keys[0]}" if len(keys) == 1 else None


Mixture = TypeAliasType(
    "Mixture",
    Annotated[
        Annotated[Literal["uniform", "natural"], Tag(":name")]
        | Annotated[TemperedMixture, Tag(":tempered")]
        | Annotated[ExplicitMixture, Tag(":shares")]
        | Annotated[InferredMixture, Tag(":infer")],
        Discriminator(_kind_of_mixture),
        Expects(
            "uniform, natural, {tempered: 0.3}, {shares: {eng: 0.8, deu: 0.2}} or, for a baseline, {infer: o200k_base}"
        ),
    ],
)
