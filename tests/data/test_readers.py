"""Files to tables, and one sentence for each way in which a file can be wrong."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kerasft.data.readers import read_rows, read_texts
from kerasft.data.rows import Field
from kerasft.errors import DataError
from kerasft.tasks.labelled.label_kind import LabelKind

pytestmark = pytest.mark.plain

CSV = "text,label\nhello,greeting\nbye,parting\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def refused(source: object, *words: str, text: str = "text", label: str | None = "label") -> str:
    """The sentence with which a source is refused; it has all the words and no line break."""
    with pytest.raises(DataError) as caught:
        read_texts(source, text, label)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message and len(message) < 500
    return message


# What is read


def test_csv(tmp_path):
    file = write(tmp_path / "data.csv", CSV)
    table = read_texts(file)
    assert table["text"] == ["hello", "bye"]
    assert table["label"] == ["greeting", "parting"]
    assert table.source == str(file)
    assert table.sha256 == hashlib.sha256(CSV.encode()).hexdigest()
    assert table.dropped == {} and len(table) == 2


def test_chosen_columns_in_any_order(tmp_path):
    file = write(tmp_path / "data.CSV", "id,topic,body\n1,a,x\n2,b,y\n")
    table = read_texts(str(file), text_column="body", label_column="topic")
    assert (table["text"], table["label"]) == (["x", "y"], ["a", "b"])


def test_texts_alone(tmp_path):
    for name, content in (
        ("data.csv", "text\nx\ny\n"),
        ("data.tsv", "id\ttext\n1\tx\n2\ty\n"),
        ("data.jsonl", '{"text": "x"}\n{"text": "y", "label": [1]}\n'),
    ):
        table = read_texts(write(tmp_path / name, content), label_column=None)
        assert table.fields == {"text": ["x", "y"]}


@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.jsonl"])
def test_byte_order_mark(tmp_path, name):
    content = {
        "data.csv": "text,label\nhello,a\n",
        "data.tsv": "text\tlabel\nhello\ta\n",
        "data.jsonl": '{"text": "hello", "label": "a"}\n',
    }[name]
    file = write(tmp_path / name, b"\xef\xbb\xbf" + content.encode())
    table = read_texts(file)
    assert (table["text"], table["label"]) == (["hello"], ["a"])


def test_all_of_unicode_comes_through(tmp_path):
    texts = ["naïve", "日本語", "👨‍👩‍👧‍👦", "مرحبا", "\u2028line\u2029", "\u0085next", "\x0cfeed"]
    lines = "".join(f'"{text}",a\n' for text in texts)
    assert read_texts(write(tmp_path / "data.csv", "text,label\n" + lines))["text"] == texts
    for ascii_only in (False, True):
        lines = "".join(
            json.dumps({"text": text, "label": "é"}, ensure_ascii=ascii_only) + "\n"
            for text in texts
        )
        table = read_texts(write(tmp_path / "data.jsonl", lines))
        assert table["text"] == texts and set(table["label"]) == {"é"}


def test_blank_lines_are_counted(tmp_path):
    table = read_texts(write(tmp_path / "data.csv", "\ntext,label\n\nhello,a\n   \nbye,b\n\n"))
    assert table["text"] == ["hello", "bye"]
    assert table.dropped == {"blank lines": 4}
    table = read_texts(write(tmp_path / "d.jsonl", '\n{"text": "x", "label": "a"}\n \n\n'))
    assert table.dropped == {"blank lines": 3}


def test_rows_without_a_text_can_be_left_out(tmp_path):
    csv = write(tmp_path / "data.csv", 'text,label\n"",a\nx,b\n" \n",c\n')
    lines = '{"text": "", "label": "a"}\n{"text": "x", "label": "b"}\n{"text": null, "label": "c"}'
    for file in (csv, write(tmp_path / "data.jsonl", lines)):
        refused(file, "has an empty text")
        table = read_texts(file, blank_texts="drop")
        assert (table["text"], table["label"]) == (["x"], ["b"])
        assert table.dropped == {"rows without a text": 2}
    # A row without a label is a mistake in any case.
    file = write(tmp_path / "data.csv", "text,label\nx,\ny,a\n")
    with pytest.raises(DataError, match="has an empty label in line 2"):
        read_texts(file, blank_texts="drop")


def test_huge_fields(tmp_path):
    long = "word " * 200_000  # 1 MB, eight times what the csv module takes by default
    table = read_texts(write(tmp_path / "data.csv", f'text,label\n{long},a\n"{long}\n",b\n'))
    assert table["text"] == [long, long + "\n"]
    table = read_texts(
        write(tmp_path / "data.jsonl", json.dumps({"text": long, "label": "a"}) + "\n")
    )
    assert table["text"] == [long]


def test_spaces_around_labels_do_not_make_classes(tmp_path):
    table = read_texts(write(tmp_path / "data.csv", "text,label\n x ,a\ny, a \nz,a\t\n"))
    assert table["label"] == ["a", "a", "a"]
    assert table["text"] == [" x ", "y", "z"]


def test_labels_that_look_the_same_are_one_class(tmp_path):
    lines = 'x,Crédit card\ny,Cre\u0301dit card\nz,Crédit\u00a0card\nu,"Crédit  \r\ncard"\n'
    table = read_texts(write(tmp_path / "data.csv", "text,label\n" + lines))
    assert table["label"] == ["Crédit card"] * 4


def test_classes_that_look_the_same_are_said(tmp_path):
    table = read_texts(write(tmp_path / "a.csv", "text,label\nx,Spam\ny,Spam\u200b\nz,Spam\n"))
    assert table["label"] == ["Spam"] * 3
    assert "'Spam' (2), 'Spam\\u200b' (1)" in table.notes[0]
    lines = [{"text": "x", "label": value} for value in (1, 1.0, "1", "x\u00a0y", "x y", True)]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    table = read_texts(path)
    assert table["label"] == ["1", "1", "1", "x y", "x y", "true"] and len(table.notes) == 2
    texts = read_rows(path, [Field("text", "text"), Field("label", "label", "line")])
    assert texts["label"][:3] == ["1", "1.0", "1"] and not texts.notes


def test_json_values_become_labels(tmp_path):
    values = [3, -1, 0, 2.5, True, False, "x", " y ", 10**30]
    lines = "".join(json.dumps({"text": "t", "label": value}) + "\n" for value in values)
    table = read_texts(write(tmp_path / "data.jsonl", lines))
    assert table["label"] == ["3", "-1", "0", "2.5", "true", "false", "x", "y", str(10**30)]


def test_json_line_ends(tmp_path):
    file = write(tmp_path / "data.jsonl", '{"text": "x", "label": "a"}\r\n{"label":"b","text":"y"}')
    assert read_texts(file)["text"] == ["x", "y"]


def test_reading_and_splitting_imports_nothing_heavy():
    """`kerasft.predict --help` and the server's start must not wait for Keras."""
    script = (
        "import sys, kerasft.data.readers, kerasft.data.splits, kerasft.text.tokenizer,"
        "kerasft.text.labels, kerasft.data.samples;"
        "heavy = {'keras', 'torch', 'tensorflow', 'jax', 'datasets', 'transformers', 'pandas'};"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


# What is refused: the file


def test_missing_file(tmp_path):
    refused(tmp_path / "none.csv", "there is no file", "none.csv")


def test_folder(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    refused(tmp_path / "folder.csv", "cannot read", "folder.csv")


def test_impossible_paths(tmp_path):
    refused("nul\0.csv", "cannot read")
    refused("x" * 300 + ".csv", "cannot read")
    file = write(tmp_path / "data.csv", CSV)
    refused(file / "inside.csv", "cannot read")


@pytest.mark.parametrize("name", ["data.txt", "data", "data.json", "data.xlsx", "data.csv.gz", ""])
def test_unknown_format(tmp_path, name):
    refused(tmp_path / name if name else "", "FILE.csv", "FILE.jsonl", "hub:NAME")


@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.jsonl"])
@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_empty_file(tmp_path, name, content):
    refused(write(tmp_path / name, content), "is empty", name)


def test_header_alone(tmp_path):
    refused(write(tmp_path / "data.csv", "text,label\n"), "no rows")
    refused(write(tmp_path / "data.csv", "text,label"), "no rows")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("text,label\nok,a\ncafé,b\n".encode("latin-1"), "line 3 (byte 19)"),
        ("text,label\nok,a\n".encode("utf-16"), "line 1 (byte 0)"),
        (b"text,label\nok,a\n\xc3", "line 3"),
        (b"text,label\n\xed\xa0\x80,a\n", "line 2"),  # a surrogate, encoded as if it were text
    ],
)
def test_other_encodings(tmp_path, content, line):
    refused(write(tmp_path / "data.csv", content), "is not UTF-8", line, "save the file as UTF-8")
    if content.startswith(b"text"):
        lines = content.replace(b"text,label", b'{"text": "x", "label": "a"}')
        lines = lines.replace(b"ok,a", b"   ")
        refused(write(tmp_path / "data.jsonl", lines), "is not UTF-8", line.split(" (")[0])


