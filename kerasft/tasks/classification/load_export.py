"""Loading what a saved classifier holds for another engine than Keras; Keras is not imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kerasft.folder.export_files import export_paths
from kerasft.folder.opened import Opened, as_opened
from kerasft.runtimes.onnx.model_file import check_onnx_file
from kerasft.tasks.classification.task import TextClassifier
from kerasft.tasks.saved import read_parts


@dataclass(frozen=True)
class ExportedClassifier:
    """A classifier whose model another engine reads.

    Attributes:
        parts: The classifier without its model.
        format: The format of the model, one of the manifest's `exports`.
        file: Where the model stands.
        opened: Holds the model until an engine takes it; None where it is in no folder yet.
    """

    parts: TextClassifier
    format: str
    file: Path
    opened: Opened | None = None

    def take_model(self) -> bytes:
        """The model, checked; it is not kept here any longer."""
        if self.opened is None:
            raw = self.file.read_bytes()
        else:
            raw = self.opened.take(self.file.relative_to(self.opened.path).as_posix())
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
            the folder has no such export.

    Example:
        >>> load_export("saved_models/run", "onnx").file
        PosixPath('saved_models/run/export/onnx/model.onnx')
    """
    opened = as_opened(path, format)
    (model,) = export_paths([format])
    return ExportedClassifier(read_parts(opened), format, opened.path / model, opened)
