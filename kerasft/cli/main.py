"""The command `kerasft` and its subcommands; each is imported when it runs."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence

import kerasft
from kerasft.config import guard
from kerasft.errors import ConfigError

COMMANDS = {
    "run": "train a model with a recipe, and save it",
    "compare": "compare saved classifiers in one report",
    "predict": "predict with a saved folder: for texts, or the rows of a file",
    "serve": "serve a saved folder over HTTP",
    "info": "show what a saved folder holds, and check its files",
    "export": "write a saved folder for other tools, or for a faster engine",
    "convert": "convert pickled weights or a PEFT adapter for kerasft",
    "completion": "print the completion script for bash or zsh",
}
"""Each command and what it does; `kerasft/cli/` has a module for each."""

HELP = """Fine-tune and serve text models with Keras 3 on torch, TensorFlow or JAX.

usage: kerasft COMMAND ...

commands:
{commands}

examples:
  kerasft run distilbert_lora --preset minilm
  kerasft predict saved_models/distilbert_lora "Jon: It shipped today."
  kerasft serve saved_models/distilbert_lora

`kerasft COMMAND --help` explains a command, `kerasft run --help` lists the
recipes, `kerasft --version` prints the version.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: runs a command, or exits with one sentence; see `guard`.

    Args:
        arguments: The words after `kerasft`; None takes those of the command line.

    Example:
        >>> main(["predict", "saved_models/run", "A text."])
    """
    with guard():
        name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
        if name in ("-h", "--help"):
            print(HELP.format(commands=two_columns(COMMANDS)), end="")
        elif name == "--version":
            print(f"kerasft {kerasft.__version__}")
        else:
            check_name("command", name, COMMANDS)
            importlib.import_module(f"kerasft.cli.{name}").main(rest)


def two_columns(rows: dict[str, str]) -> str:
    """Names and their meanings in two columns, for the help."""
    width = max(map(len, rows))
    return "\n".join(f"  {name:{width}}  {text}" for name, text in rows.items())


def check_name(what: str, name: str, known: dict[str, str]) -> None:
    """Refuses an unknown name.

    Raises:
        ConfigError: The sentence has the name that is most like it, or all.
    """
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1) or list(known)
        raise ConfigError(
            f"there is no {what} {name!r}; did you mean {near[0]!r}?"
            if len(near) == 1
            else f"there is no {what} {name!r}; the {what}s are: {', '.join(near)}."
        )
