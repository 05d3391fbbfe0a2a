"""The configuration: read, checked against its models and against itself, and completed with defaults."""

from trex.config.load import (
    check_files,
    check_recipe_files,
    limiting_tokenizers,
    load_config,
    load_recipes,
    load_yaml,
    named_files,
    pieces_of,
)
from trex.config.words import ConfigError

__all__ = [
    "ConfigError",
    "check_files",
    "check_recipe_files",
    "limiting_tokenizers",
    "load_config",
    "load_recipes",
    "load_yaml",
    "named_files",
    "pieces_of",
]
