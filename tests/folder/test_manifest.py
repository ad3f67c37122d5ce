"""The manifest and its check, on folders of random bytes: no model is needed here."""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.folders import FACTS, FILES, write
from kerasft import storage
from kerasft.errors import ConfigError, FolderError
from kerasft.folder import contents as c
from kerasft.folder import manifest as m

pytestmark = pytest.mark.plain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "run")


def edit(folder: Path, change: Callable[[dict], object], *, reseal: bool = True) -> None:
    """Changes manifest.json as someone might who knows how its own hash is made."""
    data = json.loads((folder / c.MANIFEST).read_text())
    change(data)
    if reseal:
        data.pop("sha256", None)
        data["sha256"] = c.hash_of(data)
    storage.write_json(folder / c.MANIFEST, data)


def refusal(folder: Path) -> str:
    with pytest.raises(FolderError) as caught:
        m.verify(folder)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 400
    return message


def test_round_trip(folder):
    manifest = m.verify(folder)
    assert manifest.files.keys() == set(FILES)
    assert {**vars(manifest), "files": {}} == vars(FACTS)
    assert manifest.has_adapter and m.is_saved(folder) and m.is_ours(folder)


def test_a_flipped_byte_in_any_file_is_refused_by_its_name(folder):
    for name in (*FILES, c.MANIFEST):
        path = folder / name
        good = path.read_bytes()
        for position in {0, len(good) // 2, len(good) - 1}:
            path.write_bytes(
                good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :]
            )
            assert name in refusal(folder)
        path.write_bytes(good)
    m.verify(folder)


def test_no_flipped_bit_of_the_manifest_gets_through(folder):
    path = folder / c.MANIFEST
    good = path.read_bytes()
    rng = random.Random(0)
    for _ in range(400):
        position, bit = rng.randrange(len(good)), 1 << rng.randrange(8)
        path.write_bytes(good[:position] + bytes([good[position] ^ bit]) + good[position + 1 :])
        assert c.MANIFEST in refusal(folder)


def test_missing_and_foreign_files_are_named(folder):
    for name in (*FILES, c.MANIFEST):
        good = (folder / name).read_bytes()
        (folder / name).unlink()
        assert name in refusal(folder)
        (folder / name).write_bytes(good)
    (folder / "extra.txt").write_text("mine")
    assert "extra.txt is not one of the files" in refusal(folder)
    assert m.is_saved(folder) and not m.is_ours(folder)
    with pytest.raises(ConfigError, match="left alone"):
        write(folder)
    (folder / "extra.txt").unlink()
    (folder / ".DS_Store").write_bytes(b"a file manager's")
    m.verify(folder)
    write(folder)


def test_links_pipes_and_folders_in_place_of_files_are_refused(folder, tmp_path):
    path = folder / c.TOKENIZER
    outside = tmp_path / "outside.json"
    path.rename(outside)
    for target in (outside, "../outside.json"):
        path.symlink_to(target)
        assert "tokenizer.json is a link" in refusal(folder)
        path.unlink()
    os.mkfifo(path)
    assert "tokenizer.json is not a plain file" in refusal(folder)
    path.unlink()
    path.mkdir()
    assert "tokenizer.json is missing" in refusal(folder)
    path.rmdir()
    outside.rename(path)
    (folder / "report").rename(tmp_path / "report")
    (folder / "report").symlink_to(tmp_path / "report")
    assert "report is a link" in refusal(folder)
    (folder / "report").unlink()
    (tmp_path / "report").rename(folder / "report")
    (folder / c.MANIFEST).rename(tmp_path / "elsewhere.json")
    (folder / c.MANIFEST).symlink_to(tmp_path / "elsewhere.json")
    assert "manifest.json is a link" in refusal(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.json", "/etc/passwd", "report/../../x.json", "report/", "", ".", "C:\\x.json",
        "report\\x.json", "report//x.json", "report/.x.json", "a\0b", "model.h5", "report/x.pkl",
        "pytorch_model.bin", "report/model.keras", "report/x.py", "report/x.json\n",
    ],
)  # fmt: skip
def test_paths_that_no_saved_folder_has_are_refused(folder, name):
    edit(folder, lambda data: data["files"].update({name: data["files"][c.WEIGHTS]}))
    assert "which no saved folder has" in refusal(folder)


def test_files_that_do_not_belong_are_not_sealed(tmp_path):
    with (
        pytest.raises(FolderError, match=r"model\.pkl"),
        storage.write_folder(tmp_path / "run", is_ours=m.is_ours) as folder,
    ):
        (folder / "model.pkl").write_bytes(pickle.dumps({}))
        m.seal(folder, FACTS)
    assert list(tmp_path.iterdir()) == []


