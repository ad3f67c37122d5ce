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
    "run": "train a model with a recipe and save it; `kerasft run --help` lists the recipes",
    "compare": "one report over saved classifiers: which to use, and what each costs",
    "predict": "predict with a saved folder, for texts or for the rows of a file",
    "serve": "serve a saved folder over HTTP",
    "info": "what a saved folder holds, and whether its files are as they were saved",
    "export": "write a saved folder for other tools or for a quicker engine",
    "convert": "turn pickled weights or a PEFT adapter into what kerasft reads",
    "completion": "print the script that completes all of this in bash or zsh",
}
"""Each command and what it does; its module in this room has its name."""

HELP = """Fine-tune and serve text models with Keras 3 on torch, TensorFlow or JAX.

usage: kerasft COMMAND ...

{commands}

  kerasft run distilbert_lora --preset minilm
  kerasft predict saved_models/distilbert_lora "Sumit: I would not trust it with my mail."

`kerasft COMMAND --help` explains a command; `kerasft --version` names the version.
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
