"""Reads rows with fields from a file, a sample or a hub data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from kerasft.data.csv_files import read_csv
from kerasft.data.hub import open_hub, read_hub
from kerasft.data.jsonl_files import key_is_list, read_jsonl
from kerasft.data.parquet_files import column_is_list, read_parquet
from kerasft.data.rows import Field, Rows
from kerasft.data.samples import local_path
from kerasft.data.text_pairs import TEXT_PAIR
from kerasft.data.zip_files import read_zip
from kerasft.errors import DataError


def read_rows(source: str | Path, fields: Sequence[Field]) -> Rows:
    """Reads rows with fields.

    Args:
        source: FILE.csv, FILE.tsv or FILE.jsonl (UTF-8), FILE.parquet, FILE.zip (with one csv file
            in it), sample:NAME (which ships with kerasft), or hub:NAME or hub:NAME:CONFIG (the
            "train" part of a data set of the Hugging Face hub).
        fields: The fields that each row is to have, and their columns.

    Raises:
        DataError: The source cannot be read or used; the message says where and why.

    Example:
        >>> rows = read_rows("news.jsonl", [Field("source", "article"), Field("target", "summary")])
        >>> rows["source"][0], rows["target"][0]
    """
    name = str(source)
    if name.startswith("hub:"):
        return read_hub(name.removeprefix("hub:"), fields)
    path = local_path(source)
    match path.suffix.lower():
        case ".csv":
            return read_csv(path, ",", fields)
        case ".tsv":
            return read_csv(path, "\t", fields)
        case ".jsonl":
            return read_jsonl(path, fields)
        case ".zip":
            return read_zip(path, fields)
        case ".parquet":
            return read_parquet(path, fields)
    raise DataError(
        f"{name} is none of FILE.csv, FILE.tsv, FILE.jsonl, FILE.parquet, FILE.zip, hub:NAME and "
        "sample:NAME; convert it to one of these"
    )


def holds_lists(source: str | Path, column: str) -> bool:
    """Whether a column holds lists; False where it does not, or where that cannot be told.

    What is wrong with the source is said by `read_rows`, not here.

    Example:
        >>> holds_lists("posts.jsonl", "emotions")
        True
    """
    name = str(source)
    try:
        if name.startswith("hub:"):
            return hasattr(open_hub(name.removeprefix("hub:")).features.get(column), "feature")
        path = local_path(source)
    except DataError:
        return False
    checks = {".jsonl": key_is_list, ".parquet": column_is_list}
    check = checks.get(path.suffix.lower())
    return check is not None and check(path, column)


def fields_of_texts(
    text_column: str, text_pair_column: str | None, blank: Literal["refuse", "drop"] = "refuse"
) -> list[Field]:
    """The fields "text" and, where pairs are read, "text_pair"; see `read_texts`."""
    fields = [Field("text", text_column, "text", "choose with --text_column", blank)]
    if text_pair_column is not None:
        advice = "choose with --text_pair_column"
        fields.append(Field(TEXT_PAIR, text_pair_column, "text", advice, blank))
    return fields


def read_texts(
    source: str | Path,
    text_column: str = "text",
    label_column: str | None = "label",
    *,
    text_pair_column: str | None = None,
    blank_texts: Literal["refuse", "drop"] = "refuse",
) -> Rows:
    """Reads texts, as the field "text", and their classes, as the field "label".

    With `text_pair_column`, each row has a second text, as the field "text_pair".

    Args:
        source: See `read_rows`.
        text_column: Name of the column (key) with the texts.
        label_column: Likewise for the classes; None reads texts alone.
        text_pair_column: Likewise for the second texts; None reads single texts.
        blank_texts: "refuse" raises where a text is blank; "drop" leaves such rows out and counts
            them.

    Raises:
        DataError: As for `read_rows`.

    Example:
        >>> rows = read_texts("complaints.csv", "narrative", "product")
        >>> rows["text"][0], rows["label"][0]
    """
    fields = fields_of_texts(text_column, text_pair_column, blank_texts)
    if label_column is not None:
        fields.append(Field("label", label_column, "class", "choose with --label_column"))
    return read_rows(source, fields)
