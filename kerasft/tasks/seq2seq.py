"""What tasks share whose model writes a text for a text: what is saved, and how it is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from kerasft.errors import ConfigError, FolderError
from kerasft.folder.contents import MANIFEST, TOKENIZER, Reader, short
from kerasft.folder.named_weights import NamedWeights, write_named_weights
from kerasft.folder.opened import KERAS, Opened
from kerasft.folder.reading import MAX_VOCABULARY, check_known, read_saved_tokenizer, whole_argument
from kerasft.folder.writing import check_length, check_vocabulary
from kerasft.generation.search import Search
from kerasft.runtimes.registry import engines_of, take_up
from kerasft.runtimes.runtime import WriterModel
from kerasft.tasks.columns import said
from kerasft.tasks.task import NO_MODEL, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasft.architectures import Seq2SeqArchitecture, Seq2SeqModel
    from kerasft.generation.hypotheses import Generates
    from kerasft.text.tokenizer import Tokenizer

# A model of relative positions has no bound of its own, but memory has.
MAX_TEXT_TOKENS = 16_384
MAX_BEAMS = 64
MAX_TASKS = 1000
MAX_NAME = 200
MAX_PREFIX = 1000
METRICS = ("exact", "rouge", "bleu", "entities")
"""How a task of a text-to-text model is scored."""


@dataclass(frozen=True)
class SavedTask:
    """One of the tasks that a text-to-text model was trained on."""

    name: str = said("Its name, for people and for --task.")
    prefix: str = said('What its texts begin with ("summarize: ").')
    metric: str = said('How it is scored: "exact", "rouge", "bleu" or "entities".', default="exact")


@dataclass(frozen=True)
class Seq2SeqParts:
    """A model that writes a text for a text, and what stands around it.

    Attributes:
        model: The model, with its adapters on it (unmerged) if it has any.
        tokenizer: Of both sides.
        tasks: What it was trained on, with the prefix of each.
        max_length: Tokens that a source is cut at, the prefix and the end token included.
        max_target_length: Most tokens of an output, the end token included.
        beam_size: Hypotheses followed at a time, unless one asks for another number; 1 is greedy.
    """

    model: Seq2SeqModel
    tokenizer: Tokenizer
    tasks: tuple[SavedTask, ...]
    max_length: int
    max_target_length: int
    beam_size: int = 4


Writer = TypeVar("Writer", bound=Seq2SeqParts)


class Seq2SeqTask(Task[Writer]):
    """Base of the tasks of models that write a text for a text."""

    files = (TOKENIZER,)
    has_adapter = True
    settings: ClassVar[tuple[str, ...]] = ("tasks", "max_target_length", "beam_size")
    runtimes = engines_of(WriterModel)

    def check(self, parts: Writer) -> None:
        """See `Task.check`."""
        check_length(parts.max_length, MAX_TEXT_TOKENS)
        for name, value, most in (
            ("max_target_length", parts.max_target_length, MAX_TEXT_TOKENS),
            ("beam_size", parts.beam_size, MAX_BEAMS),
        ):
            if not 1 <= value <= most:
                raise ConfigError(f"{name} is {value}, but must be 1 to {most}")
        arguments = parts.model.arguments
        check_vocabulary(parts.tokenizer.vocab_size, arguments.vocab_size)
        if wrong := _wrong_tasks(parts.tasks):
            raise ConfigError(wrong)
        if wrong := _wrong_ids(parts.tokenizer, arguments.pad_id, arguments.end_id):
            raise ConfigError(f"the tokenizer {wrong}")

    def settings_of(self, parts: Writer) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {
            "tasks": [asdict(task) for task in parts.tasks],
            "max_target_length": parts.max_target_length,
            "beam_size": parts.beam_size,
        }

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        tasks = [_saved_task(entry, settings.file) for entry in settings.get("tasks", list)]
        settings.whole("max_target_length", 1, MAX_TEXT_TOKENS)
        settings.whole("beam_size", 1, MAX_BEAMS)
        if wrong := _wrong_tasks(tasks):
            raise FolderError(f"{settings.file}: {wrong}.")

    def write(self, parts: Writer, folder: Path, base_model: str) -> None:
        """See `Task.write`."""
        write_named_weights(parts.model, folder, base_model)
        parts.tokenizer.save(folder / TOKENIZER)

    def read(self, opened: Opened) -> Writer:
        """See `Task.read`."""
        folder, manifest = opened.path, opened.manifest
        if manifest.max_length > MAX_TEXT_TOKENS:
            raise FolderError(
                f"{folder / MANIFEST}: max_length is {manifest.max_length}, but must be 1 to "
                f"{MAX_TEXT_TOKENS}."
            )
        rows = whole_argument(folder, manifest, "vocab_size", 1, MAX_VOCABULARY)
        file = folder / TOKENIZER
        tokenizer = read_saved_tokenizer(opened.take(TOKENIZER), file, manifest.max_length, rows)
        pad_id, end_id, _ = (
            whole_argument(folder, manifest, name, 0, rows - 1)
            for name in ("pad_id", "end_id", "start_id")
        )
        if wrong := _wrong_ids(tokenizer, pad_id, end_id):
            raise FolderError(f"{file} {wrong}.")
        settings = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in manifest.settings.items()
        }
        settings["tasks"] = tuple(SavedTask(**task) for task in settings["tasks"])
        return self.parts(
            model=NO_MODEL, tokenizer=tokenizer, max_length=manifest.max_length, **settings
        )

    def to_write(self, parts: Writer) -> WriterModel:
        """See `Task.to_write`."""
        arguments = parts.model.arguments
        return WriterModel(
            parts.model,
            arguments.start_id,
            arguments.end_id,
            arguments.pad_id,
            parts.max_length,
            parts.max_target_length,
        )

    def load_generator(
        self, opened: Opened, beam_size: int | None
    ) -> tuple[Writer, Generates, int]:
        """The parts of a folder, what searches on the runtime that it was read for, and its beams.

        Args:
            opened: The folder.
            beam_size: Hypotheses followed at a time, 1 is greedy search; None: as the folder says.

        Raises:
            ConfigError: The beam size is out of range, or the package is not installed.
            FolderError: One sentence that names the file that does not fit.
        """
        parts = self.load(opened)
        beams = parts.beam_size if beam_size is None else beam_size
        if opened.engine != KERAS:
            ids = {
                name: opened.manifest.arguments[name] for name in ("start_id", "end_id", "pad_id")
            }
            search = Search(
                **ids,
                max_length=parts.max_target_length,
                beam_size=beams,
                rank_cut=True,
                forbidden=(),
            )
            return parts, take_up(opened, search), beams
        from kerasft import peft
        from kerasft.generation import TextGenerator

        peft.remove_mergeable(parts.model)  # for speed
        generator = TextGenerator(
            parts.model,
            parts.tokenizer,
            parts.max_target_length,
            beams,
            max_source_length=parts.max_length,
            early_stopping=True,
        )
        return parts, generator, beams

    def build(self, opened: Opened, parts: Writer) -> Seq2SeqModel:
        """See `Task.build`."""
        family, arguments = _family_and_arguments(opened)
        weights = NamedWeights(opened)
        weights.check(family.entries(arguments))
        model = family.build(arguments, initialize=False)  # the files hold every weight
        weights.load_into(model)
        return model


def _wrong_tasks(tasks: Sequence[SavedTask]) -> str:
    """What is wrong with what a text-to-text model is said to do; nothing where all is well."""
    if not 1 <= len(tasks) <= MAX_TASKS:
        return f"there are {len(tasks)} tasks, but there must be 1 to {MAX_TASKS}"
    names = [task.name for task in tasks]
    for task in tasks:
        if not (task.name.strip() and len(task.name) <= MAX_NAME and names.count(task.name) == 1):
            return (
                f"the task {short(task.name)} must have a unique name, of 1 to {MAX_NAME} "
                "characters"
            )
        if len(task.prefix) > MAX_PREFIX:
            return f"the prefix {short(task.prefix)} has more than {MAX_PREFIX} characters"
        if task.metric not in METRICS:
            return f"the metric {short(task.metric)} is unknown; it is one of {', '.join(METRICS)}"
    return ""


def _saved_task(entry: Any, file: Path) -> SavedTask:
    if (
        not isinstance(entry, dict)
        or entry.keys() != {"name", "prefix", "metric"}
        or not all(isinstance(value, str) for value in entry.values())
    ):
        raise FolderError(
            f"{file}: tasks holds {short(entry)}, but each must have a name, a prefix and a metric."
        )
    return SavedTask(**entry)


def _family_and_arguments(opened: Opened) -> tuple[Seq2SeqArchitecture, Any]:
    """What the manifest says about the model, checked against what we can build."""
    from kerasft.architectures import SEQ2SEQ

    manifest, file = opened.manifest, opened.path / MANIFEST
    check_known(file, "architecture", manifest.architecture, list(SEQ2SEQ))
    family = SEQ2SEQ[manifest.architecture]
    try:
        return family, family.read_arguments(manifest.arguments, FolderError)
    except FolderError as error:
        raise FolderError(f"{file}: {error}") from None


def _wrong_ids(tokenizer: Tokenizer, pad_id: int, end_id: int) -> str:
    """What of a tokenizer's special tokens the model cannot work with, or nothing."""
    if tokenizer.pad_id != pad_id:
        return f"pads with the token {tokenizer.pad_id}, but the model with {pad_id}"
    last = int(tokenizer.encode(["a"], 512).token_ids[0][-1])
    if last != end_id:
        return f"ends texts with the token {last}, but the model with {end_id}"
    return ""


def check_prefix(tokenizer: Tokenizer, prefix: str, max_length: int) -> None:
    """Refuses a prefix that leaves no room for what it stands before.

    Args:
        tokenizer: Of the sources.
        prefix: Text before every source.
        max_length: Most tokens of a source, prefix and end token included.

    Raises:
        ConfigError: The prefix alone fills a source.
    """
    taken = int(tokenizer.encode([prefix], 10**6).full_lengths[0])
    if taken >= max_length:
        raise ConfigError(
            f"max_length is {max_length}, but the prefix {prefix!r} takes {taken} tokens with the "
            "end token; make it larger"
        )
