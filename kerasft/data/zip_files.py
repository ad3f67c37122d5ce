"""A csv file inside a zip file."""

import io
import zipfile
from pathlib import Path

from kerasft.data.csv_files import parse_csv
from kerasft.data.table import BlankTexts, Table, quoted
from kerasft.data.text_files import decode_text, read_bytes
from kerasft.errors import DataError

# Prose shrinks to a fifth or so. What grows a hundredfold was made to fill the memory.
MOST_GROWTH = 100
HARMLESS_BYTES = 64 * 2**20


def read_zip(
    path: Path, text_column: str, label_column: str | None, blank_texts: BlankTexts = "refuse"
) -> Table:
    """Reads the one .csv file of a .zip file, which may hold files of other kinds too.

    The table's hash is that of the csv file, as if it had lain there by itself.

    Raises:
        DataError: The file cannot be read, is encrypted, holds no csv file or several, or one that
            would take far more memory than the zip file; or as for `parse_csv`.
    """
    content = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = _the_csv(archive, path)
            source = f"{path} ({member.filename})"
            _check(member, source, len(content))
            # As many bytes as the entry says, whatever it would unpack to.
            unpacked = archive.read(member)
    except DataError:
        raise
    except Exception as error:  # zipfile and each of its decompressors have errors of their own
        raise DataError(f"cannot read {path}: {type(error).__name__}: {error}") from None
    return parse_csv(decode_text(unpacked, source), ",", text_column, label_column, blank_texts)


def _the_csv(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    # macOS puts a shadow of each file beside it ("__MACOSX/._complaints.csv").
    found = [
        member
        for member in archive.infolist()
        if member.filename.lower().endswith(".csv") and not member.filename.startswith("__MACOSX/")
    ]
    if len(found) != 1:
        names = f": {quoted([member.filename for member in found], most=5)}" if found else ""
        raise DataError(f"{path} holds {len(found) or 'no'} csv files{names}; it must hold one")
    return found[0]


def _check(member: zipfile.ZipInfo, source: str, packed: int) -> None:
    if member.flag_bits & 1:
        raise DataError(f"{source} is encrypted; unpack it with its password and give the csv file")
    if member.file_size > max(HARMLESS_BYTES, MOST_GROWTH * packed):
        raise DataError(
            f"{source} would unpack to {member.file_size} bytes from {packed}, which no text does; "
            "if you trust it, unpack it and give the csv file"
        )
