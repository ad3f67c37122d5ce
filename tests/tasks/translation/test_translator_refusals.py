"""Translators' folders that somebody changed: refused in one sentence, before memory is taken."""

import json
import pickle
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from harness import translators
from harness.folders import reseal, rewrite, set_argument, set_setting
from kerasft import storage
from kerasft.errors import FolderError
from kerasft.folder import contents as c
from kerasft.tasks import load
from kerasft.tasks.registry import TASKS
from kerasft.tasks.translation.task import TOKENIZER_SOURCE, TOKENIZER_TARGET
from kerasft.tasks.translation.translator import Translator

pytestmark = pytest.mark.any_backend

TOKENIZERS = [TOKENIZER_SOURCE, TOKENIZER_TARGET]
QUERY = "transformer/decoder/block_1/cross_attention/query/kernel"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(translators.saved().folder, tmp_path / "run")
    return tmp_path / "run"


def refusal(folder: Path) -> str:
    with pytest.raises(FolderError) as caught:
        load(folder, Translator)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 500, message
    return message


def test_a_missing_file_is_named(folder):
    for name in TASKS["translation"].all_files:
        good = (folder / name).read_bytes()
        (folder / name).unlink()
        assert f"{name} is missing" in refusal(folder)
        (folder / name).write_bytes(good)
    (folder / "label_map.json").write_text("{}")
    assert "label_map.json is not one of the files" in refusal(folder)


def test_languages_are_not_edited_by_hand(folder):
    data = json.loads((folder / c.MANIFEST).read_text())
    data["settings"]["languages"]["target"] = "de"
    storage.write_json(folder / c.MANIFEST, data)
    assert "manifest.json was changed after it was saved" in refusal(folder)
    reseal(folder, set_setting(languages={"source": "en", "target": ["it"]}))
    assert "languages is" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update({QUERY: t[QUERY][:, :8].copy()}), "in the shape (16, 8)"),
        (lambda t: t.update({QUERY: t[QUERY].reshape(256)}), "in the shape (256,)"),
        (lambda t: t.pop(QUERY), f"has no tensor '{QUERY}'"),
        (lambda t: t.update(more=t[QUERY]), "holds 'more', for which the model has no place"),
        (lambda t: t.update({QUERY: np.zeros((16, 16), "float16")}), "must be F32"),
        (dict.clear, "has no tensor 'transformer/"),
    ],
)
def test_weights_that_do_not_fit_the_manifest(folder, change, message):
    rewrite(folder / c.WEIGHTS, change)
    reseal(folder)
    assert message in refusal(folder) and c.WEIGHTS in refusal(folder)


class Bomb:
    def __reduce__(self):
        return (open, ("/nonexistent/a/pickle/was/read", "w"))


@pytest.mark.parametrize("content", [pickle.dumps(Bomb()), b"PK\x03\x04" * 9, b"", b"\xff" * 64])
def test_other_formats_in_place_of_the_weights(folder, content):
    (folder / c.WEIGHTS).write_bytes(content)
    reseal(folder)
    assert "safetensors" in refusal(folder)


@pytest.mark.parametrize(
    "languages",
    [
        {}, {"source": "en"}, {"source": "en", "target": "it", "third": "de"}, ["en", "it"],
        {"source": "en", "target": ""}, {"source": "en", "target": 1}, "en-it", None,
        {"source": "en", "target": "it\n"}, {"source": "en", "target": "x" * 36},
        {"source": "en", "target": "../it"},
    ],
)  # fmt: skip
def test_edited_languages(folder, languages):
    reseal(folder, set_setting(languages=languages))
    assert "languages is" in refusal(folder)


