"""Files that are read and hashed: small untrusted JSON, and the user cache."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from kerasft.errors import KerasftError

MAX_JSON_BYTES = 16 * 2**20


def cache_dir() -> Path:
    """The folder of downloaded models: `$KERASFT_CACHE`, else `~/.cache/kerasft` (not created)."""
    return Path(os.environ.get("KERASFT_CACHE") or "~/.cache/kerasft").expanduser()


def sha256_file(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_text(obj: Any) -> str:
    r"""`obj` as indented JSON; NaN and infinity raise ValueError, since JSON has none.

    Parts that UTF-8 cannot encode, as in a path of another encoding, are escaped: `"\udce9"`.
    """
    return utf8(json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def utf8(text: str) -> str:
    r"""The text as UTF-8: a byte of a path in another encoding becomes `\udce9`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_json(path: str | Path, obj: Any) -> None:
    """Writes `json_text(obj)` in UTF-8."""
    Path(path).write_text(json_text(obj), encoding="utf-8", newline="\n")


def read_json(
    path: str | Path, error_class: type[KerasftError], *, max_bytes: int = MAX_JSON_BYTES
) -> Any:
    """Reads an untrusted JSON file.

    Args:
        error_class: What to raise when the file is missing, larger than `max_bytes`, or not JSON
            (NaN and keys that occur twice are not JSON either).
        max_bytes: The largest file that is read into memory.

    Example:
        >>> read_json("manifest.json", FolderError)["format_version"]
        1
    """
    return parse_json(read_bytes(path, error_class, max_bytes=max_bytes), path, error_class)


def read_bytes(path: str | Path, error_class: type[KerasftError], *, max_bytes: int) -> bytes:
    """Reads an untrusted small file.

    Args:
        error_class: What to raise when the file is missing or larger than `max_bytes`.
        max_bytes: The largest file that is read into memory.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        raise error_class(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > max_bytes:
        raise error_class(f"{path} is larger than {max_bytes} bytes, so it was not read.")
    return raw


def parse_json(raw: bytes, path: str | Path, error_class: type[KerasftError]) -> Any:
    """Parses the bytes of an untrusted JSON file.

    Args:
        path: Their file, for messages.
        error_class: What to raise when they are not JSON; see `read_json`.
    """
    try:
        return json.loads(raw, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # bad UTF-8 and bad JSON are ValueErrors
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise error_class(f"{path} is not valid JSON: {reason}.") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} occurs twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")
