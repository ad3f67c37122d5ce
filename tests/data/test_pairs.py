"""Sentence pairs from files and from the hub, and every way in which they can be wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import dataset_hub
from kerasft.data.pairs import read_pairs
from kerasft.data.rows import Rows
from kerasft.errors import ConfigError, DataError
from kerasft.storage import sha256_file

pytestmark = pytest.mark.plain

ROOT = Path(__file__).parent.parent.parent


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


def rows(table: Rows) -> list[tuple[str, str]]:
    return list(zip(table["source"], table["target"], strict=True))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_tsv(tmp_path, end, last):
    lines = ["Hi.\tCiao.", ' "No," she said.\t«No», disse. ', "a\u2028b\tc\u0085d"]
    path = write(tmp_path / "pairs.tsv", "\ufeff" + end.join(lines) + (end if last else ""))
    table = read_pairs(path)
    assert rows(table) == [
        ("Hi.", "Ciao."),
        ('"No," she said.', "«No», disse."),
        ("a\u2028b", "c\u0085d"),
    ]
    assert ("origin" not in table.fields, table.source, table.dropped) == (True, str(path), {})
    assert table.sha256 == sha256_file(path)
    assert len(table) == 3


def test_tsv_with_origins(tmp_path):
    table = read_pairs(write(tmp_path / "pairs.TSV", "a\tb\tbook\nc\td\tgrammar\n"))
    assert table["origin"] == ["book", "grammar"]
    taken = table.take([1])
    assert (rows(taken), taken["origin"], taken.sha256) == ([("c", "d")], ["grammar"], table.sha256)


def test_several_files_keep_their_names(tmp_path):
    first = write(tmp_path / "first.tsv", "a\tb\n")
    second = write(tmp_path / "second.tsv", "c\td\tbook\n")
    table = read_pairs([first, second])
    assert rows(table) == [("a", "b"), ("c", "d")]
    assert table["origin"] == ["first", "book"]
    assert table.source == f"{first} and {second}"
    assert len({table.sha256, read_pairs(first).sha256, read_pairs([second, first]).sha256}) == 3
    assert rows(read_pairs([first])) == [("a", "b")]


def test_rows_spread_over_the_table(tmp_path):
    table = read_pairs(write(tmp_path / "p.tsv", "".join(f"a{i}\tb\n" for i in range(10))))
    assert table.spread(3) == [0, 3, 6]
    assert table.spread(10) == table.spread(99) == table.spread(None) == list(range(10))


def test_moses(tmp_path):
    source = write(tmp_path / "books.en", "Hi.\nThe\tend.\n")
    target = write(tmp_path / "books.it", "Ciao.\r\nFine.")
    table = read_pairs(source_file=source, target_file=target)
    assert rows(table) == [("Hi.", "Ciao."), ("The\tend.", "Fine.")]
    assert table.source == f"{source} and {target}"
    turned = read_pairs(None, target, source, "it", "en")
    assert rows(turned) == [(b, a) for a, b in rows(table)]
    assert turned.sha256 != table.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n\nc\td\n", "line 2 is empty; write source TAB target, or delete"),
        ("a\tb\n   \nc\td\n", "line 2 is empty"),
        ("a\tb\n\n", "line 2 is empty"),
        ("a\tb\nno tab here\n", "line 2 has no tab; write source TAB target"),
        ("a\tb\tc\td\n", "line 1 has 4 fields"),
        ("a\tb\tc\na\tb\n", "line 2 has 2 fields, but line 1 has 3; give every line an origin"),
        ("a\tb\na\tb\tc\n", "line 2 has 3 fields, but line 1 has 2"),
        ("a\tb\n\tb\n", "line 2 has an empty source; fill it in"),
        ("a\tb\na\t \n", "line 2 has an empty target"),
        ("a\tb\tc\na\tb\t\n", "line 2 has an empty origin"),
        ("", "is empty"),
        ("a\tb\0\n", "NUL character in line 1"),
    ],
)
def test_broken_tsv(tmp_path, text, message):
    path = write(tmp_path / "pairs.tsv", text)
    with pytest.raises(DataError, match=message) as caught:
        read_pairs(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_not_utf8(tmp_path):
    (tmp_path / "pairs.tsv").write_bytes("a\tperché\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8: byte 0xe9 in line 1"):
        read_pairs(tmp_path / "pairs.tsv")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a\nb\n", "c\n", "source.en has 2 lines and .*target.it has 1; each line needs"),
        ("a\n\n", "c\nd\n", "source.en: line 2 is empty; delete that line from both files"),
        ("a\nb\nc\n", "\nd\n \n", "target.it: lines 1 and 3 are empty; delete those lines"),
        ("", "a\n", "source.en is empty"),
    ],
)
def test_broken_moses(tmp_path, source, target, message):
    source_file = write(tmp_path / "source.en", source)
    target_file = write(tmp_path / "target.it", target)
    with pytest.raises(DataError, match=message):
        read_pairs(source_file=source_file, target_file=target_file)


def test_what_names_no_pairs(tmp_path):
    path = write(tmp_path / "pairs.tsv", "a\tb\n")
    for arguments, error, message in (
        ((), ConfigError, "give either --data or --source and --target"),
        (([],), ConfigError, "give either"),
        ((path, path, path), ConfigError, "give either"),
        ((None, path), ConfigError, "need each other"),
        ((None, None, path), ConfigError, "need each other"),
        ((path, None, None, "it", "it"), ConfigError, "are both 'it'"),
        ((tmp_path / "none.tsv",), DataError, "there is no file"),
        ((tmp_path / "pairs.csv",), DataError, "neither FILE.tsv nor hub:NAME"),
        ((tmp_path,), DataError, "neither FILE.tsv nor hub:NAME"),
    ):
        with pytest.raises(error, match=message):
            read_pairs(*arguments)


# The hub

SCRIPT = """
import dataclasses, json, sys
from kerasft.data.pairs import read_pairs
from kerasft.errors import DataError
answers = []
for arguments in json.loads(sys.argv[1]):
    try:
        answers.append(dataclasses.asdict(read_pairs(arguments[0], None, None, *arguments[1:])))
    except DataError as error:
        answers.append({"error": str(error)})