@pytest.mark.parametrize("name", ["label_map.json", c.TOKENIZER, c.ADAPTER_CONFIG])
def test_files_of_another_task_are_refused(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    for each in (name, *(c.ADAPTER if name in c.ADAPTER else ())):
        (folder / each).write_bytes(b"{}")
    entry = {"bytes": 2, "sha256": storage.sha256_file(folder / name)}
    files = {each: entry for each in (name, *(c.ADAPTER if name in c.ADAPTER else ()))}
    reseal(folder, lambda data: data["files"].update(files))
    assert f"lists {name}, which no model for translation has" in refusal(folder)


def test_a_file_of_the_task_must_be_listed(folder):
    (folder / TOKENIZERS[1]).unlink()
    reseal(folder, lambda data: data["files"].pop(TOKENIZERS[1]))
    assert f"does not list {TOKENIZERS[1]}" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(architecture="bert"), "the architecture 'bert' is unknown"),
        (lambda d: d.update(architecture="os.system"), "the architecture 'os.system' is unknown"),
        (lambda d: d.update(task="juggling"), "the task 'juggling' is unknown"),
        (lambda d: d.update(task="classification"), "has no 'num_labels'"),
        (lambda d: d.update(max_length=21), "max_length is 21, more than the model's 20"),
        (lambda d: d.update(max_length=2), "special tokens"),
        (set_setting(cleaning={"run": "os.system"}), "unknown preprocessing step"),
        (set_argument(d_model=32), "manifest.json asks for"),
        (set_argument(d_ff=8), "manifest.json asks for"),
        (set_argument(N=1), "for which the model has no place"),
        (set_argument(N=3), "has no tensor"),
        (set_argument(N=10**9), "N must be between"),
        (set_argument(h=3), "must divide"),
        (set_argument(tie_embeddings=True), "projection"),
        (set_argument(norm_first=False), "no place"),
        (set_argument(pad_id=0), "pads with the token 1, but the model with 0"),
        (set_argument(src_vocab_size=24), "it has 25 tokens, but the model"),
        (set_argument(tgt_vocab_size=23), "it has 24 tokens, but the model"),
        (set_argument(tgt_vocab_size=25), "manifest.json asks for"),
        (set_argument(dropout="0.1"), "dropout must be float"),
        (set_argument(dropout=1.5), "dropout must be"),
        (set_argument(module="os"), "unknown transformer arguments: module"),
        (lambda d: d["arguments"].pop("src_seq_len"), "missing transformer arguments: src_seq_len"),
    ],
)
def test_a_forged_manifest(folder, change, message):
    reseal(folder, change)
    assert message in refusal(folder)


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("content", [b"{", b"{}", b"\x80\x04N.", b'{"model": {"type": 1}}'])
def test_a_broken_tokenizer(folder, name, content):
    (folder / name).write_bytes(content)
    assert f"{name} was changed after it was saved" in refusal(folder)
    reseal(folder)
    assert name in refusal(folder)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_forged_tokenizer(folder, name):
    """Valid JSON that makes the library panic, or gives ids that the model lacks or mistakes."""
    good = storage.read_json(folder / name, FolderError)
    around = good["post_processor"]
    special = around["special_tokens"]
    words = {**good["model"]["vocab"], "one": 1000}
    for change, message in (
        ({"special_tokens": {"[SOS]": special["[SOS]"]}}, name),
        (
            {"special_tokens": {**special, "[EOS]": {**special["[EOS]"], "ids": [10**6]}}},
            "tokens, but the model only",
        ),
        ({"single": around["single"][:2]}, "does not put [SOS] before a text and [EOS] after it"),
    ):
        storage.write_json(folder / name, {**good, "post_processor": {**around, **change}})
        reseal(folder)
        assert message in refusal(folder) and name in refusal(folder)
    storage.write_json(folder / name, {**good, "model": {**good["model"], "vocab": words}})
    reseal(folder)
    assert "has 1001 tokens, but the model only" in refusal(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"src_vocab_size": 4_000_000, "d_model": 1280}, "manifest.json asks for a model of"),
        ({"d_ff": 50_000, "N": 100, "d_model": 512}, "manifest.json asks for a model of"),
        ({"src_seq_len": 100_000, "d_model": 512}, "positions of src_seq_len 100000"),
    ],
)
def test_absurd_sizes_take_no_memory(folder, arguments, message):
    """What manifest.json asks for would take up to 80 GB; it is refused before it is built."""
    reseal(folder, set_argument(**arguments))
    tracemalloc.start()
    try:
        assert message in refusal(folder)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
