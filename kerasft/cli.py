"""From a config dataclass to a command line, from an exception to one sentence and an exit code.

Exit codes: 0 done, 2 the input was wrong or the disk is full (one sentence on stderr), 130
interrupted, 143 terminated (129 where the terminal was closed).
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from kerasft import backends, storage
from kerasft.config_file import read_config
from kerasft.errors import ConfigError, KerasftError
from kerasft.output_streams import open_closed_output, robust_output

C = TypeVar("C", bound="Options")
R = TypeVar("R")

# From a byte that is not UTF-8, as Python holds it in a text, to a letter that means nothing.
PRIVATE = 0x100000
# What asks a process to end, and would end it at once, its half-written files left behind.
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclasses.dataclass
class Options:
    """The options that every recipe has, also one that trains nothing.

    Args:
        output: Folder to save into, written whole or not at all. A folder that kerasft did
            not write is never touched.
        seed: Seeds whatever is drawn: weights, dropout, the order of the batches.
        threads: Threads of the backend; 0 leaves its own choice.
    """

    output: str = "saved_models/run"
    seed: int = 0
    threads: int = 0


@dataclasses.dataclass
class RunOptions(Options):
    """The options that every recipe has which trains.

    Args:
        resume: Go on from the last checkpoint beside the output, to the same losses as a run that
            was never stopped.
        checkpoint_steps: Steps between two checkpoints; each epoch ends with one in any case.
        tensorboard: Write TensorBoard event files to `<output>.tensorboard`.
        wandb: Log the run to Weights & Biases (`WANDB_MODE=offline` needs no account).
    """

    resume: bool = False
    checkpoint_steps: int = 50
    tensorboard: bool = False
    wandb: bool = False

    def fingerprint(self) -> dict[str, Any]:
        """The options that decide what a run computes: what a resumed run must not change."""
        free = self.free()
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in free}

    def free(self) -> set[str]:
        """The names of the other options, which a resumed run may change."""
        return {field.name for field in dataclasses.fields(RunOptions)} - {"seed"}


def main(run: Callable[[C], object], config_class: type[C]) -> None:
    """Parses the command line into `config_class`, prints the resolved config and runs a recipe.

    Args:
        run: The recipe's `main(config)`.
        config_class: A dataclass; each field is an option, its docstring the help.
    """
    with guard(), robust_output():
        config = parse(config_class, sys.argv[1:])
        backends.check()
        if config.threads:
            backends.current().set_threads(config.threads)
        print(backends.describe())
        print("config:\n  " + to_yaml(config).rstrip().replace("\n", "\n  "))
        run(config)


def alone(run: Callable[[C], R]) -> Callable[[C], R]:
    """Refuses a recipe's run while another process runs into the same output; for its `run`.

    Raises:
        ConfigError: Another run does; the message names the output.

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
                    f"{str(error).removesuffix('.')}: --resume goes on from the last checkpoint."
                ) from error

    return held


def _checkpoints(output: str) -> Iterator[Path]:
    """What a run can go on from: one beside its output, or one of each part of the run."""
    path = Path(output)
    for each in path.parent.glob("*.checkpoint"):
        if each.name.startswith(f"{path.name}."):
            yield each


def parse(config_class: type[C], arguments: Sequence[str]) -> C:
    """Builds a config from command-line arguments and, with `--config FILE`, a YAML file.

    A boolean option needs no value: `--resume` is `--resume true`.

    Args:
        config_class: A dataclass whose defaults make a run by themselves.
        arguments: Words of the command line, without the program's name.

    Raises:
        ConfigError: An unknown option or key, or a value of the wrong type; the message names it.
    """
    import jsonargparse

    parser = jsonargparse.ArgumentParser(
        prog=f"python -m {_module_name(config_class)}",
        description=_summary(config_class),
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="config", help="YAML file with any of the options below")
    parser.add_class_arguments(config_class, fail_untyped=True)
    try:
        namespace = parser.parse_args(_completed(config_class, arguments))
    except (jsonargparse.ArgumentError, argparse.ArgumentError) as error:
        raise ConfigError(_shown(_one_sentence(error, config_class))) from None
    namespace = parser.instantiate_classes(namespace)  # dataclasses inside of options
    values = {f.name: _texts(namespace[f.name], _shown) for f in dataclasses.fields(config_class)}
    for field in dataclasses.fields(config_class):
        # jsonargparse takes null for any of them.
        if values[field.name] is None and "None" not in str(field.type):
            raise ConfigError(f"--{field.name} has no value; give one, or leave it out.")
    return config_class(**values)


