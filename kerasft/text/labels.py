"""The label map: class names to ids and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasft.errors import DataError


@dataclass(frozen=True)
class LabelMap:
    """The names of the classes, in id order.

    Saved as `label_map.json`: {"0": "business", "1": "sports"}.

    Example:
        >>> labels = LabelMap.from_labels(["sports", "business", "sports"])
        >>> labels.encode(["sports"])
        array([1], dtype=int32)
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise DataError("a label map needs at least one class")
        for name in self.names:
            if not isinstance(name, str) or not name.strip():
                raise DataError(f"a class is named {name!r}; class names are non-empty strings")
            _check_unicode(name)
        if len(set(self.names)) < len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise DataError(f"two classes have the same name: {', '.join(map(repr, twice))}")

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def from_labels(cls, labels: Iterable[str]) -> LabelMap:
        """Makes the map of all labels that occur, sorted by code point (the same on any machine).

        Raises:
            DataError: A label is empty or not a string, or there is none.
        """
        distinct = set(labels)
        for label in distinct:
            if not isinstance(label, str):
                raise DataError(f"label {label!r} is a {type(label).__name__}, not a string")
        return cls(tuple(sorted(distinct)))

    def encode(self, labels: Sequence[str]) -> np.ndarray:
        """Class names to ids.

        Args:
            labels: (rows,) class names.

        Returns:
            (rows,) int32 ids.

        Raises:
            DataError: A label is not in the map; the message names it, its row and the known ones.
        """
        ids = {name: i for i, name in enumerate(self.names)}
        unseen: dict[str, int] = {}
        for row, label in enumerate(labels):
            if label not in ids:
                unseen.setdefault(label, row)
        if unseen:
            some = ", ".join(f"{label!r} (row {row})" for label, row in list(unseen.items())[:5])
            more = f" and {len(unseen) - 5} more" if len(unseen) > 5 else ""
            raise DataError(
                f"labels that training has not seen: {some}{more}; the known ones are "
                f"{_shorten(self.names)}"
            )
        return np.array([ids[label] for label in labels], dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Ids (rows,) to class names.

        Raises:
            DataError: An id is outside 0 ... len - 1.
        """
        names = []
        for i in ids:
            if not 0 <= int(i) < len(self.names):
                raise DataError(f"there is no class {int(i)}; ids go from 0 to {len(self) - 1}")
            names.append(self.names[int(i)])
        return names

    def to_dict(self) -> dict[str, str]:
        """The content of `label_map.json`: id (as a string) to name."""
        return {str(i): name for i, name in enumerate(self.names)}

    @classmethod
    def from_dict(cls, content: object, source: str = "the label map") -> LabelMap:
        """Checks and reads the content of `label_map.json`.

        Args:
            content: What the JSON file holds.
            source: Its name in messages.

        Raises:
            DataError: The content is not {"0": name, "1": name, ...} without gaps.
        """
        if not isinstance(content, dict) or set(content) != {str(i) for i in range(len(content))}:
            raise DataError(f'{source} is not an object {{"0": name, "1": name, ...}} without gaps')
        return cls(tuple(content[str(i)] for i in range(len(content))))

    def save(self, path: str | Path) -> None:
        """Writes `label_map.json`."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=2)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> LabelMap:
        """Reads `label_map.json`.

        Raises:
            DataError: The file is missing, is not JSON, or does not hold a label map.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"cannot read the label map {path}: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise DataError(f"{path} is not a JSON file") from None
        return cls.from_dict(content, str(path))


def _check_unicode(name: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"class name {name!r} holds a lone surrogate (half a character)") from None


def _shorten(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
