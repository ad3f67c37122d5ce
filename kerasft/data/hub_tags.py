"""Words with tags from data sets of the Hugging Face hub: lists of tokens beside lists of tags."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from kerasft.data.class_names import kind_of
from kerasft.data.hub import open_hub_parts
from kerasft.data.rows import Rows, quoted
from kerasft.data.text_files import Budget
from kerasft.errors import DataError

VALIDATION_PARTS = ("validation", "valid", "dev")


def read_hub_tags(
    name: str, *, tokens_field: str = "tokens", tags_field: str = "ner_tags"
) -> dict[str, Rows]:
    """Reads all parts of a hub data set.

    The tags are strings, or numbers whose names the data set knows. Rows without tokens are left
    out and counted.

    Args:
        name: "NAME" or "NAME:CONFIG", without "hub:".
        tokens_field: The column with the lists of tokens.
        tags_field: The column with the lists of tags, as long.

    Returns:
        "train" and, if the data set has them, "validation" and "test" -> rows with the fields of
        `read_conll`; "lines" are numbers of rows.

    Raises:
        DataError: The data set cannot be had, has no such columns, no part "train", or a row is
            broken.
    """
    found = open_hub_parts(name)
    source = f"hub:{name}"
    if "train" not in found:
        raise DataError(f'{source} has no part "train", only {quoted(list(found))}')
    validation = next((part for part in VALIDATION_PARTS if part in found), None)
    wanted = {"train": "train", "validation": validation, "test": "test"}
    return {
        ours: _table(found[part], f"{source} ({part})", tokens_field, tags_field)
        for ours, part in wanted.items()
        if part in found
    }


def _table(data: Any, source: str, tokens_field: str, tags_field: str) -> Rows:
    for option, column in (("tokens_field", tokens_field), ("tags_field", tags_field)):
        if column not in data.column_names:
            raise DataError(
                f"{source} has no column {column!r}; its columns are {quoted(data.column_names)} "
                f"(choose with --{option})"
            )
    feature = data.features[tags_field]
    names = getattr(getattr(feature, "feature", None), "names", None)
    fields: dict[str, list[tuple[Any, ...]]] = {"tokens": [], "tags": [], "lines": []}
    empty = 0
    budget = Budget(source)
    for row, (tokens, tags) in enumerate(zip(data[tokens_field], data[tags_field], strict=True), 1):
        where = f"{source} row {row}"
        for values, column in ((tokens, tokens_field), (tags, tags_field)):
            if not isinstance(values, list):
                raise DataError(f"{where} has {kind_of(values)} as {column!r}; it must be a list")
        if len(tokens) != len(tags):
            raise DataError(f"{where} has {len(tokens)} tokens, but {len(tags)} tags")
        for token in tokens:
            if not isinstance(token, str) or not token.strip(" \t\r\n"):
                raise DataError(f"{where} has the token {token!r}; tokens are strings, none blank")
        if not tokens:
            empty += 1
            continue
        written = tuple(_tag(value, names, where, tags_field) for value in tags)
        stripped = tuple(token.strip() or token.strip(" \t\r\n") for token in tokens)
        budget.take("row", row, *stripped)
        fields["tokens"].append(stripped)
        fields["tags"].append(written)
        fields["lines"].append((row,) * len(tokens))
    content = json.dumps(list(zip(fields["tokens"], fields["tags"], strict=True))).encode()
    notes = [f"{empty} rows of {source} without tokens left out"] if empty else []
    return Rows(fields, source, hashlib.sha256(content).hexdigest(), notes=notes)


def _tag(value: Any, names: list[str] | None, where: str, column: str) -> str:
    """The tag of a value: itself, or the name of its number."""
    if isinstance(value, str):
        return value
    if names is None:
        raise DataError(
            f"{where} has {kind_of(value)} as a tag in {column!r}, but the data set does not name "
            "its tags; give a column with the tags written out with --tags_field"
        )
    if not isinstance(value, int) or not 0 <= value < len(names):
        raise DataError(f"{where} has the tag {value!r}, but {column!r} has {len(names)} tags")
    return names[value]
