"""What folders of classifiers and of taggers hold alike: an encoder, its head, its tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from kerasft.errors import BundleError, ConfigError, KerasftError
from kerasft.folder import contents
from kerasft.folder.contents import ClassificationManifest, TaggingManifest
from kerasft.folder.named_weights import NamedWeights, write_named_weights
from kerasft.folder.opened import Opened
from kerasft.folder.reading import check_known, problem, read_tokenizer
from kerasft.folder.writing import check_length, check_vocabulary

if TYPE_CHECKING:
    from kerasft.architectures import EncoderArguments, HeadedEncoder
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import Tokenizer

OfEncoder = ClassificationManifest | TaggingManifest
Model = TypeVar("Model", bound="HeadedEncoder")


@dataclass(frozen=True)
class Parts(Generic[Model]):
    """What was read of a folder.

    Attributes:
        model: The model, with its adapters on it (unmerged) if the folder has any.
        tokenizer: The tokenizer.
        label_map: The names of the labels or tags.
    """

    model: Model
    tokenizer: Tokenizer
    label_map: LabelMap


def check_parts(parts: Parts, max_length: int) -> None:
    """Refuses parts that do not fit each other, before a folder is written.

    Raises:
        ConfigError: They do not.
    """
    model = parts.model
    if len(parts.label_map) != model.num_labels:
        raise ConfigError(
            f"the label map has {len(parts.label_map)} labels, but the model has {model.num_labels}"
        )
    check_length(max_length, model.arguments.max_length)
    check_vocabulary(parts.tokenizer.vocab_size, model.arguments.vocab_size)


def write_parts(parts: Parts, folder: Path, base_model: str) -> None:
    """Writes weights, adapter, tokenizer and label map.

    Which weights stand in which file, `write_named_weights` says.

    Args:
        parts: What to write.
        folder: An empty folder.
        base_model: Where the pretrained weights came from.

    Raises:
        ConfigError: Weights are not numbers any more.
    """
    write_named_weights(parts.model, folder, base_model)
    parts.tokenizer.save(folder / contents.TOKENIZER)
    parts.label_map.save(folder / contents.LABEL_MAP)


def read_parts(
    opened: Opened, manifest: OfEncoder, build: Callable[[EncoderArguments], Model]
) -> Parts[Model]:
    """Reads what `write_parts` wrote; all is checked before memory is taken for the model.

    Args:
        opened: The folder.
        manifest: What its `bundle.json` says.
        build: Makes the model, without its encoder's weights.

    Raises:
        BundleError: One sentence that names the file that does not fit.
    """
    from kerasft.architectures import entries_of

    folder = opened.path
    arguments = _arguments(manifest, folder / contents.MANIFEST)
    label_map = read_label_map(opened, manifest)
    tokenizer = read_tokenizer(
        opened.take(contents.TOKENIZER),
        folder / contents.TOKENIZER,
        manifest.max_length,
        arguments.vocab_size,
    )
    entries = entries_of(manifest.architecture, arguments, manifest.num_labels, manifest.pooling)
    weights = NamedWeights(opened)
    weights.check(entries)
    model = build(arguments)  # the files hold every weight
    weights.load_into(model)
    return Parts(model, tokenizer, label_map)


def _arguments(manifest: OfEncoder, file: Path) -> EncoderArguments:
    """What bundle.json says about the encoder, checked against what we can build."""
    from kerasft.architectures import ARCHITECTURES, EncoderArguments

    check_known(file, "architecture", manifest.architecture, ARCHITECTURES)
    try:
        arguments = EncoderArguments.from_dict(manifest.arguments, BundleError)
    except BundleError as error:
        raise BundleError(f"{file}: {error}.") from None
    if (arguments.num_segments > 0) != (manifest.architecture == "bert"):
        raise BundleError(
            f"{file}: num_segments is {arguments.num_segments}, which no "
            f"{manifest.architecture} has."
        )
    if manifest.num_labels < 2:
        raise BundleError(f"{file}: num_labels is {manifest.num_labels}, but must be 2 or more.")
    if manifest.max_length > arguments.max_length:
        raise BundleError(
            f"{file}: max_length is {manifest.max_length}, more than the model's "
            f"{arguments.max_length} positions."
        )
    return arguments


def read_label_map(opened: Opened, manifest: OfEncoder) -> LabelMap:
    """Reads an untrusted label map.

    Args:
        opened: The folder.
        manifest: What its `bundle.json` says.

    Raises:
        BundleError: It is none, or of another number of labels.
    """
    from kerasft.text.labels import LabelMap

    file = opened.path / contents.LABEL_MAP
    try:
        label_map = LabelMap.from_dict(opened.json(contents.LABEL_MAP), "it")
    except BundleError:
        raise
    except KerasftError as error:
        raise BundleError(f"{file} is no label map: {problem(error)}.") from None
    if len(label_map) != manifest.num_labels:
        raise BundleError(
            f"{file} has {len(label_map)} labels, but the model has {manifest.num_labels}."
        )
    return label_map
