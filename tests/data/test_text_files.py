"""Files that are none, that never end, or that stand for far more than they are."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kerasft.data import csv_files, text_files
from kerasft.data.conll import read_conll
from kerasft.data.pairs import read_pairs
from kerasft.data.readers import read_texts
from kerasft.errors import ConfigError, DataError

pytestmark = pytest.mark.plain

ROOT = Path(__file__).parent.parent.parent
READERS = [
    ("x.csv", read_texts), ("x.tsv", read_texts), ("x.jsonl", read_texts), ("x.zip", read_texts),
    ("x.parquet", read_texts), ("x.conll", read_conll), ("x.tsv", read_pairs),
]  # fmt: skip


def refused(read, *arguments, **options) -> str:
    with pytest.raises(DataError) as caught:
        read(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize(("name", "read"), READERS)
def test_only_files_are_read(tmp_path, name, read):
    """A pipe whose other end nobody opens would be waited for; a device may never end."""
    path = tmp_path / name
    os.mkfifo(path)
    assert refused(read, path) == f"cannot read {path}: it is a pipe; give a file."
    path.unlink()
    for target, kind in (("/dev/zero", "a device"), (tmp_path, "a folder")):
        path.symlink_to(target)
        assert refused(read, path) == f"cannot read {path}: it is {kind}; give a file."
        path.unlink()
    path.symlink_to(path)
    assert "cannot read" in refused(read, path)
    path.unlink()
    assert "there is no file" in refused(read, path)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_a_file_of_zeros_ends(tmp_path, suffix):
    """It takes no room on the disk, whatever its size."""
    start = {
        "csv": "text,label\n", "tsv": "text\tlabel\n", "jsonl": '{"text": "x", "label": "a"}\n'
    }  # fmt: skip
    path = tmp_path / f"x.{suffix}"
    path.write_text(start[suffix])
    os.truncate(path, 2**40)
    assert "more than 16000000 characters in line 2" in refused(read_texts, path)


def test_lines_and_texts_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_TEXT", 50)
    monkeypatch.setattr(text_files, "MAX_LINE", 400)
    long = "x" * 51
    (tmp_path / "a.csv").write_text(f"text,label\nfine,a\n{long},b\n")
    assert "line 3 has a text of 51 characters, but 50" in refused(read_texts, tmp_path / "a.csv")
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": long, "label": "a"}) + "\n")
    assert "line 1 has a text of 51" in refused(read_texts, tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").write_text('{"text": "x", "label": "a"}\n' + " " * 500)
    assert "400 characters in line 2" in refused(read_texts, tmp_path / "b.jsonl")
    monkeypatch.setattr(csv_files, "MAX_LINE", 400)
    (tmp_path / "b.csv").write_text("text,label\nx,a\n" + '"\n",' * 200)
    message = refused(read_texts, tmp_path / "b.csv")
    assert "a row of more than 400 characters that ends in line 1" in message
    (tmp_path / "c.csv").write_text("x" * 390 + "\n")
    assert f"its columns are '{'x' * 57}...'" in refused(read_texts, tmp_path / "c.csv")
    (tmp_path / "a.tsv").write_text(f"a\tb\n{long}\tc\n")
    assert "line 2 has a text of" in refused(read_pairs, tmp_path / "a.tsv")
    (tmp_path / "a.conll").write_text(f"a O\n{long} O\n")
    assert "line 2 has a text of" in refused(read_conll, tmp_path / "a.conll")


def test_all_rows_together_are_bounded(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("text,label\n" + "some text,a\nanother,b\n" * 5000)
    assert len(read_texts(tmp_path / "a.csv")) == 10000
    monkeypatch.setenv(text_files.MAX_DATA_VARIABLE, "0.001")
    message = refused(read_texts, tmp_path / "a.csv")
    assert "take more than 0.001 GB of memory" in message and "KERASFT_MAX_DATA_GB" in message
    for wrong in ("much", "nan", "-1", "0", "inf"):
        monkeypatch.setenv(text_files.MAX_DATA_VARIABLE, wrong)
        with pytest.raises(ConfigError, match="KERASFT_MAX_DATA_GB is"):
            read_texts(tmp_path / "a.csv")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_pieces_of_any_size_give_the_same_lines(size):
    content = "\ufeffa\r\nb\rc\n\nü🎉\u2028d\r".encode()
    for newline, expected in (
        ("\n", ["a\r\n", "b\rc\n", "\n", "ü🎉\u2028d\r"]),
        ("", ["a\r\n", "b\r", "c\n", "\n", "ü🎉\u2028d\r"]),
    ):
        stream = io.BytesIO(content)
        file = text_files.TextFile("x", lambda stream=stream: stream.read(size))
        assert list(file.lines(newline)) == expected
    stream = io.BytesIO("ok\nü".encode() + "ü".encode("latin-1") + b"\nmore")
    with pytest.raises(DataError, match=r"byte 0xfc in line 2 \(byte 5\)"):
        list(text_files.TextFile("x", lambda: stream.read(size)).lines())


BOMBS = """
import resource, sys, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
from kerasft.data.readers import read_texts
from kerasft.errors import DataError
import pyarrow.parquet, pyarrow.compute, numpy
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    began = time.process_time()
    try:
        read_texts(path)
    except DataError as error:
        assert str(path) in str(error) and "\\n" not in str(error), error
        print(path.name, "|", error)
    assert time.process_time() - began < 20, path
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_bombs_end_in_a_sentence_and_in_little_memory(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    row = b"text,label\n" + b"a" * 100 + b",b\n"
    for name, method in (("lzma", zipfile.ZIP_LZMA), ("bzip2", zipfile.ZIP_BZIP2)):
        # The entry says 2,000 bytes; what stands behind it is 30 MB.
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", method) as archive:
            archive.writestr("a.csv", row + b"\n" * 30_000_000)
        content = bytearray(packed.getvalue())
        for start in (content.index(b"PK\3\4") + 22, content.index(b"PK\1\2") + 24):
            content[start : start + 4] = (2000).to_bytes(4, "little")
        (tmp_path / f"{name}.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}{'x' * 5000}.txt", "")
    texts = {
        "rows": (5_000_000, "a text"),
        "long": (20_000, "x" * 1_000_000),  # 20 GB in 786 bytes
        "longer": (5, "x" * 9_000_000),
    }
    for name, (rows, text) in texts.items():
        zeros = pyarrow.array(memoryview(bytearray(4 * rows)).cast("i"), pyarrow.int32())
        column = pyarrow.DictionaryArray.from_arrays(zeros, pyarrow.array([text]))
        table = pyarrow.table({"text": column, "label": column if rows > 1e6 else zeros})
        parquet.write_table(table, tmp_path / f"{name}.parquet", compression="zstd")
        assert (tmp_path / f"{name}.parquet").stat().st_size < 2**19
    parquet.write_table(  # each text but the first is "as the one before"
        pyarrow.table({"text": ["x" * 1_000_000] * 600, "label": ["a"] * 600}),
        tmp_path / "prefix.parquet", compression="zstd", use_dictionary=False,
        column_encoding={"text": "DELTA_BYTE_ARRAY", "label": "PLAIN"},
    )  # fmt: skip
    parquet.write_table(
        pyarrow.table({"text": ["y" * 1_900_000] * 200, "label": ["a"] * 200}),
        tmp_path / "plain.parquet", compression="zstd", use_dictionary=False,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", BOMBS, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *said, grown = done.stdout.splitlines()
    assert [line.split(" | ")[0] for line in said] == sorted(os.listdir(tmp_path))
    assert int(grown) < 400, done.stdout
