"""Importing Keras in half the time, for commands."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from kerasft.backends.choice import BACKENDS, check
from kerasft.backends.hub import hidden

# What Keras imports where it is installed: to take data frames, to draw, to look like scikit-learn.
_UNUSED = ("pandas", "matplotlib", "sklearn", "tensorflow_text")
_DYNAMO = "torch._dynamo"


def import_keras() -> ModuleType:
    """Imports Keras without what it imports only in case; 1 to 4 s less until a command answers.

    For commands, since Keras remembers what it did not find: in this process `fit` takes no data
    frames of pandas, no `tf.data` on other backends, and torch does not compile image operations.
    Does nothing where Keras is imported already.

    Raises:
        ConfigError: see `kerasft.backends.check`.
    """
    chosen = check().name
    if "keras" in sys.modules:
        return sys.modules["keras"]
    others = (name for name in BACKENDS if name != chosen)
    with hidden((*others, *_UNUSED)), _without_dynamo(chosen):
        return importlib.import_module("keras")


@contextmanager
def _without_dynamo(chosen: str) -> Iterator[None]:
    """Spares torch its compiler, of which Keras takes one decorator: `disable`."""
    if chosen != "torch" or _DYNAMO in sys.modules:
        yield
        return
    stand_in = ModuleType(_DYNAMO)
    stand_in.disable = _same  # type: ignore[attr-defined]
    importlib.import_module("torch")
    sys.modules[_DYNAMO] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(_DYNAMO) is stand_in:
            del sys.modules[_DYNAMO]


def _same(function: Any = None, **_: object) -> Any:
    """The decorator, with and without a call."""
    decorate: Callable[[Any], Any] = lambda function: function  # noqa: E731
    return decorate if function is None else function
