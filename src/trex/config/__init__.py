"""The configuration: read, checked against its models and against itself, and completed with defaults."""

from trex.config.files import check_files, limiting_tokenizers, named_files
from trex.config.load import load_config
from trex.config.no_effect import without_effect
from trex.config.recipes import load_run, paths_of_patterns, pieces_of
from trex.config.words import ConfigError
from trex.config.yaml_file import load_yaml

__all__ = [
    "ConfigError",
    "check_files",
    "limiting_tokenizers",
    "load_config",
    "load_run",
    "load_yaml",
    "named_files",
    "paths_of_patterns",
    "pieces_of",
    "without_effect",
]
