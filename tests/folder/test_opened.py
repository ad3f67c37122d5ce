"""Each file of a saved folder is read once: what is checked is what is loaded."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import classifiers, onnx_folders, taggers, text_models, translators
from kerasft import storage
from kerasft.errors import FolderError
from kerasft.exports.engines import make_export
from kerasft.folder import opened
from kerasft.folder.contents import hash_of
from kerasft.folder.opened import open_saved
from kerasft.predict import Predictor
from kerasft.presets import load_preset
from kerasft.tasks import load
from kerasft.tasks.tagging.tagger import TokenTagger
from kerasft.tasks.text_to_text.writer import TextWriter
from kerasft.tasks.translation.translator import Translator

_opened: Counter[str] | None = None


def _count(event: str, arguments: tuple) -> None:
    if _opened is not None and event == "open" and not isinstance(arguments[0], int):
        _opened[os.fsdecode(arguments[0])] += 1


sys.addaudithook(_count)  # which cannot be taken away again


@pytest.fixture
def opens(monkeypatch) -> Counter[str]:
    """How often each path was opened since the test began."""
    monkeypatch.setattr(sys.modules[__name__], "_opened", Counter())
    return _opened


@pytest.fixture(scope="module")
def ctranslate2_folder(tmp_path_factory) -> Path:
    folder = shutil.copytree(
        translators.saved().folder, tmp_path_factory.mktemp("translator") / "run"
    )
    make_export(folder, "ctranslate2")
    return folder


def answers(predictor) -> list:
    return [str(each) for each in predictor.predict(["the cat was on it", "he was"])]


KINDS: dict[str, tuple[Callable[[], Path], dict[str, str]]] = {
    "classifier with an adapter": (lambda: classifiers.saved_lora().folder, {}),
    "tagger": (lambda: taggers.saved().folder, {}),
    "translator": (lambda: translators.saved().folder, {}),
    "text to text": (lambda: text_models.saved(lora=True).folder, {}),
    "onnx": (onnx_folders.saved, {"engine": "onnx"}),
}


@pytest.mark.parametrize("kind", [*KINDS, "ctranslate2"])
def test_nothing_that_comes_after_the_check_is_loaded(
    kind, tmp_path, monkeypatch, opens, ctranslate2_folder
):
    """The moment that the hashes were found to be right, other things stand in all files."""
    make, options = KINDS.get(kind, (lambda: ctranslate2_folder, {"engine": "ctranslate2"}))
    folder = Path(shutil.copytree(make(), tmp_path / "run"))
    expected = answers(Predictor(folder, **options))
    check = opened.check_files

    def check_and_swap(path: Path, *arguments: object) -> None:
        check(path, *arguments)
        for file in [each for each in path.rglob("*") if each.is_file()]:
            file.write_bytes(b"swapped")

    monkeypatch.setattr(opened, "check_files", check_and_swap)
    opens.clear()
    assert answers(Predictor(folder, **options)) == expected
    monkeypatch.undo()
    with pytest.raises(FolderError):
        open_saved(folder)
    read = {name: count for name, count in opens.items() if name.startswith(str(folder))}
    # One to read, and one of `check_and_swap` to write.
    assert read[str(folder / "manifest.json")] == 2
    assert set(read.values()) <= {1, 2} and len(read) >= 6


def test_a_preset_is_read_once(opens):
    folder = classifiers.saved_lora().folder
    opens.clear()
    load_preset(str(folder)).build_classifier(3)
    read = {name: count for name, count in opens.items() if name.startswith(str(folder))}
    assert set(read.values()) == {1} and str(folder / "model.safetensors") in read


def test_the_loaders_take_what_was_opened_before():
    saved = classifiers.saved_lora()
    np.testing.assert_allclose(
        classifiers.logits(load(open_saved(saved.folder)).model), saved.logits, atol=1e-5
    )
    tagger = load(open_saved(taggers.saved().folder), TokenTagger)
    assert taggers.find(tagger.model) == taggers.saved().found
    load(open_saved(translators.saved().folder), Translator)
    load(open_saved(text_models.saved().folder), TextWriter)
    engine = classifiers.engine(onnx_folders.saved(), "onnx")
    assert np.isfinite(engine.logits(["a"])).all()
    with pytest.raises(FolderError, match="but one for tagging is needed"):
        load(open_saved(saved.folder), TokenTagger)
    with pytest.raises(FolderError, match="has no export onnx"):
        open_saved(saved.folder, "onnx")


def test_a_file_that_is_larger_than_the_memory_is_not_read(tmp_path):
    """Of holes: it takes no place on the disk, and its hash is never computed."""
    folder = Path(shutil.copytree(classifiers.saved_lora().folder, tmp_path / "run"))
    os.truncate(folder / "model.safetensors", 2**42)

    manifest = storage.read_json(folder / "manifest.json", FolderError)
    manifest["files"]["model.safetensors"]["bytes"] = 2**42
    manifest.pop("sha256")
    manifest["sha256"] = hash_of(manifest)
    storage.write_json(folder / "manifest.json", manifest)
    with pytest.raises(FolderError, match=r"takes 4398.0 GB to read, but .* GB of"):
        load(folder)
