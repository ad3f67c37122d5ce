"""What a task is: what its folder holds, how that is checked and read, and what predicts with it.

A further task is a folder beside this file with a `task.py`, and a line in `registry.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from kerasft.folder.contents import ADAPTER, COMMON, Manifest, Reader
from kerasft.folder.opened import KERAS, Opened
from kerasft.text.pairs import Text

if TYPE_CHECKING:
    from kerasft.runtimes.gate import GateRows
    from kerasft.runtimes.runtime import EncoderModel, WriterModel


class Option(NamedTuple):
    """An option of predict and serve that not every task has.

    Attributes:
        type: Turns the word on the command line into its value.
        help: What it does.
    """

    name: str
    type: type
    help: str


BEAM_SIZE = Option("beam_size", int, "models that write: beams of the search; 1 is greedy (4)")
MIN_CONFIDENCE = Option(
    "min_confidence",
    float,
    "classifiers: give no label if the largest probability is below this (0)",
)
NO_MODEL: Any = None
"""Stands for the model among parts that another runtime than Keras computes with."""


class Parts(Protocol):
    """What is saved in a folder and loaded from it: a frozen dataclass of each task.

    Attributes:
        model: The model, with its adapters on it (unmerged) if it has any; it has an `architecture`
            and `arguments`.
        max_length: Tokens that a text is cut at.
    """

    @property
    def model(self) -> Any:
        """See the class."""

    @property
    def max_length(self) -> int:
        """See the class."""


OfTask = TypeVar("OfTask", bound=Parts)


def of_pairs(manifest: Manifest) -> bool:
    """Whether a folder, of whatever task, is asked about pairs of texts."""
    return bool(manifest.settings.get("text_pairs"))


class Task(ABC, Generic[OfTask]):
    """One task.

    Attributes:
        name: What `manifest.json` calls it.
        parts: The class of its parts.
        files: What its folder holds beside the weights, the config and the card.
        has_adapter: Whether it may hold an adapter.
        settings: The keys of the manifest's `settings`; "text_pairs" (see `of_pairs`) among them
            where pairs of texts can be read.
        runtimes: What can compute it: "keras", and formats of exports.
        formats: What `kerasft export --format` writes of it.
        options: What `open` takes.
        result: The class of a result for one text; see `kerasft.tasks.columns`.
        facts: The class of the facts about the folder that only this task has.
        summary: What it does with texts, in a few words.
        description: The same in a sentence.
        example: Texts to try it with.
    """

    name: ClassVar[str]
    parts: ClassVar[type]
    files: ClassVar[tuple[str, ...]]
    has_adapter: ClassVar[bool] = False
    settings: ClassVar[tuple[str, ...]] = ()
    runtimes: ClassVar[tuple[str, ...]] = (KERAS,)
    formats: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()
    result: ClassVar[type]
    facts: ClassVar[type]
    summary: ClassVar[str]
    description: ClassVar[str]
    example: ClassVar[tuple[str, ...]]

    @property
    def all_files(self) -> tuple[str, ...]:
        """What its folder may hold beside the manifest, the report and exports."""
        return (*COMMON, *self.files, *(ADAPTER if self.has_adapter else ()))

    @abstractmethod
    def check(self, parts: OfTask) -> None:
        """Refuses parts that could not be saved and loaded again; the model need not be trained.

        Raises:
            ConfigError: A number is out of range, or the parts do not fit each other.
        """

    @abstractmethod
    def settings_of(self, parts: OfTask) -> dict[str, Any]:
        """The manifest's `settings`: what `read` has to know beside the files."""

    @abstractmethod
    def check_settings(self, settings: Reader) -> None:
        """Refuses values of untrusted `settings`, whose keys are the task's own.

        Raises:
            FolderError: One is of the wrong type or out of range.
        """

    @abstractmethod
    def write(self, parts: OfTask, folder: Path, base_model: str) -> None:
        """Writes the weights and the task's own files into an empty folder.

        Raises:
            ConfigError: Weights are not numbers any more.
        """

    @abstractmethod
    def read(self, opened: Opened) -> OfTask:
        """The parts of an untrusted folder but their model, checked; imports no Keras.

        Raises:
            FolderError: One sentence that names the file that does not fit.
        """

    @abstractmethod
    def build(self, opened: Opened, parts: OfTask) -> Any:
        """The model that belongs to parts; all is checked before memory is taken for it.

        Raises:
            FolderError: One sentence that names the file that does not fit.
        """

    def load(self, opened: Opened) -> OfTask:
        """The parts of a folder; without the model, if it was read for a runtime but Keras.

        Raises:
            FolderError: One sentence that names the file that does not fit.
        """
        parts = self.read(opened)
        if opened.engine != KERAS:
            return parts
        return replace(parts, model=self.build(opened, parts))  # type: ignore[type-var]

    def before_model(self, parts: OfTask) -> list[str]:
        """What is done to a text before the model, and so is in no file of it: sentences."""
        return [f"Texts are cut at {parts.max_length} tokens."]

    def stand_alone(self, parts: OfTask) -> OfTask:
        """The parts with a model that needs none of our settings; its weights may be changed."""
        return parts

    @abstractmethod
    def to_write(self, parts: OfTask) -> EncoderModel | WriterModel:
        """What is written for a runtime: the model of loaded parts, with its adapters merged.

        It fits the formats among `runtimes`.
        """

    @abstractmethod
    def gate_rows(
        self, folder: Path, parts: OfTask, data: str | None, columns: Mapping[str, str]
    ) -> GateRows:
        """The rows that a model in 8 bits is compared on with the one that it was made of.

        Args:
            folder: The saved folder, its hashes checked.
            parts: What was read of it, with or without the model.
            data: The user's rows; if None, those that the run kept.
            columns: Where they are a table: its columns, {"text": "text", "label": "label", ...}.

        Raises:
            DataError: `data` cannot be used.
            ConfigError: There is no `data`, and the folder keeps no rows.
            FolderError: The rows that the folder keeps are none.
        """

    @abstractmethod
    def open(self, opened: Opened, **options: Any) -> TaskPredictor[OfTask]:
        """What predicts with a folder.

        Args:
            opened: The folder, read for the runtime that is to compute.
            options: Those of `options` that were given.
        """


class TaskPredictor(ABC, Generic[OfTask]):
    """The model of a folder on one runtime, of one task; `kerasft.predict.Predictor` is of any.

    Attributes:
        parts: What was read of the folder.
        facts: The facts about the folder: of the class `Task.facts`.
        notes: Field of a result -> what it means for a text if that field is true, to be said after
            "3 of 10 ".
        keys: Of the mapping in a result, if it has one.
        warm_up_texts: Texts that, predicted each by itself, make the backend compile what later
            texts will need.
    """

    parts: OfTask
    facts: Any
    notes: Mapping[str, str]
    keys: Sequence[str] = ()
    warm_up_texts: Sequence[Text]

    @abstractmethod
    def predict(self, texts: Sequence[Any]) -> list[Any]:
        """One result per text, in their order: dataclasses, with the fields of `notes`.

        Args:
            texts: Strings; where the parts read pairs (`text_pairs`), (text, text_pair) each.

        Raises:
            DataError: A text is not Unicode, or nothing is left of it; the sentence says which
                (counted from 0).
        """
