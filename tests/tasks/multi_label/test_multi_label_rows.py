"""Rows with several labels: how they are given, and what is refused."""

import json

import pytest

from kerasft.data.readers import holds_lists
from kerasft.errors import ConfigError, DataError
from kerasft.recipes.shared.targets import TargetOptions
from kerasft.tasks.labelled.labelled_texts import load_labelled
from kerasft.tasks.multi_label.rows import SeveralLabels

pytestmark = pytest.mark.plain

ROWS = [
    ("the app crashes", ("crash",)),
    ("charged twice, and it crashes", ("billing", "crash")),
    ("thank you", ()),
    ("my invoice", ("billing",)),
]


@pytest.fixture
def files(tmp_path):
    """The same rows in each of the ways."""
    lists = [json.dumps({"text": text, "label": list(labels)}) for text, labels in ROWS]
    (tmp_path / "lists.jsonl").write_text("\n".join(lists) + "\n")
    joined = [f'"{text}",{"; ".join(labels)}' for text, labels in ROWS]
    (tmp_path / "joined.csv").write_text("\n".join(["text,label", *joined]) + "\n")
    flags = [f'"{text}",{int("crash" in found)},{int("billing" in found)}' for text, found in ROWS]
    (tmp_path / "flags.csv").write_text("\n".join(["text,crash,billing", *flags]) + "\n")
    return tmp_path


WAYS = {
    "lists.jsonl": {},
    "joined.csv": {"label_separator": ";"},
    "flags.csv": {"label_columns": ("crash", "billing")},
}


@pytest.mark.parametrize("name", WAYS)
def test_the_three_ways_say_the_same(files, name):
    options = TargetOptions(data=str(files / name), **WAYS[name])
    kind = options.kind()
    assert isinstance(kind, SeveralLabels)
    table = kind.read(options.data, "text", "label")
    assert list(zip(table["text"], table["label"], strict=True)) == ROWS


def test_parquet_lists(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    texts, labels = zip(*ROWS, strict=True)
    table = pa.table({"text": list(texts), "label": [list(each) for each in labels]})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert holds_lists(tmp_path / "rows.parquet", "label")
    assert not holds_lists(tmp_path / "rows.parquet", "text")
    found = SeveralLabels().read(tmp_path / "rows.parquet", "text", "label")
    assert found["label"] == list(labels)


def test_what_a_run_keeps_is_read_back(tmp_path):
    kind = SeveralLabels()
    labels = [(), ('a, "b"', "c; d"), ("è",)]
    lines = ['"' + kind.cell(each).replace('"', '""') + '"' for each in labels]
    rows = [f"text {n},{line}" for n, line in enumerate(lines)]
    (tmp_path / "kept.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    assert kind.read_kept(tmp_path / "kept.csv")["label"] == labels
    (tmp_path / "kept.csv").write_text("text,label\nsome,crash\n")
    with pytest.raises(DataError, match=r"has 'crash' instead of a list of labels"):
        kind.read_kept(tmp_path / "kept.csv")


def many(path, rows):
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_bad_rows_are_one_sentence_each(files, tmp_path):
    with pytest.raises(DataError, match="none of the 30 rows has a label"):
        data = many(tmp_path / "a.jsonl", [(f"text {n}", []) for n in range(30)])
        load_labelled(TargetOptions(data=data))
    (tmp_path / "flags.csv").write_text("text,crash\na,0\nb,2\n")
    with pytest.raises(DataError, match=r"has '2' in the column 'crash' of its text 2.*neither"):
        SeveralLabels(None, ("crash",)).read(tmp_path / "flags.csv", "text", "label")
    with pytest.raises(DataError, match=r"line 1 has a whole number as 'label'; several labels"):
        data = many(tmp_path / "b.jsonl", [("a", 3), ("b", [])])
        SeveralLabels().read(data, "text", "label")
    rows = [(f"text {n}", [["crash"], ["slow"], []][n % 3]) for n in range(30)]
    unknown = many(tmp_path / "test.jsonl", [("other", ["crash", "login"])])
    with pytest.raises(DataError, match=r"has labels that .* lacks: 'login'"):
        options = TargetOptions(data=many(tmp_path / "c.jsonl", rows), test_data=unknown)
        load_labelled(options)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"label_columns": ("a",), "label_separator": ";"}, "leave one of them out"),
        ({"label_columns": ("a", "a")}, "names a column twice"),
        ({"label_columns": ()}, "--label_columns is empty"),
        ({"label_separator": ";", "task": "regression"}, "leave out --task regression"),
        ({"thresholds": "f1"}, "--thresholds is for several labels"),
        ({"loss": "huber", "task": "multi_label"}, "--loss is for numbers"),
    ],
)
def test_options_that_contradict_each_other(given, says):
    with pytest.raises(ConfigError, match=says):
        TargetOptions(**given).kind()


def test_classes_are_not_merged():
    with pytest.raises(ConfigError, match="--major_classes does not apply to rows with several"):
        load_labelled(TargetOptions(task="multi_label", major_classes=3))