def test_nul_characters(tmp_path):
    """Texts may hold them, as JSON can write them; a header of them is UTF-16."""
    for name, content in (
        ("data.csv", "text,label\nok,a\nn\0l,b\n"),
        ("data.tsv", "text\tlabel\nok\ta\nn\0l\tb\n"),
        ("data.jsonl", '{"text": "ok", "label": "a"}\n{"text": "n\\u0000l", "label": "b"}\n'),
    ):
        assert read_texts(write(tmp_path / name, content))["text"] == ["ok", "n\0l"]
    refused(write(tmp_path / "16.csv", CSV.encode("utf-16-le")), "NUL", "line 1", "UTF-16")
    refused(write(tmp_path / "data.jsonl", '{"text": "n\0l"}\n'), "NUL", "line 1")


# What is refused: the columns


def test_wrong_columns(tmp_path):
    file = write(tmp_path / "data.csv", "body,topic\nx,a\n")
    refused(file, "no column 'text'", "'body', 'topic'", "--text_column")
    refused(file, "no column 'label'", "'body', 'topic'", "--label_column", text="body")
    refused(file, "no column 'Body'", text="Body", label="topic")
    refused(file, "both", "'body'", text="body", label="body")


def test_columns_are_missing_in_a_jsonl_line(tmp_path):
    content = '{"text": "x", "label": "a"}\n{"text": "y", "lable": "b"}\n'
    refused(write(tmp_path / "data.jsonl", content), "line 2", "no column 'label'", "'lable'")
    refused(write(tmp_path / "data.jsonl", "{}\n"), "line 1", "no column 'text'")


