"""Loading what a saved classifier holds for another engine than Keras; Keras is not imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.errors import BundleError
from kerasft.folder import contents
from kerasft.folder.contents import ClassificationManifest
from kerasft.folder.export_files import export_paths
from kerasft.folder.opened import Opened, as_opened
from kerasft.folder.preprocessing import split_preprocessing
from kerasft.folder.reading import MAX_VOCABULARY, read_tokenizer, whole_argument
from kerasft.runtimes.onnx.model_file import check_onnx_file
from kerasft.tasks.headed_encoder import read_label_map

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
        file: Where the model stands.
        tokenizer: The tokenizer.
        label_map: The names of the labels.
        cleaning: What is done to texts before the tokenizer.
        long_texts: What is kept of texts longer than the manifest's `max_length`.
        opened: Holds the model until an engine takes it; None where it is in no folder yet.
    """

    path: Path
    manifest: ClassificationManifest
    format: str
    file: Path
    tokenizer: Tokenizer
    label_map: LabelMap
    cleaning: Cleaning
    long_texts: LongTexts
    opened: Opened | None = None

    def take_model(self) -> bytes:
        """The model, checked; it is not kept here any longer."""
        if self.opened is None:
            raw = self.file.read_bytes()
        else:
            raw = self.opened.take(self.file.relative_to(self.path).as_posix())
        check_onnx_file(raw, self.file)
        return raw


def load_export(path: str | Path | Opened, format: str) -> ExportedClassifier:
    """Reads all of a saved classifier; its model is looked at when an engine takes it.

    The weights that Keras reads are not hashed: nobody reads them here.

    Args:
        path: The folder, or what `open_saved` read of it.
        format: Which of its exports, "onnx" for example.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task, or has no such export.

    Example:
        >>> load_export("saved_models/run", "onnx").file
        PosixPath('saved_models/run/export/onnx/model.onnx')
    """
    opened = as_opened(path, format)
    folder, manifest = opened.path, opened.of(ClassificationManifest)
    (model,) = export_paths([format])
    file = folder / contents.MANIFEST
    try:
        cleaning, long_texts = split_preprocessing(manifest.preprocessing)
    except BundleError as error:
        raise BundleError(f"{file}: {error}.") from None
    rows = whole_argument(folder, manifest, "vocab_size", 1, MAX_VOCABULARY)
    return ExportedClassifier(
        path=folder,
        manifest=manifest,
        format=format,
        file=folder / model,
        tokenizer=read_tokenizer(
            opened.take(contents.TOKENIZER), folder / contents.TOKENIZER, manifest.max_length, rows
        ),
        label_map=read_label_map(opened, manifest),
        cleaning=cleaning,
        long_texts=long_texts,
        opened=opened,
    )
