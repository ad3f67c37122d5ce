"""The one door to labelled texts: a file or a hub data set by name."""

from pathlib import Path
from typing import Literal

from kerasft.data.csv_files import read_csv
from kerasft.data.hub import read_hub
from kerasft.data.jsonl_files import read_jsonl
from kerasft.data.parquet_files import read_parquet
from kerasft.data.samples import local_path
from kerasft.data.table import BlankTexts, Columns, Table, check_classes
from kerasft.data.zip_files import read_zip
from kerasft.errors import DataError

__all__ = ["Table", "check_classes", "read_table"]


def read_table(
    source: str | Path,
    text_column: str = "text",
    label_column: str | None = "label",
    *,
    blank_texts: BlankTexts = "refuse",
    labels: Literal["classes", "texts"] = "classes",
) -> Table:
    """Reads texts and labels.

    Args:
        source: FILE.csv, FILE.tsv or FILE.jsonl (UTF-8), FILE.parquet, FILE.zip (with one csv file
            in it), or hub:NAME or hub:NAME:CONFIG (the "train" part of a data set of the Hugging
            Face hub).
        text_column: Name of the column (key) with the texts.
        label_column: Likewise for the classes; None reads texts alone.
        blank_texts: "refuse" raises where a text is blank; "drop" leaves such rows out and counts
            them in the table's `dropped`.
        labels: "classes" makes labels that look the same one class, which the table's `notes` say;
            "texts" reads them as texts, on one line.

    Raises:
        DataError: The source cannot be read or used; the message says where and why.

    Example:
        >>> table = read_table("complaints.csv", "narrative", "product")
        >>> table.texts[0], table.labels[0]
    """
    name = str(source)
    columns = Columns(text_column, label_column, blank_texts, labels)
    if name.startswith("hub:"):
        return read_hub(name.removeprefix("hub:"), columns)
    path = local_path(source)
    match path.suffix.lower():
        case ".csv":
            return read_csv(path, ",", columns)
        case ".tsv":
            return read_csv(path, "\t", columns)
        case ".jsonl":
            return read_jsonl(path, columns)
        case ".zip":
            return read_zip(path, columns)
        case ".parquet":
            return read_parquet(path, columns)
    raise DataError(
        f"{name} is none of FILE.csv, FILE.tsv, FILE.jsonl, FILE.parquet, FILE.zip, hub:NAME and "
        "sample:NAME; convert it to one of these"
    )
