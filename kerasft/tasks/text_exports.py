"""What a saved model that writes texts holds for another engine than Keras; imports no Keras.

The weights that Keras reads are not hashed: nobody reads them here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from kerasft.folder.export_files import EXPORT, export_paths
from kerasft.folder.opened import Opened, as_opened
from kerasft.tasks.saved import read_parts
from kerasft.tasks.text_to_text.task import TextWriter
from kerasft.tasks.translation.task import Translator

Parts = TypeVar("Parts", Translator, TextWriter)


@dataclass(frozen=True)
class ExportedWriter(Generic[Parts]):
    """A translator or text-to-text model that another engine reads.

    Attributes:
        parts: All of it but the model.
        arguments: The model's, JSON values.
        format: The format of the model, one of the manifest's `exports`.
        place: The folder that it lies in.
        opened: Holds the model until an engine takes it; None where it is in no folder yet.
    """

    parts: Parts
    arguments: dict[str, int]
    format: str
    place: Path
    opened: Opened | None = None

    def take_files(self) -> dict[str, bytes]:
        """The files of the model by their names; they are not kept here any longer."""
        paths = [Path(path) for path in export_paths([self.format])]
        if self.opened is None:
            return {path.name: (self.place / path.name).read_bytes() for path in paths}
        return {path.name: self.opened.take(path.as_posix()) for path in paths}


def load_exported(path: str | Path | Opened, format: str) -> ExportedWriter:
    """Reads all of a saved translator or text-to-text model but its model.

    Args:
        path: The folder, or what `open_saved` read of it.
        format: Which of its exports: "ctranslate2" for example.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder has no such export.

    Example:
        >>> load_exported("saved_models/translate", "ctranslate2").place
        PosixPath('saved_models/translate/export/ctranslate2')
    """
    opened = as_opened(path, format)
    return ExportedWriter(
        read_parts(opened), opened.manifest.arguments, format, opened.path / EXPORT / format, opened
    )
