"""Exports inside of saved folders, on folders of arbitrary bytes: no model is needed here."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness import folders
from harness.folders import FILES
from kerasft import storage
from kerasft.errors import ConfigError, FolderError
from kerasft.folder import contents as c
from kerasft.folder import manifest as m
from kerasft.folder.add_export import add_export
from kerasft.folder.export_files import export_paths

pytestmark = pytest.mark.plain

(MODEL,) = export_paths(["onnx"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folders.write(tmp_path / "run")


def writer(content: bytes, **facts: object):
    def write(place: Path) -> dict:
        assert os.listdir(place) == []
        (place / "model.onnx").write_bytes(content)
        return facts

    return write


def refusal(folder: Path) -> str:
    with pytest.raises(FolderError) as caught:
        m.verify(folder)
    return str(caught.value)


def edit(folder: Path, **changes: object) -> None:
    """Changes manifest.json as someone might who knows how its own hash is made."""
    data = storage.read_json(folder / c.MANIFEST, FolderError)
    data = {k: v for k, v in {**data, **changes}.items() if k != "sha256" and v is not None}
    storage.write_json(folder / c.MANIFEST, {**data, "sha256": c.hash_of(data)})


def test_an_export_is_one_more_file_with_a_hash(folder):
    before = {name: (folder / name).read_bytes() for name in FILES}
    found = add_export(folder, "onnx", writer(b"graph", opset=17, largest_difference=1e-6))
    assert found == m.verify(folder) and m.is_ours(folder)
    assert found.exports == {"onnx": {"opset": 17, "largest_difference": 1e-6}}
    assert found.files.keys() == {*FILES, MODEL} and (folder / MODEL).read_bytes() == b"graph"
    card = (folder / c.CARD).read_text()
    assert card.endswith("## Export onnx\n\n- opset: 17\n- largest difference: 1e-06\n")
    same = {name: (folder / name).read_bytes() for name in FILES if name != c.CARD}
    assert same == {name: before[name] for name in same}
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_another_takes_the_place_of_the_first_and_both_formats_stand_together(folder):
    add_export(folder, "onnx", writer(b"graph", opset=17))
    add_export(folder, "onnx-int8", writer(b"small", agreement=0.9))
    found = add_export(folder, "onnx", writer(b"newer", opset=18))
    assert found.exports == {"onnx": {"opset": 18}, "onnx-int8": {"agreement": 0.9}}
    assert (folder / MODEL).read_bytes() == b"newer"
    card = (folder / c.CARD).read_text()
    assert card.count("## Export") == 2 and "opset: 17" not in card and "agreement: 0.9" in card
    (folder / MODEL).write_bytes(b"flips")
    assert f"{MODEL} was changed" in refusal(folder)


def test_a_new_save_takes_the_exports_away(folder):
    add_export(folder, "onnx", writer(b"graph"))
    folders.write(folder)
    assert m.verify(folder).exports == {} and not (folder / "export").exists()


def test_what_goes_wrong_leaves_the_folder_as_it_was(folder):
    add_export(folder, "onnx", writer(b"graph", opset=17))
    before = (folder / c.MANIFEST).read_bytes()

    def fails(place: Path) -> dict:
        (place / "model.onnx").write_bytes(b"half")
        raise ConfigError("not as good")

    def odd(place: Path) -> dict:
        (place / "model.onnx").write_bytes(b"graph")
        (place / "run.py").write_bytes(b"code")
        return {}

    for format, write, error, message in [
        ("onnx", fails, ConfigError, "not as good"),
        ("onnx", odd, FolderError, r"lists 'export/onnx/run\.py', which no saved folder has"),
        ("onnx", lambda place: {}, FolderError, "does not list export/onnx/model.onnx"),
        ("onnx", writer(b"graph", loss=np.float32(1)), TypeError, "float32"),
        ("ctranslate9", writer(b"graph"), ConfigError, "there is no export ctranslate9"),
    ]:
        with pytest.raises(error, match=message):
            add_export(folder, format, write)
        m.verify(folder)
        assert (folder / c.MANIFEST).read_bytes() == before
        assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_a_folder_that_is_saved_anew_meanwhile_stays_the_new_one(folder):
    def slow(place: Path) -> dict:
        folders.write(folder, fill=b"n")
        return writer(b"graph")(place)

    with pytest.raises(ConfigError, match="replaced while this was added to it"):
        add_export(folder, "onnx", slow)
    assert m.verify(folder).exports == {} and (folder / c.WEIGHTS).read_bytes()[:1] == b"n"


def test_without_hard_links_files_are_copied(folder, monkeypatch):
    def none(*_: object) -> None:
        raise OSError("no such thing")

    before = (folder / c.WEIGHTS).read_bytes()
    monkeypatch.setattr(os, "link", none)
    add_export(folder, "onnx", writer(b"graph"))
    assert (folder / c.WEIGHTS).read_bytes() == before


@pytest.mark.parametrize(
    ("exports", "message"),
    [
        ({"ctranslate9": {}}, 'lists the export "ctranslate9", which no saved folder has'),
        ({"../onnx": {}}, "which no saved folder has"),
        ({"onnx": 17}, "the export onnx must be a JSON object"),
        (["onnx"], "exports is"),
        ({}, f"lists '{MODEL}', which no saved folder has"),
        ({"onnx": {}, "onnx-int8": {}}, "does not list export/onnx-int8/model.onnx"),
    ],
)
def test_edited_exports_are_one_sentence(folder, exports, message):
    add_export(folder, "onnx", writer(b"graph"))
    edit(folder, exports=exports)
    found = refusal(folder)
    assert message in found and found.endswith(".") and "\n" not in found


def test_only_what_is_read_need_be_hashed(folder):
    good = (folder / c.WEIGHTS).read_bytes()
    (folder / c.WEIGHTS).write_bytes(good[:-1] + b"y")
    assert "model.safetensors was changed" in refusal(folder)
    m.verify(folder, hashed=[c.TOKENIZER])
    (folder / c.WEIGHTS).write_bytes(good + b"y")
    with pytest.raises(FolderError, match=r"model\.safetensors was changed .* \(101 bytes"):
        m.verify(folder, hashed=[c.TOKENIZER])


ADDER = """
import sys
from pathlib import Path
from kerasft.folder.add_export import add_export
number = 0

