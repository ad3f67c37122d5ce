"""The file that keeps what frozen layers made of texts: safe to share, to kill and to find again.

A store is a folder:

    backbone.json    whose features these are, and of which type
    index         one record a text: its key, where its features begin, its tokens, two checksums
    features      the features themselves, one text behind the other, without padding

Whoever adds texts takes the lock, reads the records that others have added, writes the features
behind the last published ones and then their records. A record that is there is thus the promise
that its features are. A kill between the two leaves features that are not listed, and the next
writer overwrites them; a kill within the records leaves a piece of one, which no reader takes and
the next writer overwrites too. A kill drops the lock, since the system holds it. What a power cut
or a bad disk may do beyond that, the checksums find: such a text counts as not kept.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from kerasft import storage
from kerasft.errors import ConfigError

FACTS, INDEX, FEATURES, LOCK = "backbone.json", "index", "features", "lock"
KIND = "kerasft backbone features"
FORMAT_VERSION = 1
# A text in the index: key, first byte, tokens, checksum of the features; then that of all this.
_RECORD = struct.Struct("<32sQII")
_CHECK = struct.Struct("<I")
RECORD_BYTES = _RECORD.size + _CHECK.size
LOCK_SECONDS = 60


class _Entry(NamedTuple):
    """Where a text's features are: their first byte, their tokens and their checksum."""

    offset: int
    tokens: int
    checksum: int


