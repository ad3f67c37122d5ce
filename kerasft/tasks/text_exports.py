"""Loading what saved translators and T5 hold for another engine than Keras; Keras is not imported.

The weights that Keras reads are not hashed: nobody reads them here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.errors import BundleError
from kerasft.folder import contents
from kerasft.folder.contents import MAX_TEXT_TOKENS, TextToTextManifest, TranslationManifest
from kerasft.folder.export_files import EXPORT, export_paths
from kerasft.folder.opened import Opened, as_opened
from kerasft.folder.reading import MAX_VOCABULARY, read_tokenizer, whole_argument

if TYPE_CHECKING:
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.tokenizer import Tokenizer

MAX_POSITIONS = 100_000


@dataclass(frozen=True)
class ExportedTranslator:
    """A translator whose model another engine reads.

    Attributes:
        path: The folder.
        manifest: What its `bundle.json` says.
        format: The format of the model, one of the manifest's `exports`.
        model: The folder that it lies in.
        source_tokenizer: The tokenizer of the language that is translated.
        target_tokenizer: The tokenizer of the language that comes out.
        cleaning: What is done to texts before the tokenizer.
        target_length: Most tokens of a translation, [SOS] and [EOS] included.
        opened: Holds the model until an engine takes it; None where it is in no folder yet.
    """

    path: Path
    manifest: TranslationManifest
    format: str
    model: Path
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    cleaning: Cleaning
    target_length: int
    opened: Opened | None = None


@dataclass(frozen=True)
class ExportedTextToText:
    """A text-to-text model that another engine reads.

    Attributes:
        path: The folder.
        manifest: What its `bundle.json` says.
        format: The format of the model, one of the manifest's `exports`.
        model: The folder that it lies in.
        tokenizer: The tokenizer of both sides.
        start_id: The token that every output begins with.
        end_id: The token that ends it.
        pad_id: The padding.
        opened: As for `ExportedTranslator`.
    """

    path: Path
    manifest: TextToTextManifest
    format: str
    model: Path
    tokenizer: Tokenizer
    start_id: int
    end_id: int
    pad_id: int
    opened: Opened | None = None


def take_files(exported: ExportedTranslator | ExportedTextToText) -> dict[str, bytes]:
    """The files of a model by their names; `exported` does not keep them any longer."""
    paths = [Path(path) for path in export_paths([exported.format])]
    if exported.opened is None:
        return {path.name: (exported.model / path.name).read_bytes() for path in paths}
    return {path.name: exported.opened.take(path.as_posix()) for path in paths}


def load_exported_translator(path: str | Path | Opened, format: str) -> ExportedTranslator:
    """Reads all of a saved translator but its model.

    Args:
        path: The folder, or what `open_saved` read of it.
        format: Which of its exports: "ctranslate2" for example.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task, or has no such export.

    Example:
        >>> load_exported_translator("saved_models/translate", "ctranslate2").model
        PosixPath('saved_models/translate/export/ctranslate2')
    """
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.trained import END, START

    opened = as_opened(path, format)
    folder, manifest = opened.path, opened.of(TranslationManifest)
    files = (contents.TOKENIZER_SOURCE, contents.TOKENIZER_TARGET)
    try:
        cleaning = Cleaning.from_dict(manifest.preprocessing, BundleError)
    except BundleError as error:
        raise BundleError(f"{folder / contents.MANIFEST}: {error}.") from None
    source, target = (
        read_tokenizer(
            opened.take(file),
            folder / file,
            manifest.max_length,
            whole_argument(folder, manifest, rows, 1, MAX_VOCABULARY),
        )
        for file, rows in zip(files, ("src_vocab_size", "tgt_vocab_size"), strict=True)
    )
    for token in (START, END):
        if target.token_id(token) is None:
            raise BundleError(f"{folder / contents.TOKENIZER_TARGET} has no token {token}.")
    return ExportedTranslator(
        path=folder,
        manifest=manifest,
        format=format,
        model=folder / EXPORT / format,
        source_tokenizer=source,
        target_tokenizer=target,
        cleaning=cleaning,
        target_length=whole_argument(folder, manifest, "tgt_seq_len", 2, MAX_POSITIONS),
        opened=opened,
    )


def load_exported_text_to_text(path: str | Path | Opened, format: str) -> ExportedTextToText:
    """Reads all of a saved text-to-text model but the model itself.

    Args:
        path: The folder, or what `open_saved` read of it.
        format: Which of its exports: "ctranslate2" for example.

    Raises:
        BundleError: As `load_exported_translator`.

    Example:
        >>> load_exported_text_to_text("saved_models/tasks", "ctranslate2").manifest.beam_size
        4
    """
    opened = as_opened(path, format)
    folder, manifest = opened.path, opened.of(TextToTextManifest)
    if manifest.max_length > MAX_TEXT_TOKENS:
        raise BundleError(
            f"{folder / contents.MANIFEST}: max_length is {manifest.max_length}, but must be 1 to "
            f"{MAX_TEXT_TOKENS}."
        )
    rows = whole_argument(folder, manifest, "vocab_size", 1, MAX_VOCABULARY)
    ids = {
        name: whole_argument(folder, manifest, name, 0, rows - 1)
        for name in ("start_id", "end_id", "pad_id")
    }
    return ExportedTextToText(
        path=folder,
        manifest=manifest,
        format=format,
        model=folder / EXPORT / format,
        tokenizer=read_tokenizer(
            opened.take(contents.TOKENIZER), folder / contents.TOKENIZER, manifest.max_length, rows
        ),
        opened=opened,
        **ids,
    )
