"""Parquet files, as pandas and the database write them."""

import hashlib
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from kerasft.data import parquet_files
from kerasft.data.readers import read_texts
from kerasft.errors import DataError

pytestmark = pytest.mark.plain

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path: Path, **columns) -> Path:
    parquet.write_table(pyarrow.table(columns), path)
    return path


def refused(source: Path, *columns: str) -> str:
    with pytest.raises(DataError) as caught:
        read_texts(source, *columns)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500 and str(source) in message
    return message


def test_rows(tmp_path):
    file = write(
        tmp_path / "data.parquet", id=[1, 2, 3], text=["a\nb", "ü", "c"], label=["x", " y ", "x"]
    )
    table = read_texts(file)
    assert table["text"] == ["a\nb", "ü", "c"] and table["label"] == ["x", "y", "x"]
    assert table.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert list(read_texts(file, "text", None).fields) == ["text"]


def test_types_of_other_writers(tmp_path):
    texts = pyarrow.array(["a", "b"], type=pyarrow.large_string())
    labels = pyarrow.array(["x", "y"]).dictionary_encode()  # a categorical column
    assert read_texts(write(tmp_path / "a.parquet", text=texts, label=labels))["label"] == [
        "x",
        "y",
    ]
    numbers = read_texts(write(tmp_path / "b.parquet", text=texts, label=[3, 4]))
    assert numbers["label"] == ["3", "4"]


def features(path: Path, names: object, labels: list, kind: object = None) -> Path:
    """A file as the `datasets` library writes it."""
    table = pyarrow.table({"text": ["t"] * len(labels), "label": pyarrow.array(labels, kind)})
    info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), path)
    return path


def test_numbers_whose_names_the_file_knows(tmp_path):
    path = tmp_path / "data.parquet"
    assert read_texts(features(path, ["neg", "pos"], [0, 1, 1]))["label"] == ["neg", "pos", "pos"]
    assert read_texts(features(path, ["neg", "pos"], [0.0, 1.0]))["label"] == ["neg", "pos"]
    assert read_texts(features(path, ["neg", "pos"], ["neg", "x"]))["label"] == ["neg", "x"]
    for labels in ([0, None, 1], [0.0, None, 1.0]):
        assert "empty label in row 2" in refused(features(path, ["neg", "pos"], labels))
    assert "row 2 has 7 as 'label', which names 2 classes" in refused(
        features(path, ["neg", "pos"], [0, 7])
    )
    for wrong in (None, {"0": "neg"}, [1, 2], "ab"):  # names of no kind that we know
        assert read_texts(features(path, wrong, [0, 1]))["label"] == ["0", "1"]
    table = pyarrow.table({"text": ["a"], "label": [3]})
    for junk in (b"[" * 9999, b"{}", b"[1]", b"\xff", b'{"info": {"features": {"label": 3}}}'):
        parquet.write_table(table.replace_schema_metadata({"huggingface": junk}), path)
        assert read_texts(path)["label"] == ["3"]


def test_rows_without_a_gold_label_are_left_out_and_counted(tmp_path):
    """As SNLI is on the hub: -1 is what its writers did not agree on."""
    names = ["entailment", "neutral", "contradiction"]
    path = features(tmp_path / "snli.parquet", names, [0, -1, 2, 1, -1])
    table = parquet.read_table(path)
    table = table.append_column("hypothesis", pyarrow.array([f"h {row}" for row in range(5)]))
    parquet.write_table(table, path)
    found = read_texts(path, text_pair_column="hypothesis")
    assert found["label"] == ["entailment", "contradiction", "neutral"]
    assert found["text_pair"] == ["h 0", "h 2", "h 3"]
    assert found.dropped == {"rows without a label": 2}
    message = f"{path} has 2 rows, but none of them has a label"
    assert message in refused(features(path, names, [-1, -1]))  # as the test parts of GLUE


def test_numbers_of_few_bits_are_written_as_people_write_them(tmp_path):
    for kind in (pyarrow.float16(), pyarrow.float32(), pyarrow.float64()):
        values = pyarrow.array(np.array([0.1, 2.5, 1.0], dtype=kind.to_pandas_dtype()))
        file = write(tmp_path / "data.parquet", text=["a", "b", "c"], label=values)
        assert read_texts(file)["label"] == ["0.1", "2.5", "1.0"]
    prices = pyarrow.array([Decimal("1.50"), Decimal("2.00")])
    file = write(tmp_path / "data.parquet", text=["a", "b"], label=prices)
    assert read_texts(file)["label"] == ["1.50", "2.00"]


def test_many_row_groups_and_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_files, "_BATCH", 7)
    texts = [f"text {i % 40}" if i % 3 else None for i in range(200)]
    table = pyarrow.table({"x": range(200), "text": texts, "label": [i % 2 for i in range(200)]})
    parquet.write_table(table, tmp_path / "data.parquet", row_group_size=30)
    found = read_texts(tmp_path / "data.parquet", blank_texts="drop")
    assert found["text"] == [text for text in texts if text]
    assert found["label"] == [str(i % 2) for i, text in enumerate(texts) if text]


def test_rows_without_a_text(tmp_path):
    file = write(tmp_path / "data.parquet", text=["a", None, " "], label=["x", "y", "x"])
    assert "has an empty text in rows 2 and 3" in refused(file)
    table = read_texts(file, blank_texts="drop")
    assert table["text"] == ["a"] and table.dropped == {"rows without a text": 2}


def test_refusals(tmp_path):
    file = write(tmp_path / "data.parquet", text=["a", "b"], label=[["x"], ["y"]], number=[1, 2])
    assert "has list<element: string> as 'label'; a label is" in refused(file)
    assert "has no column 'topic'; its columns are 'text', 'label'" in refused(
        file, "text", "topic"
    )
    assert "has int64 as 'number'; its texts must be strings" in refused(file, "number", "text")
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
        "from kerasft.data.readers import read_texts\n"
        "from kerasft.errors import DataError\n"
        "try:\n    read_texts(sys.argv[1])\n"
        "except DataError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (
        f"{file} needs the pyarrow library; run: pip install 'kerasft[hub-datasets]'."
    )
