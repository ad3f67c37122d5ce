"""Saving a trained text-to-text model as one folder, and loading it: all is checked before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kerasft.errors import BundleError, ConfigError
from kerasft.folder import contents
from kerasft.folder.contents import (
    MAX_BEAMS,
    MAX_TEXT_TOKENS,
    SavedTask,
    TextToTextManifest,
    wrong_tasks,
)
from kerasft.folder.named_weights import NamedWeights, write_named_weights
from kerasft.folder.opened import Opened, as_opened
from kerasft.folder.reading import check_known, read_tokenizer
from kerasft.folder.writing import Report, check_length, check_vocabulary, new_folder, versions

if TYPE_CHECKING:
    from kerasft.architectures import T5, T5Arguments
    from kerasft.text.tokenizer import Tokenizer

ARCHITECTURE = "t5"


@dataclass(frozen=True)
class TextToTextBundle:
    """A loaded text-to-text model.

    Attributes:
        path: The folder.
        manifest: What its `bundle.json` says: tasks, lengths, beams, ...
        model: The model, with its adapters on it (unmerged) if the folder has any.
        tokenizer: The tokenizer of both sides.
    """

    path: Path
    manifest: TextToTextManifest
    model: T5
    tokenizer: Tokenizer


def check_text_to_text(
    *,
    model: T5,
    tokenizer: Tokenizer,
    tasks: Sequence[SavedTask],
    max_length: int,
    max_target_length: int,
    beam_size: int = 4,
    output_format: Literal["text", "entities"] = "text",
    entity_types: Sequence[str] = (),
) -> None:
    """Whether a model can be saved, for a run to know before it trains.

    Args:
        model: As for `save_text_to_text`, like the others; it need not be trained.
        tokenizer: See there.
        tasks: See there.
        max_length: See there.
        max_target_length: See there.
        beam_size: See there.
        output_format: See there.
        entity_types: See there.

    Raises:
        ConfigError: A number is out of its range, or the parts do not fit each other.

    Example:
        >>> parts = {"model": model, "tokenizer": tokenizer, "tasks": tasks, ...}
        >>> check_text_to_text(**parts)
    """
    check_length(max_length, MAX_TEXT_TOKENS)
    for name, value, most in (
        ("max_target_length", max_target_length, MAX_TEXT_TOKENS),
        ("beam_size", beam_size, MAX_BEAMS),
    ):
        if not 1 <= value <= most:
            raise ConfigError(f"{name} is {value}, but must be 1 to {most}")
    check_vocabulary(tokenizer.vocab_size, model.arguments.vocab_size)
    wrong = wrong_tasks(tasks, output_format, entity_types)
    if wrong:
        raise ConfigError(wrong)
    if wrong := _wrong_ids(tokenizer, model.arguments):
        raise ConfigError(f"the tokenizer {wrong}")


def save_text_to_text(
    destination: str | Path,
    *,
    model: T5,
    tokenizer: Tokenizer,
    tasks: Sequence[SavedTask],
    max_length: int,
    max_target_length: int,
    config_yaml: str,
    card: str,
    beam_size: int = 4,
    output_format: Literal["text", "entities"] = "text",
    entity_types: Sequence[str] = (),
    report: Report | None = None,
    base_model: str = "",
) -> Path:
    """Writes the saved folder; see `kerasft.folder.contents` for what is in it.

    Args:
        destination: The folder; it may exist if it is empty or a saved folder, which is replaced.
        model: The trained model, with its adapters on it (unmerged) if it has any.
        tokenizer: Its tokenizer.
        tasks: What it was trained on, with the prefix of each.
        max_length: Tokens that sources were cut at in training, prefix and end token included.
        max_target_length: Most tokens of an output, the end token included.
        config_yaml: The resolved config of the run.
        card: The text of README.md, to which versions and the way to predict are added;
            `Facts.card` makes one.
        beam_size: Hypotheses followed at a time in predictions; 1 is greedy search.
        output_format: "entities" if outputs are entities as `text.entity_format` writes them.
        entity_types: The types of entity that there are, for "entities" alone.
        report: Called with the folder `report/` to write plots and metrics into it; a failure is
            a sentence of the card. `adding_report` adds one to a folder that is saved already.
        base_model: Where the pretrained weights came from.

    Returns:
        The destination.

    Raises:
        ConfigError: The folder cannot be written, or the parts do not fit each other.

    Example:
        >>> save_text_to_text(
        ...     "saved_models/tasks", model=model, tokenizer=tokenizer,
        ...     tasks=[SavedTask("summaries", "summarize: ", "rouge")], max_length=256,
        ...     max_target_length=64, config_yaml=to_yaml(config), card=facts.card("tasks"),
        ... )
    """
    check_text_to_text(
        model=model,
        tokenizer=tokenizer,
        tasks=tasks,
        max_length=max_length,
        max_target_length=max_target_length,
        beam_size=beam_size,
        output_format=output_format,
        entity_types=entity_types,
    )
    manifest = TextToTextManifest(
        architecture=ARCHITECTURE,
        arguments=model.arguments.to_dict(),
        tasks=tuple(tasks),
        max_length=max_length,
        max_target_length=max_target_length,
        beam_size=beam_size,
        output_format=output_format,
        entity_types=tuple(entity_types),
        base_model=base_model,
        versions=versions(),
    )
    with new_folder(
        destination, manifest, config_yaml=config_yaml, card=card, report=report
    ) as folder:
        write_named_weights(model, folder, base_model)
        tokenizer.save(folder / contents.TOKENIZER)
    return Path(destination)


def load_text_to_text(path: str | Path | Opened) -> TextToTextBundle:
    """Loads a saved text-to-text model, with the care of `kerasft.tasks.classification.load.load`.

    Args:
        path: The folder that `save_text_to_text` wrote, or what `open_saved` read of it.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task.

    Example:
        >>> load_text_to_text("saved_models/tasks").manifest.tasks[0].prefix
        'summarize: '
    """
    opened = as_opened(path)
    folder, manifest = opened.path, opened.of(TextToTextManifest)

    # Only now, since it takes seconds: a folder that is no good is refused at once.
    from kerasft.architectures import T5
    from kerasft.architectures import t5_names as t5

    arguments = _arguments(manifest, folder / contents.MANIFEST)
    tokenizer = read_tokenizer(
        opened.take(contents.TOKENIZER),
        folder / contents.TOKENIZER,
        manifest.max_length,
        arguments.vocab_size,
    )
    wrong = _wrong_ids(tokenizer, arguments)
    if wrong:
        raise BundleError(f"{folder / contents.TOKENIZER} {wrong}.")
    weights = NamedWeights(opened)
    weights.check(t5.entries(arguments))
    model = T5(arguments, initialize=False)  # the files hold every weight
    weights.load_into(model)
    return TextToTextBundle(folder, manifest, model, tokenizer)


def _arguments(manifest: TextToTextManifest, file: Path) -> T5Arguments:
    """What bundle.json says about the model, checked against what we can build."""
    from kerasft.architectures import T5Arguments

    check_known(file, "architecture", manifest.architecture, [ARCHITECTURE])
    if manifest.preprocessing:
        raise BundleError(
            f"{file} asks for preprocessing, but a text-to-text model reads texts as they are."
        )
    if manifest.max_length > MAX_TEXT_TOKENS:
        raise BundleError(
            f"{file}: max_length is {manifest.max_length}, but must be 1 to {MAX_TEXT_TOKENS}."
        )
    try:
        return T5Arguments.from_dict(manifest.arguments, BundleError)
    except BundleError as error:
        raise BundleError(f"{file}: {error}.") from None


def _wrong_ids(tokenizer: Tokenizer, arguments: T5Arguments) -> str:
    """What of a tokenizer's special tokens the model cannot work with, or nothing."""
    if tokenizer.pad_id != arguments.pad_id:
        return f"pads with the token {tokenizer.pad_id}, but the model with {arguments.pad_id}"
    last = int(tokenizer.encode(["a"], 512).token_ids[0][-1])
    if last != arguments.end_id:
        return f"ends texts with the token {last}, but the model with {arguments.end_id}"
    return ""
