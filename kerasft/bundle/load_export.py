"""Loading what a saved classifier holds for another engine than Keras; Keras is not imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.bundle import contents
from kerasft.bundle.contents import ClassificationManifest
from kerasft.bundle.export_files import export_paths
from kerasft.bundle.headed_encoder import read_label_map
from kerasft.bundle.onnx_file import check_onnx_file
from kerasft.bundle.preprocessing import split_preprocessing
from kerasft.bundle.reading import read_tokenizer
from kerasft.bundle.verify_export import MAX_VOCABULARY, verify_export, whole_argument
from kerasft.errors import BundleError

if TYPE_CHECKING:
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import LongTexts, Tokenizer


@dataclass(frozen=True)
class ExportedClassifier:
    """A classifier whose model another engine reads.

    Attributes:
        path: The folder.
        manifest: What its `bundle.json` says.
        format: The format of the model, one of the manifest's `exports`.
        file: The model.
        tokenizer: The tokenizer.
        label_map: The names of the labels.
        cleaning: What is done to texts before the tokenizer.
        long_texts: What is kept of texts longer than the manifest's `max_length`.
    """

    path: Path
    manifest: ClassificationManifest
    format: str
    file: Path
    tokenizer: Tokenizer
    label_map: LabelMap
    cleaning: Cleaning
    long_texts: LongTexts


def load_export(path: str | Path, format: str) -> ExportedClassifier:
    """Reads all of a saved classifier but its model, whose hash alone is checked.

    The weights that Keras reads are not hashed: nobody reads them here.

    Args:
        path: The folder.
        format: Which of its exports, "onnx" for example.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task, or has no such export.

    Example:
        >>> load_export("saved_models/run", "onnx").file
        PosixPath('saved_models/run/export/onnx/model.onnx')
    """
    folder = Path(path)
    (model,) = export_paths([format])
    manifest = verify_export(
        folder, ClassificationManifest, format, (contents.TOKENIZER, contents.LABEL_MAP)
    )
    check_onnx_file(folder / model)
    file = folder / contents.MANIFEST
    try:
        cleaning, long_texts = split_preprocessing(manifest.preprocessing)
    except BundleError as error:
        raise BundleError(f"{file}: {error}.") from None
    rows = whole_argument(folder, manifest, "vocabulary_size", 1, MAX_VOCABULARY)
    return ExportedClassifier(
        path=folder,
        manifest=manifest,
        format=format,
        file=folder / model,
        tokenizer=read_tokenizer(folder / contents.TOKENIZER, manifest.max_length, rows),
        label_map=read_label_map(manifest, folder / contents.LABEL_MAP),
        cleaning=cleaning,
        long_texts=long_texts,
    )
