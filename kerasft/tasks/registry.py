"""The tasks that a saved folder can be of, and what opens a folder of each.

A further task is a further file with a class like `Predictor` and `Translator` (see
`TextPredictor`), and an entry in `TASKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kerasft.errors import ConfigError
from kerasft.folder.manifest import read
from kerasft.folder.opened import Opened
from kerasft.runtimes.ctranslate2 import engine as ctranslate2_engine
from kerasft.runtimes.keras import KERAS
from kerasft.runtimes.onnx import engine as onnx_engine
from kerasft.runtimes.prepare import open_prepared
from kerasft.tasks.classification.predictor import Predictor
from kerasft.tasks.columns import Columns
from kerasft.tasks.tagging.predictor import EntityFinder
from kerasft.tasks.text_to_text.entity_predictor import EntityWriter
from kerasft.tasks.text_to_text.predictor import TextToText
from kerasft.tasks.translation.predictor import Translator


class TextPredictor(Protocol):
    """What every task's predictor has, for the command line and the server.

    Attributes:
        max_length: Tokens that a text is cut at.
        metadata: What `bundle.json` says: name, task, architecture, versions, and the task's own.
        notes: Field of a prediction -> what it means for a text if that field is true, to be said
            after "3 of 10 ".
        columns: The predictions' columns in tables and files.
        warm_up_texts: Texts that, predicted each by itself, make the backend compile what later
            texts will need.
    """

    max_length: int
    metadata: dict[str, Any]
    notes: Mapping[str, str]
    columns: Columns
    warm_up_texts: Sequence[str]

    def predict(self, texts: Sequence[str]) -> list[Any]:
        """One prediction a text, in their order: dataclasses, with the fields of `notes`."""


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        open: Opens a folder: called with it, and with the options that were given.
        options: Names of the options of `OPTIONS` that it takes.
        engines: What `--engine` may be; with more than one, `engine` is one of its `options`.
    """

    open: Callable[..., TextPredictor]
    options: tuple[str, ...] = ()
    engines: tuple[str, ...] = (KERAS,)


# What writes texts: where decoding token by token takes the time.
_WRITERS = (KERAS, *ctranslate2_engine.FORMATS)

TASKS = {
    "classification": Task(Predictor, options=("engine",), engines=(KERAS, *onnx_engine.FORMATS)),
    "tagging": Task(EntityFinder),
    "translation": Task(Translator, options=("beam_size", "engine"), engines=_WRITERS),
    "text_to_text": Task(TextToText, options=("beam_size", "task", "engine"), engines=_WRITERS),
    "text_to_entities": Task(EntityWriter, options=("beam_size", "engine"), engines=_WRITERS),
}
"""By the `kind` of the manifest: the task of `bundle.json`, or a part of it."""

OPTIONS: dict[str, tuple[type, str]] = {
    "beam_size": (int, "of what writes texts: hypotheses followed at a time; 1 is greedy (4)"),
    "task": (str, "of a model of several tasks: put the prefix of this one before each text"),
    "engine": (
        str,
        "what computes: keras (the default); or, for classifiers, onnx or onnx-int8; or, for what "
        "writes texts, ctranslate2 or ctranslate2-int8",
    ),
}
"""Options of single tasks on the command lines of predict and serve: type and help."""


def open_folder(folder: str | Path | Opened, **options: Any) -> TextPredictor:
    """Opens a saved folder of whichever task.

    Args:
        folder: The folder that `kerasft.tasks` wrote, or what `open_prepared` read of it.
        options: Those of `OPTIONS` that were given; None counts as not given.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: An option has no meaning for the folder's task.

    Example:
        >>> open_folder("saved_models/translate", beam_size=1).predict(["Good morning."])
        [Translation(translation='Buongiorno.', ...)]
    """
    if isinstance(folder, Opened):
        opened, task = folder, folder.manifest.kind
        given = check_options(folder.path, task, options)
    else:
        manifest = read(folder)
        task = manifest.kind
        given = check_options(folder, task, options)
        opened = open_prepared(folder, given.get("engine", KERAS), manifest)
    return TASKS[task].open(opened, **given)


def check_options(folder: str | Path, task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given (not None), if the folder's task takes them all.

    Raises:
        ConfigError: The sentence names the first that it does not take.
    """
    given = {name: value for name, value in options.items() if value is not None}
    engine, engines = given.get("engine", KERAS), TASKS[task].engines
    if engine not in engines:
        raise ConfigError(
            f"--engine {engine} cannot run {folder}, a model for {task}; what can: "
            f"{', '.join(engines)}"
        )
    if "engine" not in TASKS[task].options:
        given.pop("engine", None)  # it is Keras
    for name in given:
        if name not in TASKS[task].options:
            raise ConfigError(f"--{name} has no meaning for {folder}, a model for {task}")
    return given