print("ANSWERS " + json.dumps(answers))
"""
ASKED = [
    ["hub:some/books:en-it"],
    ["hub:some/books:en-it", "it", "en"],
    ["hub:some/books:plain"],
    ["hub:some/books:en-it", "en", "fr"],
    ["hub:some/books:silent"],
    ["hub:some/books:strings"],
    ["hub:some/books:numbers"],
    ["hub:some/reviews"],
    ["hub:some/missing"],
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, dict]:
    """What `read_pairs` gives for each question, in a process where HF_ENDPOINT is ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    with dataset_hub.serve() as address:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(ASKED)],
            capture_output=True, text=True, timeout=120, cwd=ROOT,
            env={**inherited, "HF_ENDPOINT": address, "HF_TOKEN": "",
                 "HF_HOME": str(tmp_path_factory.mktemp("hf_home"))},
        )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWERS ")]
    assert lines, done.stderr
    found = json.loads(lines[0].removeprefix("ANSWERS "))
    return {" ".join(question): answer for question, answer in zip(ASKED, found, strict=True)}


@pytest.mark.parametrize("configuration", ["en-it", "plain"])
def test_hub(answers, configuration):
    answer = answers[f"hub:some/books:{configuration}"]
    assert answer["fields"] == {"source": ["Hi.", "Two lines."], "target": ["Ciao.", "Due."]}
    assert answer["dropped"] == {"rows with an empty side": 2}
    assert answer["source"] == f"hub:some/books:{configuration}"
    assert len(answer["sha256"]) == 64


def test_hub_the_other_way_round(answers):
    there, back = answers["hub:some/books:en-it"], answers["hub:some/books:en-it it en"]
    assert list(back["fields"].values()) == list(there["fields"].values())[::-1]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("hub:some/books:en-it en fr", "row 1 has no 'fr' in 'translation', only 'en', 'it'"),
        ("hub:some/books:silent", "has no row with a sentence and its translation"),
        ("hub:some/books:strings", "row 1 has a string as 'translation'; it must be an object"),
        ("hub:some/books:numbers", "row 1 has a whole number as 'en'; it must be a string"),
        ("hub:some/reviews", "no column 'translation', only 'text', 'label'"),
        ("hub:some/missing", "no data set 'some/missing'"),
    ],
)
def test_hub_data_that_has_no_pairs(answers, question, message):
    assert message in answers[question].get("error", ""), answers[question]
