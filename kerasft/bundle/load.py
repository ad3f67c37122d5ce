"""Loading a saved folder: everything is checked before a model is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft import storage
from kerasft.bundle import manifest as names
from kerasft.bundle.manifest import Manifest, verify
from kerasft.bundle.weights import ADAPTER_PREFIX, Tensors, full_modules
from kerasft.errors import BundleError, KerasftError

if TYPE_CHECKING:
    from kerasft.models import Classifier, EncoderArguments
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Bundle:
    """A loaded folder.

    Attributes:
        path: The folder.
        manifest: What its `bundle.json` says.
        model: The classifier, with its adapters on it (unmerged) if the folder has any.
        tokenizer: The tokenizer.
        label_map: The names of the labels.
        cleaning: What is done to texts before the tokenizer.
    """

    path: Path
    manifest: Manifest
    model: Classifier
    tokenizer: Tokenizer
    label_map: LabelMap
    cleaning: Cleaning


def load(path: str | Path) -> Bundle:
    """Loads a saved folder on the current backend.

    The model comes from our own registry of architectures and validated JSON: nothing that a file
    names is imported. Hashes, sizes and shapes are checked before memory is taken for the model.

    Args:
        path: The folder that `save` wrote.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit.

    Example:
        >>> bundle = load("saved_models/run")
        >>> bundle.label_map.names
        ('business', 'sports')
    """
    folder = Path(path)
    manifest = verify(folder)

    # Only now, since it takes seconds: a folder that is no good is refused at once.
    from kerasft import peft
    from kerasft.models import Classifier
    from kerasft.weight_maps import load_tensors

    arguments, cleaning = _check_manifest(manifest, folder / names.MANIFEST)
    tokenizer, label_map = _read_texts(manifest, arguments, folder)
    tensors = Tensors(folder / names.WEIGHTS)
    _check_shapes(manifest, arguments, tensors, folder)

    model = Classifier(
        manifest.architecture, arguments, manifest.num_labels, manifest.pooling, initialize=False
    )  # `_check_shapes` has seen that the files hold every weight
    load_tensors(model, tensors, tensors.shapes, str(folder / names.WEIGHTS))
    if manifest.has_adapter:
        try:
            peft.load_adapter(model, (folder / names.ADAPTER_CONFIG).parent)
        except KerasftError as error:
            raise BundleError(f"{folder / 'adapter'} does not fit: {_problem(error)}.") from error
    return Bundle(folder, manifest, model, tokenizer, label_map, cleaning)


def _check_manifest(manifest: Manifest, file: Path) -> tuple[EncoderArguments, Cleaning]:
    """What bundle.json says about the model, checked against what we can build."""
    from kerasft.models import ARCHITECTURES, POOLINGS, EncoderArguments
    from kerasft.text.cleaning import Cleaning

    for what, value, known in (
        ("task", manifest.task, ["classification"]),
        ("architecture", manifest.architecture, list(ARCHITECTURES)),
        ("pooling", manifest.pooling, POOLINGS),
    ):
        if value not in known:
            raise BundleError(
                f"{file}: the {what} {value[:60]!r} is unknown; this kerasft knows "
                f"{', '.join(known)}."
            )
    try:
        arguments = EncoderArguments.from_dict(manifest.arguments, BundleError)
        cleaning = Cleaning.from_dict(manifest.preprocessing, BundleError)
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
    return arguments, cleaning


def _read_texts(
    manifest: Manifest, arguments: EncoderArguments, folder: Path
) -> tuple[Tokenizer, LabelMap]:
    from kerasft.text.labels import LabelMap

    file = folder / names.LABEL_MAP
    try:
        label_map = LabelMap.from_dict(storage.read_json(file, BundleError), "it")
    except BundleError:
        raise
    except KerasftError as error:
        raise BundleError(f"{file} is no label map: {_problem(error)}.") from None
    if len(label_map) != manifest.num_labels:
        raise BundleError(
            f"{file} has {len(label_map)} labels, but the model has {manifest.num_labels}."
        )
    return _read_tokenizer(manifest, arguments, folder / names.TOKENIZER), label_map


def _read_tokenizer(manifest: Manifest, arguments: EncoderArguments, file: Path) -> Tokenizer:
    from kerasft.text.tokenizer import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(file)
        size = tokenizer.vocabulary_size
        if size <= arguments.vocabulary_size:
            # What goes around a text is not of the vocabulary, and may be broken by itself.
            size = 1 + int(max(tokenizer.encode(["a"], manifest.max_length).token_ids[0]))
    except BaseException as error:
        # The Rust library panics on some files, and its PanicException is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise BundleError(f"{file} is no tokenizer that can be used: {_problem(error)}.") from error
    if size > arguments.vocabulary_size:
        raise BundleError(
            f"{file} has {size} tokens, but the model only {arguments.vocabulary_size}."
        )
    return tokenizer


def _check_shapes(
    manifest: Manifest, arguments: EncoderArguments, tensors: Tensors, folder: Path
) -> None:
    """Every weight of the model is in exactly one file, in the shape that bundle.json asks for."""
    from kerasft.weight_maps import entries_of

    adapter: dict[str, tuple[int, ...]] = {}
    in_adapter: set[str] = set()
    if manifest.has_adapter:
        file = folder / names.ADAPTER_WEIGHTS
        adapter, in_adapter = dict(Tensors(file).shapes), full_modules(file)
    base = dict(tensors.shapes)
    for entry in entries_of(
        manifest.architecture, arguments, manifest.num_labels, manifest.pooling
    ):
        whole = entry.module in in_adapter
        file = folder / (names.ADAPTER_WEIGHTS if whole else names.WEIGHTS)
        for parameter in entry.parameters:
            name = ADAPTER_PREFIX + parameter.name if whole else parameter.name
            shape = (adapter if whole else base).pop(name, None)
            if shape is None:
                raise BundleError(f"{file} has no tensor {name!r}.")
            if shape != parameter.shape:
                raise BundleError(
                    f"{file} holds {name!r} in the shape {shape}, but {names.MANIFEST} asks for "
                    f"{parameter.shape}."
                )
    if base:
        raise BundleError(
            f"{folder / names.WEIGHTS} holds {min(base)!r}, for which the model has no place."
        )


def _problem(error: BaseException) -> str:
    """An error's message inside a sentence; it may quote a value of the file at length."""
    text = str(error).partition("\n")[0].rstrip(".")
    return text if len(text) <= 300 else text[:297] + "..."
