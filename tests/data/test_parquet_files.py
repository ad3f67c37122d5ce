"""Parquet files, as pandas and the database write them."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from kerasft.data.readers import read_table
from kerasft.errors import DataError

pytestmark = pytest.mark.plain

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path: Path, **columns) -> Path:
    parquet.write_table(pyarrow.table(columns), path)
    return path


def refused(source: Path, *columns: str) -> str:
    with pytest.raises(DataError) as caught:
        read_table(source, *columns)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500 and str(source) in message
    return message


def test_rows(tmp_path):
    file = write(
        tmp_path / "data.parquet", id=[1, 2, 3], text=["a\nb", "ü", "c"], label=["x", " y ", "x"]
    )
    table = read_table(file)
    assert table.texts == ["a\nb", "ü", "c"] and table.labels == ["x", "y", "x"]
    assert table.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert read_table(file, "text", None).labels == []


def test_types_of_other_writers(tmp_path):
    texts = pyarrow.array(["a", "b"], type=pyarrow.large_string())
    labels = pyarrow.array(["x", "y"]).dictionary_encode()  # a categorical column
    assert read_table(write(tmp_path / "a.parquet", text=texts, label=labels)).labels == ["x", "y"]
    numbers = read_table(write(tmp_path / "b.parquet", text=texts, label=[3, 4]))
    assert numbers.labels == ["3", "4"]


def test_rows_without_a_text(tmp_path):
    file = write(tmp_path / "data.parquet", text=["a", None, " "], label=["x", "y", "x"])
    assert "has an empty text in rows 2 and 3" in refused(file)
    table = read_table(file, blank_texts="drop")
    assert table.texts == ["a"] and table.dropped == {"rows without a text": 2}


def test_refusals(tmp_path):
    file = write(tmp_path / "data.parquet", text=["a", "b"], label=[["x"], ["y"]], number=[1, 2])
    assert "row 1 has a list as 'label'" in refused(file)
    assert "has no column 'topic'; its columns are 'text', 'label'" in refused(
        file, "text", "topic"
    )
    assert "row 1 has a whole number as 'number'" in refused(file, "number", "text")
    empty = write(tmp_path / "empty.parquet", text=[], label=[])
    assert "has no rows" in refused(empty)
    assert "there is no file" in refused(tmp_path / "absent.parquet")
    file.write_bytes(file.read_bytes()[:-40])
    assert "is not a parquet file that can be read" in refused(file)
    (tmp_path / "text.parquet").write_text("text,label\na,b\n")
    assert "is not a parquet file" in refused(tmp_path / "text.parquet")


def test_without_pyarrow(tmp_path):
    file = write(tmp_path / "data.parquet", text=["a"], label=["x"])
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from kerasft.data.readers import read_table\n"
        "from kerasft.errors import DataError\n"
        "try:\n    read_table(sys.argv[1])\n"
        "except DataError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (
        f"{file} needs the pyarrow library; run: pip install 'kerasft[hub-datasets]'"
    )
