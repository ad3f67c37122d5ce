"""Data sets of the Hugging Face hub, through the `datasets` library."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Sequence
from typing import Any

from kerasft.data.rows import Field, RawRow, Rows, check_columns, make_rows, quoted, value_of
from kerasft.data.text_files import Budget
from kerasft.errors import DataError

# Seconds that the hub has to answer before it counts as out of reach.
TIMEOUT = 10.0
# Of the numbers that need care.
_BITS = {"float16": 16, "float32": 32}


def read_hub(name: str, fields: Sequence[Field]) -> Rows:
    """Reads the "train" part of a hub data set.

    Class ids become class names; rows with -1, which is no label, are left out and counted. The
    environment variables of Hugging Face's tools count: `HF_TOKEN` for private and gated data sets,
    `HF_ENDPOINT` for a mirror, `HF_HUB_OFFLINE=1` to take what an earlier run has downloaded.

    Args:
        name: "NAME" or "NAME:CONFIG", without "hub:".
        fields: What is wanted.

    Raises:
        DataError: `datasets` is not installed, the data set does not exist, cannot be reached or
            read, or lacks a part or column.
    """
    source = f"hub:{name}"
    data = open_hub(name)
    check_columns(source, data.column_names, fields)
    # A class-label feature keeps the names.
    features = [data.features[wanted.column] for wanted in fields]
    # A list has the feature of what it holds.
    held = [getattr(feature, "feature", feature) for feature in features]
    names = [getattr(feature, "names", None) for feature in held]
    bits = [_BITS.get(getattr(feature, "dtype", ""), 64) for feature in held]
    budget = Budget(source)
    rows: list[RawRow] = []
    columns = [data[wanted.column] for wanted in fields]
    for number, values in enumerate(zip(*columns, strict=True), start=1):
        where = f"{source} row {number}"
        found = map(value_of, values, fields, itertools.repeat(where), names, bits)
        row: RawRow = (number, *found)
        budget.take("row", *row)
        rows.append(row)
    digest = hashlib.sha256(json.dumps([row[1:] for row in rows]).encode()).hexdigest()
    return make_rows(rows, fields, source=source, sha256=digest, unit="row")


def open_hub(name: str) -> Any:
    """Downloads the "train" part of a hub data set.

    Args:
        name: "NAME" or "NAME:CONFIG", without "hub:".

    Returns:
        A `datasets.Dataset`.

    Raises:
        DataError: `datasets` is not installed, or the data set does not exist, cannot be reached
            or read, or has no such part.
    """
    source = f"hub:{name}"
    parts = open_hub_parts(name)
    if "train" not in parts:
        raise DataError(
            f'{source} has no part "train", only {quoted(list(parts))}; save the part you want as '
            "a csv file"
        )
    return parts["train"]


def open_hub_parts(name: str) -> dict[str, Any]:
    """Downloads all parts of a hub data set.

    Args:
        name: "NAME" or "NAME:CONFIG", without "hub:".

    Returns:
        Name of the part ("train", "validation", ...) -> a `datasets.Dataset`.

    Raises:
        DataError: `datasets` is not installed, or the data set does not exist or cannot be reached
            or read.
    """
    source = f"hub:{name}"
    repository, _, configuration = name.partition(":")
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", repository):
        raise DataError(f"{source!r} names no hub data set; write hub:NAME or hub:NAME:CONFIG")
    if os.path.exists(repository):
        raise DataError(
            f"there is a local file or folder {repository!r}, which the datasets library would "
            f"read in place of {source}; start from another folder"
        )
    try:
        import datasets
    except ImportError:
        raise DataError(
            f"{source} needs the datasets library; run: pip install 'kerasft[hub-datasets]'"
        ) from None
    if not datasets.config.HF_HUB_OFFLINE:
        _check_reachable(source, repository)
    return _load(datasets, source, repository, configuration or None)


def _check_reachable(source: str, repository: str) -> None:
    """Asks the hub for the data set, once: the library itself would try for half a minute."""
    import huggingface_hub
    from huggingface_hub import constants, errors

    try:
        huggingface_hub.HfApi().dataset_info(repository, timeout=TIMEOUT)
    except errors.GatedRepoError:
        raise DataError(
            f"{source} is gated: accept its terms at {constants.ENDPOINT}/datasets/{repository} "
            "and set HF_TOKEN to your token"
        ) from None
    except errors.RepositoryNotFoundError:
        token = "HF_TOKEN may not open it" if huggingface_hub.get_token() else "HF_TOKEN is not set"
        raise DataError(
            f"{constants.ENDPOINT} has no data set {repository!r}, or it is private and {token}"
        ) from None
    except Exception as error:
        raise DataError(
            f"cannot reach {source} at {constants.ENDPOINT} ({_first_line(error)}); take a local "
            "file, or set HF_HUB_OFFLINE=1 if an earlier run has downloaded it"
        ) from None


def _load(datasets: Any, source: str, repository: str, configuration: str | None) -> dict[str, Any]:
    """Downloads a data set and returns its parts (each a `datasets.Dataset`)."""
    try:
        builder = datasets.load_dataset_builder(repository, configuration)
    except ConnectionError:
        raise DataError(
            f"{source} has not been downloaded by an earlier run and HF_HUB_OFFLINE is set; unset "
            "it or use a local file"
        ) from None
    except Exception as error:
        _check_configuration(datasets, source, repository, configuration)
        raise DataError(f"cannot read {source}: {_first_line(error)}") from None
    try:
        builder.download_and_prepare()
        return {str(part): builder.as_dataset(split=part) for part in builder.info.splits}
    except Exception as error:
        raise DataError(f"cannot read {source}: {_first_line(error)}") from None


def _check_configuration(
    datasets: Any, source: str, repository: str, configuration: str | None
) -> None:
    """Raises a DataError if the data set was refused for the configuration that was asked for."""
    try:
        names = datasets.get_dataset_config_names(repository)
    except Exception:
        return
    if configuration is not None and configuration not in names:
        raise DataError(f"{source} has no configuration {configuration!r}, only {quoted(names)}")
    if configuration is None and len(names) > 1:
        raise DataError(
            f"{source} has several configurations: {quoted(names)}; choose with "
            f"hub:{repository}:CONFIG"
        )


def _first_line(error: BaseException) -> str:
    """The gist of a library's error: its first line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
