"""A csv file inside a zip file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from kerasft.data.csv_files import parse_csv
from kerasft.data.rows import Field, Rows, quoted
from kerasft.data.text_files import MOST_GROWTH, Budget, TextFile, open_file
from kerasft.errors import DataError, KerasftError

HARMLESS_BYTES = 64 * 2**20
# Bytes of the list of members, of which Python makes ten times as much; a member takes 50 to 100.
MAX_DIRECTORY = 8 * 2**20
# Compressed bytes at a time: bzip2 and LZMA make up to 80 MB of so many, and cannot be stopped.
_CHUNK = 4096


def read_zip(path: Path, fields: Sequence[Field]) -> Rows:
    """Reads the one .csv file of a .zip file, which may hold files of other kinds too.

    The rows' hash is that of the csv file, as if it had lain there by itself.

    Raises:
        DataError: The file cannot be read, is encrypted, holds no csv file or several, or one that
            would take far more memory than the zip file; or as for `parse_csv`.
    """
    with open_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            _check_directory(stream, size, path)
            with zipfile.ZipFile(stream) as archive:
                member = _the_csv(archive, path)
                source = f"{path} ({member.filename})"
                _check(member, source, size)
                with cast(zipfile.ZipExtFile, archive.open(member)) as unpacked:
                    # As many bytes as the entry says, whatever it would unpack to.
                    file = TextFile(source, lambda: unpacked.read1(_CHUNK), nul=True)
                    return parse_csv(file, ",", fields, Budget(source, size))
        except KerasftError:
            raise
        except Exception as error:  # zipfile and each of its decompressors have errors of their own
            raise DataError(f"cannot read {path}: {type(error).__name__}: {error}") from None


def _check_directory(stream: BinaryIO, size: int, path: Path) -> None:
    """Refuses a list of members that would fill the memory; `ZipFile` reads it at once."""
    stream.seek(max(0, size - 2**16 - 1024))
    tail = stream.read()
    end = tail.rfind(b"PK\5\6")
    listed = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    large = tail.rfind(b"PK\6\6")
    if listed == 2**32 - 1 and large >= 0:  # zip64
        listed = int.from_bytes(tail[large + 40 : large + 48], "little")
    if listed > MAX_DIRECTORY:
        raise DataError(
            f"{path} lists more files than can be looked through ({listed} bytes of names); unpack "
            "it and give the csv file"
        )


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
