"""What we write is read back equal, and no cell of it runs in a spreadsheet."""

import csv
import json

import pytest

from kerasft.data.csv_writing import CsvWriter
from kerasft.data.readers import read_texts

pytestmark = pytest.mark.plain

FORMULAS = [
    "=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\0=1",
    "\uff1d1+1", "'=1", "''=1", "' =1", "'\t", "=", "-", "--", "+39 02 1234",
]  # fmt: skip
HARMLESS = [
    "plain", "'tis", "''", "-1", "+1.5", "-.5e-3", "1", "a=b", "a,b", 'say "no"', '"', '""',
    "two\nlines", "two\r\nlines", "a\rb", "tab\tinside", "nul\0", " x ", "\u2028x", "'-1", "🎉",
    '"text"',
]  # fmt: skip


def written(path, rows):
    with (
        open(path, "w+", encoding="utf-8", newline="") as stream,
        CsvWriter(stream, ["text", "label"], "," if path.suffix == ".csv" else "\t") as writer,
    ):
        for row in rows:
            writer.write(row)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_everything_is_read_back_equal(tmp_path, suffix):
    texts = FORMULAS + HARMLESS
    for name, chosen in (("all", texts), ("harmless", HARMLESS), ("plain", ["plain", "'=", "x"])):
        path = written(tmp_path / f"{name}{suffix}", [(text, f"={text}") for text in chosen])
        assert read_texts(path, label_column=None)["text"] == chosen
    for text in texts:  # whatever the file says at its top is said for one cell alone, too
        path = written(tmp_path / f"one{suffix}", [("x", "y"), (text, "=z")])
        table = read_texts(path)
        assert (table["text"], table["label"]) == (["x", text], ["y", "=z"])
        path = written(tmp_path / f"one{suffix}", [(text, "y")])
        assert read_texts(path)["text"] == [text]


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_no_cell_begins_like_a_formula(tmp_path, suffix):
    path = written(tmp_path / f"data{suffix}", [(text, text) for text in FORMULAS + HARMLESS])
    with open(path, encoding="utf-8", newline="") as stream:
        cells = [row for row in csv.reader(stream, delimiter=",\t"[suffix == ".tsv"])][1:]
    for text, row in zip(FORMULAS + HARMLESS, cells, strict=True):
        assert row == ([f"'{text}"] * 2 if text in FORMULAS or text == "'-1" else [text] * 2)


def test_harmless_files_are_as_ever(tmp_path):
    path = written(tmp_path / "data.csv", [("a, b", "-1"), ("'quoted'", "x")])
    assert path.read_bytes() == b"text,label\n\"a, b\",-1\n'quoted',x\n"
    path = written(tmp_path / "marked.csv", [("a", "=1")])
    assert path.read_bytes() == b'"text",label\na,\'=1\n'


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
def test_files_of_others_keep_their_apostrophes(tmp_path, quoting):
    rows = [["text", "label"], ["'=1", "'-x"], ["''=1", "'@y"], ["=1", "-x"]]
    with open(tmp_path / "data.csv", "w", newline="") as stream:
        csv.writer(stream, quoting=quoting).writerows(rows)
    table = read_texts(tmp_path / "data.csv")
    assert list(zip(table["text"], table["label"], strict=True)) == [tuple(row) for row in rows[1:]]


def test_a_text_of_json_comes_back(tmp_path):
    """JSON can hold what a csv file hardly can, a NUL among it."""
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "a\0\r\nb"}) + "\n")
    texts = read_texts(tmp_path / "a.jsonl", label_column=None)["text"]
    path = written(tmp_path / "a.csv", [(text, "x") for text in texts])
    assert read_texts(path)["text"] == texts == ["a\0\r\nb"]


def test_a_header_that_could_not_be_told_apart_is_refused(tmp_path):
    with (
        open(tmp_path / "a.csv", "w+", newline="") as stream,
        pytest.raises(ValueError, match="does not begin with 'text'"),
    ):
        CsvWriter(stream, ["label", "text"])
