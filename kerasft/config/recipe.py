"""Runs a recipe from the command line, and keeps two runs from sharing an output."""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from kerasft import backends, storage
from kerasft.config.command_line import parse, to_yaml
from kerasft.config.guard import guard
from kerasft.config.options import Options, at_least
from kerasft.config.output_streams import robust_output

C = TypeVar("C", bound=Options)
R = TypeVar("R")


def main(
    run: Callable[[C], object], config_class: type[C], arguments: Sequence[str] | None = None
) -> None:
    """Parses the command line into `config_class`, prints the resolved config and runs a recipe.

    Args:
        run: The recipe's `main(config)`.
        config_class: A dataclass; each field is an option, its docstring the help.
        arguments: The options; None takes those of the command line.
    """
    with guard(), robust_output():
        config = parse(config_class, sys.argv[1:] if arguments is None else arguments)
        backends.import_keras()
        at_least(config, threads=1)
        if config.threads is not None:
            backends.current().set_threads(config.threads)
        print(backends.describe())
        print("config:\n  " + to_yaml(config).rstrip().replace("\n", "\n  "))
        run(config)


def alone(run: Callable[[C], R]) -> Callable[[C], R]:
    """Decorates a recipe's `run`: refused while another process writes the same output.

    Raises:
        ConfigError: Another run writes it; the message names the output.

    Example:
        >>> @alone
        ... def run(config): ...
    """

    @functools.wraps(run)
    def held(config: C) -> R:
        with storage.hold(config.output):
            try:
                return run(config)
            except storage.NoRoomError as error:
                if not any(_checkpoints(config.output)):
                    raise
                raise storage.NoRoomError(
                    f"{str(error).removesuffix('.')}: --resume continues from the last checkpoint."
                ) from error

    return held


def _checkpoints(output: str) -> Iterator[Path]:
    """The checkpoints to resume from: beside the output, or one of each part of the run."""
    path = Path(output)
    for each in path.parent.glob("*.checkpoint"):
        if each.name.startswith(f"{path.name}."):
            yield each


def print_next(output: Path, text: str | tuple[str, str]) -> None:
    """Prints the commands that predict with and serve the folder that a recipe saved."""
    folder = shlex.quote(str(output))
    print(f"saved {output}; now try")
    first, *other = [text] if isinstance(text, str) else text
    pair = "".join(f" --text_pair {shlex.quote(each)}" for each in other)
    print(f"  kerasft predict {folder} {shlex.quote(first)}{pair}")
    print(f"  kerasft serve {folder} --port 8000")
