"""Folders that somebody changed, with hashes made to fit again: what `verify` alone cannot see."""

import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness import classifiers
from harness.folders import reseal, rewrite, set_argument, set_setting
from kerasft import storage
from kerasft.errors import FolderError
from kerasft.folder import contents as c
from kerasft.tasks import load
from kerasft.tasks.headed_encoder import LABEL_MAP

pytestmark = pytest.mark.any_backend


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(classifiers.saved_lora().folder, tmp_path / "run")
    return tmp_path / "run"


def refusal(folder: Path) -> str:
    with pytest.raises(FolderError) as caught:
        load(folder)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 500, message
    return message


def hdf5() -> bytes:
    import h5py

    with io.BytesIO() as stream:
        with h5py.File(stream, "w") as file:
            file["weights"] = np.zeros(3)
        return stream.getvalue()


def archive() -> bytes:
    with io.BytesIO() as stream:
        with zipfile.ZipFile(stream, "w") as file:
            file.writestr("archive/data.pkl", pickle.dumps({}))
        return stream.getvalue()


class Bomb:
    def __reduce__(self):
        return (open, ("/nonexistent/a/pickle/was/read", "w"))


def header(content: dict, data: bytes = b"") -> bytes:
    text = json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize("name", [c.WEIGHTS, c.ADAPTER_WEIGHTS])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: pickle.dumps(Bomb()), "is a pickle, not safetensors"),
        (hdf5, "is an HDF5 file, not safetensors"),
        (archive, "is a zip archive"),
        (lambda: b"", "is not a safetensors file"),
        (lambda: b"\xff" * 64, "is not a safetensors file"),
        (lambda: (10**9).to_bytes(8, "little") + b"{}", "is not a safetensors file"),
        (lambda: header({"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
         "is not a whole safetensors file"),
        (lambda: header({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"0" * 4),
         "is not a whole safetensors file"),
        (lambda: header({"x": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}, b"0" * 8),
         "must be F32"),
    ],
)  # fmt: skip
def test_other_formats_in_place_of_the_weights(folder, name, content, message):
    (folder / name).write_bytes(content())
    reseal(folder)
    assert message in refusal(folder) and name in refusal(folder)


QUERY = "distilbert.transformer.layer.0.attention.q_lin.weight"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (c.WEIGHTS, lambda t: t.update({QUERY: t[QUERY][:, :8].copy()}), "in the shape (16, 8)"),
        (c.WEIGHTS, lambda t: t.update({QUERY: t[QUERY].reshape(256)}), "in the shape (256,)"),
        (c.WEIGHTS, lambda t: t.pop(QUERY), f"has no tensor '{QUERY}'"),
        (c.WEIGHTS, lambda t: t.update(more=t[QUERY]), "holds 'more'"),
        (c.ADAPTER_WEIGHTS, lambda t: t.update(
            {"base_model.model.classifier.weight": np.zeros((9, 16), "float32")}), "shape (9, 16)"),
        (c.ADAPTER_WEIGHTS, lambda t: t.pop("base_model.model.classifier.bias"), "has no tensor"),
        (c.ADAPTER_WEIGHTS, lambda t: t.update(
            {n: np.zeros((5000, 16), "float32") for n in t if n.endswith("lora_A.weight")}),
         "adapter does not fit"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_the_manifest(folder, name, change, message):
    rewrite(folder / name, change)
    reseal(folder)
    assert message in refusal(folder) and name.split("/")[0] in refusal(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(architecture="gpt9"), "the architecture 'gpt9' is unknown"),
        (lambda d: d.update(architecture="os.system"), "the architecture 'os.system' is unknown"),
        (lambda d: d.update(architecture="bert"), "num_segments must be at least 1 for bert"),
        (lambda d: d.update(task="juggling"), "the task 'juggling' is unknown"),
        (set_setting(pooling="last"), "the pooling 'last' is unknown"),
        (set_setting(num_labels=1), "num_labels is 1"),
        (set_setting(num_labels=10**12), "num_labels is 1000000000000, but must be 2 to"),
        (set_setting(num_labels=3.0), "num_labels is 3.0, but must be a whole number"),
        (set_setting(class_name="Lambda"), 'unknown setting "class_name"'),
        (lambda d: d["settings"].pop("pooling"), "has no 'pooling' among its settings"),
        (set_setting(num_labels=4), "label_map.json has 3 labels, but the model has 4"),
        (lambda d: d.update(max_length=65), "max_length is 65"),
        (set_setting(cleaning={"run": "os.system"}), "unknown preprocessing step"),
        (set_setting(cleaning={"lowercase": "yes"}), "lowercase is 'yes'"),
        (set_setting(cleaning={"html": 1}), "html is 1, but must be true or false"),
        (set_setting(cleaning={"redactions": ["mask"]}), "redactions is ['mask']"),
        (set_setting(temperature=0), "temperature is 0, but must be a number above 0"),
        (set_setting(temperature=-1.5), "temperature is -1.5"),
        (set_setting(temperature=True), "temperature is true"),
        (set_setting(temperature="1"), 'temperature is "1"'),
        (set_setting(long_texts="tail"), 'long_texts is "tail"'),
        (set_setting(long_texts={}), "long_texts is {}"),
        (set_argument(hidden_size=32), "manifest.json asks for"),
        (set_argument(num_layers=1), "for which the model has no place"),
        (set_argument(num_layers=3), "has no tensor"),
        (set_argument(num_layers=10**9), "num_layers"),
        (set_argument(vocab_size=3_999_999), "manifest.json asks for"),
        (set_argument(vocab_size=10), "tokens, but the model only 10"),
        (set_argument(hidden_size="16"), "hidden_size must be int"),
        (set_argument(activation="__import__"), "activation '__import__'"),
        (set_argument(dropout=7), "dropout must be"),
        (set_argument(layer_norm_epsilon=-1.0), "layer_norm_epsilon"),
        (set_argument(module="os"), "unknown encoder arguments: module"),
        (lambda d: d["arguments"].pop("hidden_size"), "missing encoder arguments: hidden_size"),
    ],
)  # fmt: skip
def test_a_forged_manifest(folder, change, message):
    reseal(folder, change)
    assert message in refusal(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"0": "a", "1": "b"}, "has 2 labels, but the model has 3"),
        ({"0": "a", "1": "b", "3": "c"}, "without gaps"),
        ({"0": "a", "1": "a", "2": "c"}, "same name"),
        ({"0": "a", "1": 1, "2": "c"}, "label_map.json"),
        (["a", "b", "c"], "label_map.json"),
    ],
)
def test_a_forged_label_map(folder, content, message):
    storage.write_json(folder / LABEL_MAP, content)
    assert "label_map.json was changed after it was saved" in refusal(folder)
    reseal(folder)
    assert message in refusal(folder)