def write(place):
    (place / "model.onnx").write_bytes(bytes([65 + number % 26]) * 400_000)
    if sys.argv[2] == "stop":
        print("inside", flush=True)
        sys.stdin.read()
    return {"number": number}

while True:
    number += 1
    add_export(Path(sys.argv[1]), "onnx", write)
    print(number, flush=True)
"""


def test_a_killed_export_leaves_the_folder_with_it_or_without(folder):
    rng = np.random.default_rng(0)
    before = m.verify(folder).files
    for attempt in range(8):
        last = attempt == 7
        with subprocess.Popen(
            [sys.executable, "-c", ADDER, folder, "stop" if last else "go"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as adder:  # fmt: skip
            assert adder.stdout is not None
            adder.stdout.readline()  # from now on it is at work over and over
            time.sleep(0 if last else rng.uniform(0, 0.03))
            os.kill(adder.pid, signal.SIGKILL)
        found = m.verify(folder)
        letter = 65 + found.exports["onnx"]["number"] % 26
        assert set((folder / MODEL).read_bytes()) == {letter}
        assert all(found.files[name] == before[name] for name in FILES if name != c.CARD)
    # The last kill was inside for certain; what it left goes with the next export.
    assert len(list(folder.parent.iterdir())) > 1
    add_export(folder, "onnx", writer(b"graph"))
    assert [path.name for path in folder.parent.iterdir()] == ["run"]
