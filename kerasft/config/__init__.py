"""What recipes and commands share: options, command lines, YAML files, errors as one sentence.

`command_line` turns a dataclass into options, `own_options` are those that only some values of
another option have, `recipe_help` makes `--help`, `yaml_file` reads `--config`, `guard` turns
errors into exit codes, `recipe` runs a recipe.
"""

from kerasft.config.command_line import Parser, option_kinds, parse, to_yaml
from kerasft.config.guard import guard
from kerasft.config.options import Options, RunOptions, at_least, at_most
from kerasft.config.own_options import OwnOptions
from kerasft.config.recipe import alone, main, print_next

__all__ = [
    "Options",
    "OwnOptions",
    "Parser",
    "RunOptions",
    "alone",
    "at_least",
    "at_most",
    "guard",
    "main",
    "option_kinds",
    "parse",
    "print_next",
    "to_yaml",
]
