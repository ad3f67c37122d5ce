"""Classifiers through ONNX Runtime: what Keras says, without Keras."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from harness import classifiers, onnx_folders
from kerasft import storage
from kerasft.errors import FolderError
from kerasft.folder import contents as c
from kerasft.folder import verify
from kerasft.runtimes.onnx.run import padded
from kerasft.runtimes.registry import RUNTIMES
from kerasft.tasks.labelled.engine import HeadEngine

pytestmark = pytest.mark.any_backend

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def folder() -> Path:
    return onnx_folders.saved()


@pytest.fixture(scope="module")
def engine(folder: Path) -> HeadEngine:
    return classifiers.engine(folder, "onnx")


@pytest.fixture(scope="module")
def int8(folder: Path) -> HeadEngine:
    return classifiers.engine(folder, "onnx-int8")


def test_logits_are_those_of_keras(engine):
    texts = [*classifiers.TEXTS, *onnx_folders.texts(40)]
    expected = classifiers.engine(onnx_folders.saved()).logits(texts)
    found = engine.logits(texts)
    assert found.dtype == np.float32 and found.shape == (len(texts), len(classifiers.LABELS))
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(found[0] - found[1]).max() > 1e-3  # they do differ


def test_eight_bits_are_near(engine, int8):
    texts = onnx_folders.texts(60)
    found, exact = int8.logits(texts), engine.logits(texts)
    assert 0 < np.abs(found - exact).max() < 0.2 * np.abs(exact).max()
    assert (found.argmax(1) == exact.argmax(1)).mean() > 0.9


def test_order_is_kept_and_neighbours_do_not_matter(engine, int8):
    texts = onnx_folders.texts(50, seed=1)
    order = np.random.default_rng(0).permutation(50)
    for each, most in ((engine, 1e-5), (int8, 0.0)):
        together = each.logits(texts)
        for row in (0, 1, 33, 49):
            assert np.abs(each.logits([texts[row]])[0] - together[row]).max() <= most
        shuffled = each.logits([texts[row] for row in order])
        assert np.abs(shuffled - together[order]).max() <= most


def test_padding_is_masked():
    found = padded([np.array([2, 5, 3]), np.array([4])], 1)
    assert found["input_ids"].tolist() == [[2, 5, 3], [4, 1, 1]]
    assert found["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert {array.dtype for array in found.values()} == {np.dtype("int64")}


def test_nobody_keeps_the_bytes_while_the_session_is_made(folder, monkeypatch):
    """A session takes as much memory again as the file."""
    size = (folder / "export/onnx/model.onnx").stat().st_size
    sizes: list[int] = []

    class Session(onnxruntime.InferenceSession):
        def __init__(self, *args, **kwargs):
            frame = sys._getframe()
            while frame := frame.f_back:
                held = [*frame.f_locals.values()]
                held += [x for each in held if isinstance(each, dict) for x in each.values()]
                sizes.extend(len(each) for each in held if isinstance(each, bytes))
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    classifiers.engine(folder, "onnx")
    assert size not in sizes


def test_threads_are_those_that_were_asked_for(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert RUNTIMES["onnx"].threads() == 3
    for unusable in ("", "0", "2,4"):
        monkeypatch.setenv("OMP_NUM_THREADS", unusable)
        assert 1 <= RUNTIMES["onnx"].threads() <= (os.cpu_count() or 1)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def edit(folder: Path, **changes: object) -> None:
    """Changes manifest.json as someone might who knows how its own hash is made."""
    data = storage.read_json(folder / c.MANIFEST, FolderError)
    data = {k: v for k, v in {**data, **changes}.items() if k != "sha256"}
    storage.write_json(folder / c.MANIFEST, {**data, "sha256": c.hash_of(data)})


def reseal(folder: Path, name: str, content: bytes) -> None:
    """Changes a file, and its entry in manifest.json."""
    (folder / name).write_bytes(content)
    data = storage.read_json(folder / c.MANIFEST, FolderError)
    files = data["files"]
    files[name] = {"bytes": len(content), "sha256": storage.sha256_file(folder / name)}
    edit(folder, files=files)


def test_a_damaged_export_is_refused_by_its_name(copy):
    model = copy / "export/onnx/model.onnx"
    good = model.read_bytes()
    model.write_bytes(good[:-1] + b"\x00")
    with pytest.raises(FolderError, match=r"onnx/model\.onnx was changed"):
        classifiers.engine(copy, "onnx")
    classifiers.engine(copy, "onnx-int8")  # which reads another
    model.unlink()
    with pytest.raises(FolderError, match="is missing"):
        classifiers.engine(copy, "onnx-int8")


def test_an_export_that_does_not_fit_is_one_sentence(copy, tmp_path):
    import onnx

    name = "export/onnx/model.onnx"
    good = onnx.load(copy / name)

    def refused(change) -> str:
        made = onnx.ModelProto()
        made.CopyFrom(good)
        change(made)
        reseal(copy, name, made.SerializeToString())
        with pytest.raises(FolderError) as caught:
            classifiers.engine(copy, "onnx").logits(["the cat"])
        assert "\n" not in str(caught.value) and name in str(caught.value)
        return str(caught.value)

    def rename(made) -> None:
        made.graph.input[0].name = "ids"
        for node in made.graph.node:
            node.input[:] = ["ids" if each == "input_ids" else each for each in node.input]

    def shorten(made) -> None:  # the table of tokens: ids are beyond its end
        for tensor in made.graph.initializer:
            if list(tensor.dims) == [len(classifiers.VOCABULARY), 16]:
                array = onnx.numpy_helper.to_array(tensor)[:3]
                tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))

    def unknown(made) -> None:
        made.graph.node[5].op_type = "Loop"

    def break_off(made) -> None:
        made.graph.node[3].input[0] = "nowhere"

    assert "must turn input_ids and attention_mask" in refused(rename)
    assert "cannot be run by ONNX Runtime" in refused(shorten)
    assert "has the operator 'Loop'" in refused(unknown)
    assert "cannot be run by ONNX Runtime" in refused(break_off)


def test_what_bundle_json_says_is_checked_without_keras_too(copy):
    manifest = verify(copy)
    for changes, message in [
        ({"settings": {**manifest.settings, "num_labels": 4}}, "has 3 labels, but the model has 4"),
        ({"arguments": {}}, "has no 'vocab_size'"),
        ({"arguments": {"vocab_size": 3}}, "tokens, but the model only 3"),
        ({"arguments": {"vocab_size": "x"}}, "vocab_size is"),
        ({"settings": {**manifest.settings, "cleaning": {"translate": True}}}, "translate"),
        ({"max_length": 2}, "no tokenizer that can be used"),
    ]:
        edit(copy, **changes)
        with pytest.raises(FolderError, match=message):
            classifiers.engine(copy, "onnx")
        edit(copy, **{key: getattr(manifest, key) for key in changes})
    classifiers.engine(copy, "onnx")
