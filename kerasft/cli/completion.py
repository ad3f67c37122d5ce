"""Print the completion script for bash or zsh.

The next shell completes commands, recipes, options and files:

    kerasft completion bash > ~/.local/share/bash-completion/completions/kerasft
    kerasft completion zsh > ~/.zfunc/_kerasft      # a folder of fpath
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import Literal, get_args, get_origin

from kerasft.cli.main import COMMANDS
from kerasft.cli.run import recipe_names
from kerasft.config import Parser, option_kinds

SHELLS = ("bash", "zsh")


def parser() -> Parser:
    """The command's arguments."""
    parser = Parser("kerasft completion", __doc__)
    parser.add_argument("shell", choices=SHELLS)
    return parser


def main(arguments: Sequence[str]) -> None:
    """Prints the script.

    Raises:
        ConfigError: The shell is another.
    """
    options = parser().parse_args(arguments)
    import shtab

    print(shtab.complete(everything(), shell=options.shell))


def everything() -> argparse.ArgumentParser:
    """One parser that knows all commands, all recipes and their options; it only completes."""
    root = argparse.ArgumentParser(prog="kerasft")
    root.add_argument("--version", action="store_true")
    commands = root.add_subparsers()
    for name, text in COMMANDS.items():
        if name == "run":
            recipes = commands.add_parser(name, help=text).add_subparsers()
            for recipe, sentence in recipe_names().items():
                _add_options(recipes.add_parser(recipe, help=sentence), recipe)
        elif name in recipe_names():
            _add_options(commands.add_parser(name, help=text), name)
        else:
            own = importlib.import_module(f"kerasft.cli.{name}").parser()
            commands.add_parser(name, help=text, parents=[own], add_help=False)
    _complete_files(root)
    return root


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Says of each value without choices of its own that it may be a file."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _complete_files(each)
        elif action.nargs != 0 and not action.choices:
            action.complete = shtab.FILE  # type: ignore[attr-defined]


def _add_options(parser: argparse.ArgumentParser, recipe: str) -> None:
    """The options of a recipe, from the fields of its config."""
    parser.add_argument("--config", metavar="FILE")
    config = importlib.import_module(f"kerasft.recipes.{recipe}").Config
    for name, kind in option_kinds(config).items():
        literals = [kind, *get_args(kind)]
        choices = [c for each in literals if get_origin(each) is Literal for c in get_args(each)]
        free = str in literals  # a folder, too
        parser.add_argument(f"--{name}", choices=None if free else choices or None)
