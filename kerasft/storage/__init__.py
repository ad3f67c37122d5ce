"""Folders and files that are written whole or not at all, locks, small JSON files, and hashes.

Nothing heavy is imported here.
"""

from kerasft.storage.files import (
    MAX_JSON_BYTES,
    cache_dir,
    json_text,
    parse_json,
    read_bytes,
    read_json,
    sha256_file,
    utf8,
    write_json,
)
from kerasft.storage.locks import hold
from kerasft.storage.tensors import KINDS, Tensors, write_tensors
from kerasft.storage.write_errors import FULL, NoRoomError, number_of, reason_of
from kerasft.storage.writing import (
    SEALS,
    check_format,
    check_output,
    recover,
    remove_folder,
    write_file,
    write_folder,
)

__all__ = [
    "FULL",
    "KINDS",
    "MAX_JSON_BYTES",
    "SEALS",
    "NoRoomError",
    "Tensors",
    "cache_dir",
    "check_format",
    "check_output",
    "hold",
    "json_text",
    "number_of",
    "parse_json",
    "read_bytes",
    "read_json",
    "reason_of",
    "recover",
    "remove_folder",
    "sha256_file",
    "utf8",
    "write_file",
    "write_folder",
    "write_json",
    "write_tensors",
]