def test_edits_are_refused_even_where_the_json_stays_valid(folder):
    for key, value in [("max_length", 31), ("base_model", "other"), ("task", "tagging")]:
        edit(folder, lambda data, key=key, value=value: data.update({key: value}), reseal=False)
        assert "manifest.json was changed after it was saved" in refusal(folder)
        edit(folder, lambda data, key=key: data.update({key: getattr(FACTS, key)}), reseal=False)
    m.verify(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 4}, "upgrade kerasft"),
        ({"format_version": 10**50}, "upgrade kerasft"),
        ({"format_version": 2}, "train the model again"),
        ({"format_version": 1}, "must be 3"),
        ({"format_version": True}, "must be 3"),
        ({"format_version": "3"}, "must be 3"),
        ({"task": 1}, "task is 1"),
        ({"max_length": True}, "max_length is true"),
        ({"arguments": []}, r"arguments is \[\], but must be a JSON object"),
        ({"architecture": {"class": "os.system"}}, "architecture is"),
        ({"settings": None}, "settings is null"),
        ({"exports": []}, r"exports is \[\], but must be a JSON object"),
        ({"versions": {"keras": 3}}, "versions must map"),
        ({"files": []}, "files is"),
        ({"files": {}}, "does not list model.safetensors"),
        ({"files": {str(i): 0 for i in range(2000)}}, "2000 files"),
        ({"class_name": "Lambda"}, "unknown key"),
    ],
)
def test_wrong_types_and_absurd_sizes_are_one_sentence(folder, change, message):
    edit(folder, lambda data: data.update(change))
    with pytest.raises(FolderError, match=message):
        m.verify(folder)
    assert "manifest.json" in refusal(folder)


@pytest.mark.parametrize(
    "entry", [{}, None, {"bytes": -1, "sha256": "0" * 64}, {"bytes": 1, "sha256": "../x"}]
)
def test_a_bad_file_entry_names_the_file(folder, entry):
    edit(folder, lambda data: data["files"].update({c.WEIGHTS: entry}))
    assert "entry of model.safetensors" in refusal(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"{}", b"\x80\x04N.", b"\xff", b'{"a":' * 5000, b" " * 2**21],
)
def test_a_manifest_that_is_none_is_one_sentence(folder, content):
    (folder / c.MANIFEST).write_bytes(content)
    assert "manifest.json" in refusal(folder)


def test_an_adapter_is_whole_or_absent(folder):
    edit(folder, lambda data: data["files"].pop(c.ADAPTER_CONFIG))
    assert f"does not list {c.ADAPTER_CONFIG}" in refusal(folder)


def test_folders_that_are_not_ours(tmp_path):
    assert "is not a folder" in refusal(tmp_path / "none")
    assert "has no manifest.json" in refusal(tmp_path)
    assert not m.is_saved(tmp_path) and not m.is_ours(tmp_path)
    storage.write_json(tmp_path / c.MANIFEST, {"manifest": "of another program"})
    assert not m.is_saved(tmp_path) and not m.is_ours(tmp_path)


def test_a_folder_of_format_1_is_one_sentence(folder):
    (folder / c.MANIFEST).rename(folder / "bundle.json")
    edit_old = json.loads((folder / "bundle.json").read_text())
    storage.write_json(folder / "bundle.json", {**edit_old, "format_version": 1})
    assert "was saved in format 1 (bundle.json), which this kerasft does not read" in refusal(
        folder
    )
    assert m.is_saved(folder)
    with pytest.raises(ConfigError, match=r"another version of kerasft \(format 1, and this one w"):
        write(folder)


@pytest.mark.parametrize("version", [c.FORMAT_VERSION - 1, c.FORMAT_VERSION + 1])
def test_a_folder_of_another_version_is_not_replaced_and_the_sentence_says_so(folder, version):
    edit(folder, lambda data: data.update(format_version=version))
    before = (folder / c.MANIFEST).read_bytes()
    with pytest.raises(ConfigError) as caught:
        write(folder)
    assert str(caught.value) == (
        f"{folder} was saved by another version of kerasft (format {version}, and this one writes "
        f"{c.FORMAT_VERSION}), so it is left alone; remove it, or name a folder that is new or "
        "empty."
    )
    assert (folder / c.MANIFEST).read_bytes() == before


def test_a_folder_that_a_kill_left_aside_is_found(folder):
    """Where two folders cannot be swapped, a kill may fall between two renames."""
    folder.rename(folder.with_name(".run.0123abcd.old"))
    m.verify(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


SAVER = """
import sys
sys.path.insert(0, "tests")
from pathlib import Path
from harness.folders import write
number = 0
while True:
    number += 1
    write(Path(sys.argv[2]), fill=bytes([65 + number % 26]), size=400_000)
    print(number, flush=True)
"""


def test_a_killed_save_leaves_the_old_or_the_new_folder(tmp_path):
    target = tmp_path / "run"
    write(target, size=400_000)
    rng = random.Random(time.time_ns())
    interrupted = 0
    for _ in range(24):
        with subprocess.Popen(
            [sys.executable, "-c", SAVER, Path(__file__).parent, target], stdout=subprocess.PIPE
        ) as saver:
            assert saver.stdout is not None
            saver.stdout.readline()  # it saves over an existing folder from now on
            time.sleep(rng.uniform(0, 0.04))
            os.kill(saver.pid, signal.SIGKILL)
        m.verify(target)
        fills = {(target / name).read_bytes()[:1] for name in FILES}
        assert len(fills) == 1  # all of one save
        interrupted += any(path != target for path in tmp_path.iterdir())
    assert interrupted, "no kill landed inside a save: the test proves nothing"
    write(target)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