@pytest.mark.parametrize("content", [b"{", b"{}", b"\x80\x04N.", b"[1]", b'{"model": {"type": 1}}'])
def test_a_broken_tokenizer(folder, content):
    (folder / c.TOKENIZER).write_bytes(content)
    assert "tokenizer.json was changed after it was saved" in refusal(folder)
    reseal(folder)
    assert "tokenizer.json" in refusal(folder)


def test_a_forged_tokenizer(folder):
    """Valid JSON that makes the library panic, or gives ids that the embedding table lacks."""
    good = storage.read_json(folder / c.TOKENIZER, FolderError)
    special = good["post_processor"]["special_tokens"]
    for change in (
        {"[CLS]": special["[CLS]"]},
        {**special, "[SEP]": {**special["[SEP]"], "ids": [10**6]}},
    ):
        forged = {**good, "post_processor": {**good["post_processor"], "special_tokens": change}}
        storage.write_json(folder / c.TOKENIZER, forged)
        reseal(folder)
        assert "tokenizer.json" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda c: c.update(r=10**9), "adapter"),
        (lambda c: c.update(peft_type="PROMPT_TUNING"), "adapter"),
        (lambda c: c.update(use_dora=True), "adapter"),
        (lambda c: c.update(bias="a" * 5000), "adapter"),
        (lambda c: c.update(target_modules=["nothing"]), "adapter"),
    ],
)
def test_a_forged_adapter_config(folder, change, name):
    config = storage.read_json(folder / c.ADAPTER_CONFIG, FolderError)
    change(config)
    storage.write_json(folder / c.ADAPTER_CONFIG, config)
    reseal(folder)
    assert name in refusal(folder)


def test_absurd_sizes_take_no_memory(folder):
    """The model that manifest.json asks for would take 20 GB; it is refused before it is built."""
    import tracemalloc

    reseal(folder, set_argument(vocab_size=4_000_000, hidden_size=1280))
    tracemalloc.start()
    try:
        assert "manifest.json asks for" in refusal(folder)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
