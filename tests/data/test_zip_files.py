"""Zipped csv files, and zip files that are none or mean no good."""

import hashlib
import io
import struct
import zipfile
from pathlib import Path

import pytest

from kerasft.data.readers import read_texts
from kerasft.errors import DataError

pytestmark = pytest.mark.plain

CSV = 'text,label\n"hello,\nyou",greeting\nbye,parting\n'


def write(path: Path, members: dict[str, str | bytes], **options) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refused(source: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_texts(source)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500 and str(source) in message
    return message


def test_the_table_is_that_of_the_csv(tmp_path):
    members = {"notes.txt": "hi", "data/rows.CSV": CSV, "__MACOSX/data/._rows.csv": "x"}
    file = write(tmp_path / "data.zip", members)
    table = read_texts(file)
    assert table["text"] == ["hello,\nyou", "bye"] and table["label"] == ["greeting", "parting"]
    assert table.source == f"{file} (data/rows.CSV)"
    assert table.sha256 == hashlib.sha256(CSV.encode()).hexdigest()


def test_none_or_several(tmp_path):
    none = refused(write(tmp_path / "none.zip", {"a.txt": "x"}))
    assert none.endswith("holds no csv files; it must hold one.")
    two = refused(write(tmp_path / "two.zip", {"a.csv": CSV, "b.csv": CSV}))
    assert two.endswith("holds 2 csv files: 'a.csv', 'b.csv'; it must hold one.")


def test_no_zip_file(tmp_path):
    for content in (b"", b"PK\x03\x04", CSV.encode(), b"\x00" * 100):
        file = tmp_path / "data.zip"
        file.write_bytes(content)
        assert "cannot read" in refused(file)
    assert "there is no file" in refused(tmp_path / "absent.zip")


def test_a_damaged_zip_file(tmp_path):
    file = write(tmp_path / "data.zip", {"a.csv": CSV * 50})
    content = bytearray(file.read_bytes())
    for start in range(35, 60, 5):
        damaged = bytearray(content)
        damaged[start : start + 5] = b"\xff" * 5
        file.write_bytes(damaged)
        assert "cannot read" in refused(file)


def test_an_encrypted_one(tmp_path):
    file = write(tmp_path / "data.zip", {"a.csv": CSV})
    content = bytearray(file.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1  # what a zip program sets with a password
    file.write_bytes(content)
    assert "(a.csv) is encrypted; unpack it with its password" in refused(file)


def test_a_bomb_is_not_unpacked(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", CSV + " " * (65 * 2**20))
    file = tmp_path / "data.zip"
    file.write_bytes(content.getvalue())
    assert file.stat().st_size < 2**17
    assert "would unpack to 681574" in refused(file)


def test_a_bomb_that_lies_about_its_size_is_not_unpacked_either(tmp_path):
    file = write(tmp_path / "data.zip", {"a.csv": CSV + "x" * (65 * 2**20)})
    content = bytearray(file.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(signature) + offset, len(CSV))
    file.write_bytes(content)
    assert "cannot read" in refused(file)


def test_a_compression_that_is_unknown(tmp_path):
    file = write(tmp_path / "data.zip", {"a.csv": CSV})
    content = bytearray(file.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", content, content.index(signature) + offset, 99)
    file.write_bytes(content)
    assert "cannot read" in refused(file)


def test_what_is_wrong_with_the_csv_is_said_of_it(tmp_path):
    file = write(tmp_path / "data.zip", {"a.csv": 'text,label\n"open,a\n'})
    assert "(a.csv) has broken quoting in the row that starts in line 2" in refused(file)
    file = write(tmp_path / "data.zip", {"a.csv": b"text,label\n\xff,a\n"})
    assert "(a.csv) is not UTF-8" in refused(file)
    file = write(tmp_path / "data.zip", {"a.csv": ""})
    assert "(a.csv) is empty" in refused(file)
