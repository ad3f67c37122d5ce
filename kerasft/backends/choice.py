"""Which backend Keras runs on: decided once, before Keras is imported."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kerasft.errors import ConfigError

if TYPE_CHECKING:
    import keras
    import numpy as np

# The order is the default's: the first that is installed. On a CPU torch starts fastest.
BACKENDS = ("torch", "jax", "tensorflow")


@dataclass(frozen=True)
class Choice:
    """The backend and why it is this one.

    Attributes:
        name: "torch", "jax" or "tensorflow"; as the user wrote it where `problem` is set.
        reason: A few words for the user ("the default; KERAS_BACKEND overrules it").
        problem: The sentence that `check()` raises, or None.
    """

    name: str
    reason: str
    problem: str | None = None


_choice: Choice | None = None


def choose() -> Choice:
    """Decides the backend at the first call and sets KERAS_BACKEND; later calls repeat the answer.

    KERAS_BACKEND decides if it is set, then a Keras that is already imported; otherwise the first
    installed of `BACKENDS`. `~/.keras/keras.json` is ignored: Keras writes it by itself, so it
    seldom holds a choice of the user. Raises nothing; see `check`.
    """
    global _choice
    if _choice is None:
        imported = sys.modules.get("keras")
        _choice = decide(os.environ, imported.config.backend() if imported else None, is_installed)
        if _choice.problem is None:
            os.environ["KERAS_BACKEND"] = _choice.name
    return _choice


def decide(
    environment: Mapping[str, str], imported: str | None, installed: Callable[[str], bool]
) -> Choice:
    """The rule behind `choose`.

    Args:
        imported: The backend of the Keras that is already imported, or None.
        installed: Says whether a backend's package is there.
    """
    choices = ", ".join(BACKENDS)
    wanted = environment.get("KERAS_BACKEND", "")
    if imported is not None:
        choice = Choice(imported, "Keras was imported on it before kerasft")
        if imported not in BACKENDS:
            problem = (
                f"Keras is already imported on the backend {imported!r}, which kerasft cannot use; "
                f"set KERAS_BACKEND to one of {choices} and start again"
            )
            return Choice(imported, choice.reason, problem)
        return choice
    if wanted:
        reason = "set by KERAS_BACKEND"
        if wanted not in BACKENDS:
            problem = f"KERAS_BACKEND is {wanted!r}, but it must be one of {choices}"
            return Choice(wanted, reason, problem)
        if not installed(wanted):
            problem = (
                f"KERAS_BACKEND is {wanted!r}, but {wanted} is not installed: "
                f"`pip install 'kerasft[{wanted}]'`, or choose another of {choices}"
            )
            return Choice(wanted, reason, problem)
        return Choice(wanted, reason)
    for name in BACKENDS:
        if installed(name):
            return Choice(name, "the default; KERAS_BACKEND overrules it")
    return Choice(
        "none",
        "none is installed",
        f"no backend is installed: `pip install 'kerasft[torch]'` (or one of {choices})",
    )


def is_installed(name: str) -> bool:
    """Whether the package of a backend can be imported; does not import it."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # e.g. sys.modules[name] is None
        return False


def check() -> Choice:
    """Raises what `choose` found wrong. Commands call this before anything imports Keras.

    Raises:
        ConfigError: KERAS_BACKEND names an unknown backend or one that is not installed.
    """
    choice = choose()
    if choice.problem:
        raise ConfigError(choice.problem)
    return choice


def current() -> ModuleType:
    """The module of the chosen backend (`torch_backend`, `jax_backend` or `tensorflow_backend`).

    All three hold the same: `COMPILES`, `compile_function`, `write`, `fix_shapes`, `fuse_updates`,
    `seed_step`, `sync_state`, `set_threads`, `threads`, `device`, `version`.

    Raises:
        ConfigError: See `check`.
    """
    return importlib.import_module(f"kerasft.backends.{check().name}_backend")


def compile_forward(model: "keras.Model") -> Callable[[Mapping[str, "np.ndarray"]], Any]:
    """The model's inference as a plain function over numpy arrays: no dropout, no gradients.

    Returns:
        A function from the model's inputs (a dict of arrays) to its output array; see
        `compile_function` of the backend.
    """
    return current().compile_function(model, lambda inputs: model(inputs, training=False))


def machine() -> str:
    """The backend and its device: "torch 2.13.0 on cpu, 2 threads"."""
    backend = current()
    count = backend.threads()
    threads = f"{count} thread{'' if count == 1 else 's'}"
    return f"{check().name} {backend.version()} on {backend.device()}, {threads}"


def describe() -> str:
    """One line that opens a run: "backend: torch 2.13.0 on cpu, 2 threads (the default; ...)"."""
    return f"backend: {machine()} ({check().reason})"
