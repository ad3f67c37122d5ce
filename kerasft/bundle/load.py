"""Loading a saved classifier: everything is checked before a model is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft import storage
from kerasft.bundle import contents
from kerasft.bundle.contents import ClassificationManifest
from kerasft.bundle.manifest import verify_task
from kerasft.bundle.preprocessing import split_preprocessing
from kerasft.bundle.reading import check_known, problem, read_tokenizer
from kerasft.bundle.weights import ADAPTER_PREFIX, Tensors, full_modules
from kerasft.errors import BundleError, KerasftError

if TYPE_CHECKING:
    from kerasft.models import Classifier, EncoderArguments
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import LongTexts, Tokenizer


@dataclass(frozen=True)
class Bundle:
    """A loaded classifier.

    Attributes:
        path: The folder.
        manifest: What its `bundle.json` says.
        model: The classifier, with its adapters on it (unmerged) if the folder has any.
        tokenizer: The tokenizer.
        label_map: The names of the labels.
        cleaning: What is done to texts before the tokenizer.
        long_texts: What is kept of texts longer than the manifest's `max_length`; see
            `Tokenizer.encode`.
    """

    path: Path
    manifest: ClassificationManifest
    model: Classifier
    tokenizer: Tokenizer
    label_map: LabelMap
    cleaning: Cleaning
    long_texts: LongTexts = "cut"


def load(path: str | Path) -> Bundle:
    """Loads a saved classifier on the current backend.

    The model comes from our own registry of architectures and validated JSON: nothing that a file
    names is imported. Hashes, sizes and shapes are checked before memory is taken for the model.

    Args:
        path: The folder that `save` wrote.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task.

    Example:
        >>> bundle = load("saved_models/run")
        >>> bundle.label_map.names
        ('business', 'sports')
    """
    folder = Path(path)
    manifest = verify_task(folder, ClassificationManifest)

    # Only now, since it takes seconds: a folder that is no good is refused at once.
    from kerasft import peft
    from kerasft.models import Classifier
    from kerasft.weight_maps import load_tensors

    arguments, cleaning, long_texts = _check_manifest(manifest, folder / contents.MANIFEST)
    label_map = _read_label_map(manifest, folder / contents.LABEL_MAP)
    tokenizer = read_tokenizer(
        folder / contents.TOKENIZER, manifest.max_length, arguments.vocabulary_size
    )
    tensors = Tensors(folder / contents.WEIGHTS)
    _check_shapes(manifest, arguments, tensors, folder)

    model = Classifier(
        manifest.architecture, arguments, manifest.num_labels, manifest.pooling, initialize=False
    )  # `_check_shapes` has seen that the files hold every weight
    load_tensors(model, tensors, tensors.shapes, str(folder / contents.WEIGHTS))
    if manifest.has_adapter:
        try:
            peft.load_adapter(model, (folder / contents.ADAPTER_CONFIG).parent)
        except KerasftError as error:
            raise BundleError(f"{folder / 'adapter'} does not fit: {problem(error)}.") from error
    return Bundle(folder, manifest, model, tokenizer, label_map, cleaning, long_texts)


def _check_manifest(
    manifest: ClassificationManifest, file: Path
) -> tuple[EncoderArguments, Cleaning, LongTexts]:
    """What bundle.json says about the model, checked against what we can build."""
    from kerasft.models import ARCHITECTURES, POOLINGS, EncoderArguments

    check_known(file, "architecture", manifest.architecture, ARCHITECTURES)
    check_known(file, "pooling", manifest.pooling, POOLINGS)
    try:
        arguments = EncoderArguments.from_dict(manifest.arguments, BundleError)
        cleaning, long_texts = split_preprocessing(manifest.preprocessing)
    except BundleError as error:
        raise BundleError(f"{file}: {error}.") from None
    if (arguments.num_segments > 0) != (manifest.architecture == "bert"):
        raise BundleError(
            f"{file}: num_segments is {arguments.num_segments}, which no "
            f"{manifest.architecture} has."
        )
    if manifest.num_labels < 2:
        raise BundleError(f"{file}: num_labels is {manifest.num_labels}, but must be 2 or more.")
    if manifest.max_length > arguments.max_sequence_length:
        raise BundleError(
            f"{file}: max_length is {manifest.max_length}, more than the model's "
            f"{arguments.max_sequence_length} positions."
        )
    return arguments, cleaning, long_texts


def _read_label_map(manifest: ClassificationManifest, file: Path) -> LabelMap:
    from kerasft.text.labels import LabelMap

    try:
        label_map = LabelMap.from_dict(storage.read_json(file, BundleError), "it")
    except BundleError:
        raise
    except KerasftError as error:
        raise BundleError(f"{file} is no label map: {problem(error)}.") from None
    if len(label_map) != manifest.num_labels:
        raise BundleError(
            f"{file} has {len(label_map)} labels, but the model has {manifest.num_labels}."
        )
    return label_map


def _check_shapes(
    manifest: ClassificationManifest, arguments: EncoderArguments, tensors: Tensors, folder: Path
) -> None:
    """Every weight of the model is in exactly one file, in the shape that bundle.json asks for."""
    from kerasft.weight_maps import entries_of

    adapter: dict[str, tuple[int, ...]] = {}
    in_adapter: set[str] = set()
    if manifest.has_adapter:
        file = folder / contents.ADAPTER_WEIGHTS
        adapter, in_adapter = dict(Tensors(file).shapes), full_modules(file)
    base = dict(tensors.shapes)
    for entry in entries_of(
        manifest.architecture, arguments, manifest.num_labels, manifest.pooling
    ):
        whole = entry.module in in_adapter
        file = folder / (contents.ADAPTER_WEIGHTS if whole else contents.WEIGHTS)
        for parameter in entry.parameters:
            name = ADAPTER_PREFIX + parameter.name if whole else parameter.name
            shape = (adapter if whole else base).pop(name, None)
            if shape is None:
                raise BundleError(f"{file} has no tensor {name!r}.")
            if shape != parameter.shape:
                raise BundleError(
                    f"{file} holds {name!r} in the shape {shape}, but {contents.MANIFEST} asks for "
                    f"{parameter.shape}."
                )
    if base:
        raise BundleError(
            f"{folder / contents.WEIGHTS} holds {min(base)!r}, for which the model has no place."
        )