def test_a_long_list_of_columns_is_shortened(tmp_path):
    header = ",".join(f"column{i}" for i in range(300))
    refused(write(tmp_path / "data.csv", header + "\n"), "and 280 more")


# What is refused: the rows


def test_empty_texts_and_labels(tmp_path):
    rows = 'text,label\nx,a\n,b\n" \t",a\ny,\n'
    refused(write(tmp_path / "data.csv", rows), "empty text in lines 3 and 4")
    refused(write(tmp_path / "data.csv", "text,label\nx,a\ny,\n"), "empty label in line 3")
    refused(write(tmp_path / "data.csv", "text,label\nx,a\ny,  \n"), "empty label in line 3")
    many = "text,label\n" + ",a\n" * 12
    refused(write(tmp_path / "data.csv", many), "lines 2, 3, 4, 5, 6 and 7 more")
    lines = '{"text": "x", "label": "a"}\n{"text": null, "label": "a"}\n'
    refused(write(tmp_path / "data.jsonl", lines), "empty text in line 2")
    lines = '{"text": "x", "label": null}\n{"text": "y", "label": ""}\n'
    refused(write(tmp_path / "data.jsonl", lines), "empty label in lines 1 and 2")
    refused(write(tmp_path / "data.csv", 'text\nx\n""\n'), "empty text in line 3", label=None)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("[1, 2]", "is a list"),
        ('"text"', "is a string"),
        ("3", "is a whole number"),
        ("null", "is null"),
        ("true", "is a boolean"),
        ('{"text": "x"', "not JSON"),
        ("{'text': 'x'}", "not JSON"),
        ('{"text": "x", "label": "a"} {"text": "y", "label": "b"}', "not JSON"),
        ('{"text": "tab\tinside", "label": "a"}', "not JSON"),
        ("text,label", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"text": "x", "label": ' + "9" * 5000 + "}", "cannot be read"),
        ('{"text": 3, "label": "a"}', "a whole number as 'text'"),
        ('{"text": ["x"], "label": "a"}', "a list as 'text'"),
        ('{"text": "x", "label": ["a"]}', "a list as 'label'"),
        ('{"text": "x", "label": {"a": 1}}', "an object as 'label'"),
        ('{"text": "x", "label": NaN}', "the number nan as 'label'"),
        ('{"text": "x", "label": 1e999}', "the number inf as 'label'"),
        ('{"text": "\\ud83d", "label": "a"}', "lone surrogate"),
        ('{"text": "x", "label": "\\udc00"}', "lone surrogate"),
    ],
    ids=lambda value: value[:30],
)
def test_broken_json_lines(tmp_path, line, word):
    content = '{"text": "fine", "label": "a"}\n\n' + line + "\n"
    refused(write(tmp_path / "data.jsonl", content), "line 3", word)


# What is refused: the classes


def test_classes():
    LabelKind().check(["a", "b", "a", "b"])
    for labels, words in (
        (["a", "a"], ["1 class ('a')", "two or more"]),
        ([], ["0 class"]),
        (["a", "a", "b", "c"], ["2 of 3 classes have one row only", "'b', 'c'"]),
    ):
        with pytest.raises(DataError) as caught:
            LabelKind().check(labels)
        assert all(word in str(caught.value) for word in words)


@pytest.mark.real
def test_real_corpora(shared):
    table = read_texts(shared / "data" / "complaints" / "complaints.csv", "narrative", "product")
    assert len(table) == 5388 and len(set(table["label"])) == 15
    dialogues = read_texts(shared / "data" / "dialogsum" / "dev.jsonl", "dialogue", "topic")
    assert len(dialogues) == 500
    latin = shared / "data" / "trec6" / "train.label"
    refused(latin, "FILE.csv")
