"""What recipes and commands share: options, command lines, YAML files, errors as one sentence.

`command_line` turns a dataclass into options, `yaml_file` reads `--config`, `guard` turns errors
into exit codes, `recipe` runs a recipe.
"""

from kerasft.config.command_line import Parser, parse, to_yaml
from kerasft.config.guard import guard
from kerasft.config.options import Options, RunOptions, at_least, at_most
from kerasft.config.recipe import alone, main, print_next

__all__ = [
    "Options",
    "Parser",
    "RunOptions",
    "alone",
    "at_least",
    "at_most",
    "guard",
    "main",
    "parse",
    "print_next",
    "to_yaml",
]
