"""What a folder may hold in `export/`: its model again, as other engines than Keras read it.

    export/onnx/model.onnx          for ONNX Runtime, in float32
    export/onnx-int8/model.onnx     for ONNX Runtime, its matrices in 8 bits
    export/ctranslate2/             for CTranslate2, in float32: model.bin and the files around it
    export/ctranslate2-int8/        for CTranslate2, its matrices in 8 bits

Like every other file they stand in `manifest.json` with their hashes; its key `exports` says how
each was checked when it was made. Which formats a task has, the task says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kerasft.errors import FolderError
from kerasft.folder.contents import Reader, short

EXPORT = "export"
ONNX_MODEL = "model.onnx"

CTRANSLATE2_MODEL = "model.bin"
CTRANSLATE2_FILES = (
    *(CTRANSLATE2_MODEL, "config.json"),
    *("source_vocabulary.json", "target_vocabulary.json"),
)

EXPORT_FILES: dict[str, tuple[str, ...]] = {
    "onnx": (ONNX_MODEL,),
    "onnx-int8": (ONNX_MODEL,),
    "ctranslate2": CTRANSLATE2_FILES,
    "ctranslate2-int8": CTRANSLATE2_FILES,
}
"""Format -> the names of its files."""


def export_paths(formats: Iterable[str]) -> list[str]:
    """The files of formats, as paths inside the folder.

    Example:
        >>> export_paths(["onnx"])
        ['export/onnx/model.onnx']
    """
    return [f"{EXPORT}/{name}/{file}" for name in formats for file in EXPORT_FILES[name]]


def read_exports(reader: Reader) -> dict[str, dict[str, Any]]:
    """The key `exports` of an untrusted `manifest.json`.

    Args:
        reader: The JSON object.

    Raises:
        FolderError: It names a format that there is not, or does not map names to facts.
    """
    exports = reader.get("exports", dict)
    for name, facts in exports.items():
        if name not in EXPORT_FILES:
            raise FolderError(
                f"{reader.file} lists the export {short(name)}, which no saved folder has."
            )
        if not isinstance(facts, dict):
            raise FolderError(f"{reader.file}: the export {name} must be a JSON object.")
    return dict(exports)
