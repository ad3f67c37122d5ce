"""Values of a checkpoint's JSON, each of the type and range that a run needs, or a sentence."""

import json
import math
from collections.abc import Mapping
from typing import Any


class BrokenState(ValueError):
    """A value that no run has written; the text says which, to be put behind the file's name."""


class StateReader:
    """Reads the values of a JSON object that may have been damaged or made by anyone.

    Args:
        data: The object.
        where: Its place, for the sentences: "history".

    Raises:
        BrokenState: It is no object; and each method, where the value is not what it reads.

    Example:
        >>> StateReader({"seen": 3}, "history").whole("seen")
        3
    """

    def __init__(self, data: Any, where: str = "") -> None:
        self._where = f"{where}: " if where else ""
        if not isinstance(data, dict):
            raise BrokenState(f"{self._where}{_short(data)} is no object")
        self._data: Mapping[str, Any] = data

    def whole(self, key: str, most: int | None = None) -> int:
        """A whole number from 0, up to `most`."""
        value = self._get(key)
        if type(value) is not int or value < 0 or (most is not None and value > most):
            bound = "0 or more" if most is None else f"0 to {most}"
            raise self._broken(key, value, f"a whole number, {bound}")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self._get(key)
        if not _is_number(value):
            raise self._broken(key, value, "a number")
        return value

    def seconds(self, key: str) -> float:
        """A finite number from 0."""
        value = self.number(key)
        if value < 0:
            raise self._broken(key, value, "0 or more")
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        return self._of_type(key, bool, "true or false")

    def text(self, key: str) -> str:
        """A text."""
        return self._of_type(key, str, "a text")

    def mapping(self, key: str) -> dict[str, Any]:
        """An object."""
        return self._of_type(key, dict, "an object")

    def texts_by_name(self, key: str) -> dict[str, str]:
        """An object whose values are texts."""
        value = self.mapping(key)
        if not all(isinstance(each, str) for each in value.values()):
            raise self._broken(key, value, "texts by name")
        return value

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        value = self._of_type(key, list, "a list of texts")
        if not all(isinstance(each, str) for each in value):
            raise self._broken(key, value, "a list of texts")
        return value

    def numbers(self, key: str) -> list[float]:
        """A list of finite numbers."""
        value = self._of_type(key, list, "a list of numbers")
        if not all(map(_is_number, value)):
            raise self._broken(key, value, "a list of numbers")
        return value

    def rows(self, key: str) -> list[dict[str, float]]:
        """A list of objects whose values are finite numbers."""
        value = self._of_type(key, list, "a list of objects")
        for row in value:
            if not isinstance(row, dict) or not all(map(_is_number, row.values())):
                raise self._broken(key, row, "numbers by name")
        return value

    def is_null(self, key: str) -> bool:
        """Whether the value is null."""
        return self._get(key) is None

    def only(self, *keys: str) -> None:
        """Refuses every other key."""
        for key in self._data:
            if key not in keys:
                raise BrokenState(f"{self._where}{_short(key)} is unknown")

    def _get(self, key: str) -> Any:
        if key not in self._data:
            raise BrokenState(f"{self._where}{key} is missing")
        return self._data[key]

    def _of_type(self, key: str, kind: type, what: str) -> Any:
        value = self._get(key)
        if type(value) is not kind:
            raise self._broken(key, value, what)
        return value

    def _broken(self, key: str, value: Any, what: str) -> BrokenState:
        return BrokenState(f"{self._where}{key} is {_short(value)}, but must be {what}")


def _is_number(value: Any) -> bool:
    """Whether JSON has given a finite number (true and false are none) that a float can hold."""
    if type(value) is int:
        return abs(value) < 2**63
    return type(value) is float and math.isfinite(value)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:56]}..."