def to_yaml(config: Any) -> str:
    """The resolved config as YAML, in the order of the fields."""
    import yaml

    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(config).items()
    }
    values = _texts(values, _hidden)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=None)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are `ConfigError`s; for commands beside the recipes.

    Options may stand before, between and after the other words.
    """

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Reads the words, by default those of the command line; see argparse."""
        return self.parse_intermixed_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print and exit with."""
        raise ConfigError(f"{message}; see `{self.prog} --help`.")


def print_next(output: Path, text: str) -> None:
    """Prints the commands that predict with and serve the folder that a recipe saved."""
    folder = shlex.quote(str(output))
    print(f"saved {output}; now try")
    print(f"  python -m kerasft.predict {folder} {shlex.quote(text)}")
    print(f"  python -m kerasft.serve {folder} --port 8000")


def at_least(config: Any, **least: float) -> None:
    """Refuses options that are below the least value that makes sense.

    Raises:
        ConfigError: The message names the first such option.

    Example:
        >>> at_least(config, epochs=1, batch_size=1)
    """
    for name, bound in least.items():
        if not getattr(config, name) >= bound:  # so that NaN is refused too
            raise ConfigError(f"--{name} is {getattr(config, name)}; give {bound} or more.")


def at_most(config: Any, **most: float) -> None:
    """Refuses options that are above what can be saved.

    Raises:
        ConfigError: The message names the first such option.

    Example:
        >>> at_most(config, beam_size=bundle.MAX_BEAMS)
    """
    for name, bound in most.items():
        if not getattr(config, name) <= bound:
            raise ConfigError(f"--{name} is {getattr(config, name)}; give {bound} or less.")


@contextmanager
def guard() -> Iterator[None]:
    """Turns what a user can do wrong into one sentence on stderr and exit code 2.

    Errors that are not the user's fault keep their traceback: they are bugs. Where standard error
    is no terminal, libraries that download or read draw no bars into it.
    """
    open_closed_output()
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # read when a library imports tqdm
    try:
        with _terminable():
            yield
            sys.stdout.flush()
    except KerasftError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except _Terminated as terminated:
        print("terminated", file=sys.stderr)
        sys.exit(128 + terminated.number)
    except BrokenPipeError:
        _drop_output()  # its reader (`| head`) has gone: nobody is left to tell
        sys.exit(0)
    except OSError as error:
        users = isinstance(error, (PermissionError, NotADirectoryError, IsADirectoryError))
        if not users and error.errno not in storage.FULL:
            raise
        if error.filename is None:
            _drop_output()  # what it holds back would fail once more as the process ends
        place = f": '{error.filename}'" if error.filename else ""
        print(f"error: {error.strerror}{place}.", file=sys.stderr)
        sys.exit(2)


class _Terminated(BaseException):
    """A signal asked the process to end; as an exception, it lets writers clean up.

    Attributes:
        number: The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _terminable() -> Iterator[None]:
    """Raises `_Terminated` at the first signal; the second one ends the process as it ever did."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not its business
        return

    def end(number: int, frame: object) -> None:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)
        raise _Terminated(number)

    # One that is ignored (`nohup`) or handled stays so.
    ours = [each for each in ENDING if signal.getsignal(each) is signal.SIG_DFL]
    for each in ours:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in ours:
            if signal.getsignal(each) is end:
                signal.signal(each, signal.SIG_DFL)


def _drop_output() -> None:
    """Sends what is still to be printed nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _completed(config_class: type, arguments: Sequence[str]) -> list[str]:
    """Spells out what jsonargparse wants spelled: `--resume true`, `--targets [query,value]`.

    And puts the content of a file in the place of its name.
    """
    kinds = {f"--{f.name}": str(f.type) for f in dataclasses.fields(config_class)}
    kinds["--config"] = "config"
    arguments = [part for word in arguments for part in _split(word, kinds)]
    completed: list[str] = []
    for word, following in zip(arguments, [*arguments, "--"][1:], strict=True):
        kind = kinds.get(completed[-1], "") if completed else ""
        if kind == "config":
            word = read_config(word)
        elif kind.startswith("tuple[") and not word.startswith("["):
            word = f"[{word}]"
        completed.append(_hidden(word))
        if kinds.get(word) in ("bool", "<class 'bool'>") and following.startswith("--"):
            completed.append("true")
    return completed


def _hidden(text: str) -> str:
    """A text that YAML can hold: bytes of a path that are not UTF-8 become private letters."""
    return re.sub("[\udc80-\udcff]", lambda found: chr(ord(found[0]) + PRIVATE), text)


def _shown(text: str) -> str:
    """A text with such bytes as Python's own functions take them."""
    return re.sub("[\U0010dc80-\U0010dcff]", lambda found: chr(ord(found[0]) - PRIVATE), text)


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """A value of a config with each text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_texts(item, change) for item in value)
    if isinstance(value, dict):
        return {_texts(key, change): _texts(item, change) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **_texts(items, change))
    return value


def _split(word: str, options: Container[str]) -> list[str]:
    """`--name=value` as two words, where there is such an option."""
    name, equals, value = word.partition("=")
    return [name, value] if equals and name in options else [word]


def _summary(config_class: type) -> str:
    return (config_class.__doc__ or "").split("Args:")[0].strip()


def _one_sentence(error: Exception, config_class: type) -> str:
    text = " ".join(str(error).split())
    if "File does not exist" in text:
        return text.replace('Parser key "config": ', "--config: ")
    text = re.sub(r'Parser key "(\w+)": ', r"--\1: ", text)
    # An option of several types, "str | dict[str, list[str]]": not what each of them says.
    several = r"Does not validate against any of the Union subtypes Subtypes: \[(.*)\] Errors: .* "
    text = re.sub(several + r"Given value: (.*)", r"expected one of [\1]. got: \2", text)
    text = text.replace("Expected a typing.Literal", "expected one of ").replace("Got value", "got")
    text = re.sub(r"<class '(\w+)'>", r"\1", text)
    text = re.sub(r"Expected an? (\w+)", r"expected \1", text)
    text = re.sub(r"(expected str\. got: [\w.+-]+)$", r"\1; put it in quotes.", text)
    if "nrecognized arguments" in text or "is not accepted" in text:
        names = ", ".join(f.name for f in dataclasses.fields(config_class))
        return f"{text.rstrip('.')}. The options are: {names}."
    return text


def _module_name(config_class: type) -> str:
    if config_class.__module__ != "__main__":
        return config_class.__module__
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else "__main__"
