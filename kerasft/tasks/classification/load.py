"""Loading a saved classifier: everything is checked before a model is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.errors import BundleError
from kerasft.folder import contents
from kerasft.folder.contents import ClassificationManifest
from kerasft.folder.opened import Opened, as_opened
from kerasft.folder.preprocessing import split_preprocessing
from kerasft.folder.reading import check_known
from kerasft.tasks.headed_encoder import read_parts

if TYPE_CHECKING:
    from kerasft.architectures import Classifier
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


def load(path: str | Path | Opened) -> Bundle:
    """Loads a saved classifier on the current backend.

    The model comes from our own registry of architectures and validated JSON: nothing that a file
    names is imported. Hashes, sizes and shapes are checked before memory is taken for the model.

    Args:
        path: The folder that `save` wrote, or what `open_saved` read of it.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task.

    Example:
        >>> bundle = load("saved_models/run")
        >>> bundle.label_map.names
        ('business', 'sports')
    """
    opened = as_opened(path)
    folder, manifest = opened.path, opened.of(ClassificationManifest)

    # Only now, since it takes seconds: a folder that is no good is refused at once.
    from kerasft.architectures import POOLINGS, Classifier

    file = folder / contents.MANIFEST
    check_known(file, "pooling", manifest.pooling, POOLINGS)
    try:
        cleaning, long_texts = split_preprocessing(manifest.preprocessing)
    except BundleError as error:
        raise BundleError(f"{file}: {error}.") from None
    parts = read_parts(
        opened,
        manifest,
        lambda arguments: Classifier(
            manifest.architecture,
            arguments,
            manifest.num_labels,
            manifest.pooling,
            initialize=False,
        ),
    )
    return Bundle(
        folder, manifest, parts.model, parts.tokenizer, parts.label_map, cleaning, long_texts
    )