class FeatureStore:
    """Hidden states of texts by key, on disk; many processes may read and add at a time.

    A text's features never change once they are there: who adds a text that another process has
    added meanwhile gets the other's features back. So all that a run trains on stands in the file,
    and a run that goes on after a kill finds the very same numbers.

    Attributes:
        dtype: Of the features, float16 or float32.
        width: Values of a token.
        max_bytes: Most bytes of features; None is no limit.

    Example:
        >>> store = FeatureStore("cache/backbone-01", backbone="01...", width=384, dtype="float16")
        >>> store.add({key: np.zeros((12, 384), "float16")})
        >>> store.get(key, 12).shape
        (12, 384)
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        backbone: str,
        width: int,
        dtype: str = "float16",
        max_bytes: int | None = None,
    ):
        """Opens a store, or makes an empty one.

        Args:
            folder: Its folder; it is made if it is not there.
            backbone: The digest of whatever makes the features; a store of another one is refused.
            width: Values of a token.
            dtype: "float16" or "float32".
            max_bytes: Most bytes of features; None is no limit.

        Raises:
            ConfigError: The folder cannot be written or holds something else.
        """
        self.folder, self.width, self.dtype = Path(folder), width, np.dtype(dtype)
        self.max_bytes = max_bytes
        self._entries: dict[bytes, _Entry] = {}
        self._checked: set[bytes] = set()
        self._read = 0  # bytes of the index that were read
        self._end = 0  # bytes of features that are published
        self._map: mmap.mmap | None = None
        self._lock = FileLock(self.folder / LOCK, timeout=LOCK_SECONDS)
        facts = {
            "kind": KIND,
            "format_version": FORMAT_VERSION,
            "backbone": backbone,
            "width": width,
            "dtype": dtype,
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock:
                if not (self.folder / FACTS).exists():
                    with storage.write_file(self.folder / FACTS) as path:
                        storage.write_json(path, facts)
                if storage.read_json(self.folder / FACTS, ConfigError) != facts:
                    raise ConfigError(
                        f"{folder} holds features of another model or format; remove that folder."
                    )
                for name in (INDEX, FEATURES):
                    (self.folder / name).touch()
                self._refresh(locked=True)
        except OSError as error:
            raise ConfigError(f"{folder} cannot be used: {error}.") from error

    def __len__(self) -> int:
        """Number of texts that are kept."""
        return len(self._entries)

    def __contains__(self, key: bytes) -> bool:
        """Whether a text is kept, as far as is known without looking at its features."""
        return key in self._entries

    @property
    def size(self) -> int:
        """Bytes of the features."""
        return self._end

    def get(self, key: bytes, tokens: int) -> np.ndarray | None:
        """The features of a text.

        Args:
            key: Its key, 32 bytes.

        Returns:
            (tokens, width), a view of the file that must not be written to; None if the text is
            not kept, or its features are damaged.
        """
        if key not in self._entries:
            self._refresh()
        entry = self._entries.get(key)
        if entry is None or entry.tokens != tokens:
            return None
        features = self._view(entry)
        if features is not None and key not in self._checked:
            if zlib.crc32(features.data) != entry.checksum:
                features = None
            self._checked.add(key)
        if features is None:
            del self._entries[key]
            self._checked.discard(key)
        return features

    def add(self, features: Mapping[bytes, np.ndarray]) -> dict[bytes, np.ndarray]:
        """Keeps texts, unless they are kept by now.

        Args:
            features: (tokens, width) of each key, of the store's dtype.

        Returns:
            What is kept for each key: another process's features where it came first.

        Raises:
            OSError: They cannot be written, or there is no room for them. What was kept before is
                as it was.
        """
        with self._lock:
            self._refresh(locked=True)
            kept: dict[bytes, np.ndarray] = {}
            new: dict[bytes, np.ndarray] = {}
            for key, rows in features.items():
                found = self.get(key, len(rows))
                if found is None:
                    new[key] = np.ascontiguousarray(rows, dtype=self.dtype)
                kept[key] = rows if found is None else found
            if new:
                self._append(new)
        return kept

    def close(self) -> None:
        """Lets go of the file; what `get` has returned stays readable."""
        self._map = None

    def _append(self, new: Mapping[bytes, np.ndarray]) -> None:
        """Writes features, then their records; the lock is held and the index read."""
        size = sum(rows.nbytes for rows in new.values())
        if self.max_bytes is not None and self._end + size > self.max_bytes:
            raise OSError(f"the limit of {self.max_bytes / 1e9:.3g} GB is reached")
        records, offset = [], self._end
        for key, rows in new.items():
            record = _RECORD.pack(key, offset, len(rows), zlib.crc32(rows.data))
            records += [record, _CHECK.pack(zlib.crc32(record))]
            offset += rows.nbytes
        try:
            _write_at(
                self.folder / FEATURES, self._end, b"".join(rows.tobytes() for rows in new.values())
            )
            # A piece of a record that a killed writer left is overwritten: only whole ones count.
            _write_at(self.folder / INDEX, self._read, b"".join(records))
        except OSError:
            # Unlisted features must not take the room that the run's checkpoint needs.
            for name, size in ((FEATURES, self._end), (INDEX, self._read)):
                with suppress(OSError):
                    os.truncate(self.folder / name, size)
            raise
        self._refresh(locked=True)
        self._checked.update(new)  # they have just been made

    def _refresh(self, *, locked: bool = False) -> None:
        """Reads the records that were added since the last look.

        A record with a wrong checksum may be one that is being written right now; only who holds
        the lock knows that it is damaged, and goes on behind it.
        """
        path = self.folder / INDEX
        try:
            if os.stat(path).st_size < self._read + RECORD_BYTES:
                return
            with open(path, "rb") as file:
                file.seek(self._read)
                raw = file.read()
        except FileNotFoundError:  # someone has removed the folder: nothing is new in it
            return
        for start in range(0, len(raw) - RECORD_BYTES + 1, RECORD_BYTES):
            record = raw[start : start + _RECORD.size]
            (check,) = _CHECK.unpack_from(raw, start + _RECORD.size)
            if zlib.crc32(record) == check:
                key, *place = _RECORD.unpack(record)
                self._note(key, _Entry(*place))
            elif not locked:
                return
            self._read += RECORD_BYTES

    def _note(self, key: bytes, entry: _Entry) -> None:
        """Takes an entry; where a key has two, the earlier one's features were damaged."""
        self._entries[key] = entry
        self._checked.discard(key)
        size = entry.tokens * self.width * self.dtype.itemsize
        self._end = max(self._end, entry.offset + size)

    def _view(self, entry: _Entry) -> np.ndarray | None:
        """(tokens, width) of the mapped file; None where it is shorter than the index says."""
        count = entry.tokens * self.width
        end = entry.offset + count * self.dtype.itemsize
        if self._map is None or end > len(self._map):
            path = self.folder / FEATURES
            if not path.exists() or end > path.stat().st_size:
                return None
            with open(path, "rb") as file:
                # The former map goes when the last view of it has gone.
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        rows = np.frombuffer(self._map, self.dtype, count, entry.offset)
        return rows.reshape(entry.tokens, self.width)


def _write_at(path: Path, offset: int, content: bytes) -> None:
    """Writes bytes into a file from an offset on; what stands behind them stays."""
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def size_of_stores(directory: Path) -> int:
    """Bytes of the features of all stores in a directory."""
    size = 0
    for path in directory.glob(f"*/{FEATURES}"):
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size
