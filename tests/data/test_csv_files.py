"""Comma- and tab-separated files: quotes, delimiters, headers and rows."""

import re
from pathlib import Path

import pytest

from kerasft.data.readers import read_texts
from kerasft.errors import DataError

pytestmark = pytest.mark.plain


def write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode("utf-8"))
    return path


def refused(source: Path, *words: str) -> None:
    """The sentence with which a source is refused has all the words and no line break."""
    with pytest.raises(DataError) as caught:
        read_texts(source)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message and len(message) < 500


def test_quoting_and_line_ends(tmp_path):
    content = (
        'text,label\r\n"with, comma",a\r\n"with ""quotes""",b\r\n"two\r\nlines\nthree",a\r\n'
        'in \'single\' quotes,b\r\nquote " inside,a\r\n"\ttab",b'
    )
    table = read_texts(write(tmp_path / "data.csv", content))
    assert table["text"] == [
        "with, comma",
        'with "quotes"',
        "two\r\nlines\nthree",
        "in 'single' quotes",
        'quote " inside',
        "\ttab",
    ]
    assert table["label"] == ["a", "b"] * 3


def test_tab_separated(tmp_path):
    content = 'text\tlabel\nwith, comma\ta\n"quoted"\tb\n"one quote\ta\nanother" one\ta\n'
    table = read_texts(write(tmp_path / "data.tsv", content))
    assert table["text"] == ["with, comma", '"quoted"', '"one quote', 'another" one']
    assert table["label"] == ["a", "b", "a", "a"]
    assert len(table.notes) == 1 and "1 text stands in double quotes" in table.notes[0]


def test_tab_separated_with_quotes_around_the_header(tmp_path):
    """Whoever quotes the names of the columns quotes what needs it below, as csv does."""
    content = '"text"\t"label"\r\n"with\ttab"\ta\r\n"two\nlines"\tb\r\n"a ""word"""\ta\r\n'
    table = read_texts(write(tmp_path / "data.tsv", content))
    assert table["text"] == ["with\ttab", "two\nlines", 'a "word"'] and not table.notes


def test_the_first_line_that_excel_writes(tmp_path):
    rows = 'text;label\r\n"a; b";x\r\nc, d;y\r\n'
    for start in ("sep=;\r\n", "\ufeffSEP=;\n", '"sep=;"\n', "\nsep=;\n"):
        for name in ("data.csv", "data.tsv"):
            table = read_texts(write(tmp_path / name, start + rows))
            assert (table["text"], table["label"]) == (["a; b", "c, d"], ["x", "y"])
    table = read_texts(write(tmp_path / "data.csv", "sep=\t\ntext\tlabel\na, b\tx\n"))
    assert table["text"] == ["a, b"]
    refused(write(tmp_path / "data.csv", "sep=;\ntext;label\na;b;c\n"), "line 3 has 3 fields")
    refused(write(tmp_path / "data.csv", "sep=;\n"), "no rows")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('text,label\n"open,a\nclosed",b\nx,a\n', "1 row of .* the rows below .line 2"),
        ('text,label\nx,a\n"open,a\nmore,b\nclosed",b\n', "1 row .*line 3"),
        ('label,text\na,"open\nb,closed"\na,x\nb,y\n', "1 row .*line 2"),
        ('id,text,label,by\n1,"open,a,me\n2,closed",b,me\n3,x,a,me\n', "1 row .*line 2"),
        ('note,text,label\n"open,x,a\nclosed",y,b\nz,z,a\n', "1 row .*line 2"),
        ('text,label\nx,"a\ny,b"\nz,a\n', "1 row .*line 2"),
        ('text,label\n"o,a\nc",b\n"o,a\nc",b\n', "2 rows .*lines 2 and 4"),
    ],
)
def test_a_field_that_swallowed_rows_is_said(tmp_path, content, lines):
    notes = read_texts(write(tmp_path / "data.csv", content)).notes
    assert len(notes) == 1 and re.search(lines, notes[0]), notes


def test_line_ends_in_quotes_are_no_news(tmp_path):
    content = 'text,label\n"Dear Sir, Madam,\nI write, and\nregret",a\n"one\ntwo",b\n'
    assert read_texts(write(tmp_path / "data.csv", content)).notes == []


def test_doubled_columns(tmp_path):
    refused(write(tmp_path / "data.csv", "text,label,text\nx,a,y\n"), "2 columns 'text'")
    assert read_texts(write(tmp_path / "d.csv", "text,label,x,x\nt,a,1,2\n"))["text"] == ["t"]


def test_no_header(tmp_path):
    refused(write(tmp_path / "data.csv", "hello,a\nbye,b\n"), "no column 'text'", "'hello', 'a'")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("data.csv", "text;label\nx;a\n", "semicolons"),
        ("data.csv", "text\tlabel\nx\ta\n", "tabs"),
        ("data.tsv", "text,label\nx,a\n", "commas"),
        ("data.csv", "text|label\nx|a\n", "bars"),
    ],
)
def test_other_separators(tmp_path, name, content, word):
    refused(write(tmp_path / name, content), f"separates its columns by {word}")


def test_ragged_rows(tmp_path):
    start = 'text,label\n"two\nlines",a\n'
    refused(write(tmp_path / "data.csv", start + "hello, world,a\n"), "line 4 has 3 fields", "2")
    refused(write(tmp_path / "data.csv", start + "hello\n"), "line 4 has 1 fields")
    refused(write(tmp_path / "data.tsv", "text\tlabel\na\tb\tc\n"), "line 2 has 3 fields")


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('x,a\n"never closed,b\nmore,a\n', "starts in line 3"),
        ('x,a\n"closed" early,b\n', "starts in line 3"),
        ('x,a\ny,"b" \n', "starts in line 3"),
        ('"two\nlines",a\n"x"y,b\n', "starts in line 4"),
    ],
)
def test_broken_quotes(tmp_path, rows, line):
    refused(write(tmp_path / "data.csv", "text,label\n" + rows), "broken quoting", line)


def test_names_of_columns_hold_nothing_unseen(tmp_path):
    for header in ("\ufeff\ufefftext,label", "text , label", '"\u200btext",label\u00a0'):
        table = read_texts(write(tmp_path / "data.csv", f"{header}\nx,a\n"))
        assert (table["text"], table["label"]) == (["x"], ["a"])
    table = read_texts(write(tmp_path / "data.csv", "text,text ,label\nx,y,a\n"))
    assert table["text"] == ["x"]
    refused(write(tmp_path / "data.csv", "text ,text\u200b,label\nx,y,a\n"), "2 columns 'text'")
