"""Exports for CTranslate2 that are not as they were written: one sentence each."""

import shutil
from pathlib import Path

import pytest

from harness import translators, wordpieces
from harness.folders import reseal, task_engine
from kerasft.errors import FolderError
from kerasft.exports.engines import make_export

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator with its export."""
    path = tmp_path_factory.mktemp("plain") / "run"
    shutil.copytree(translators.saved().folder, path)
    make_export(path, "ctranslate2")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["arguments"].pop("tgt_seq_len"), "arguments has no 'tgt_seq_len'"),
        (lambda d: d["arguments"].update(src_vocab_size=True), "src_vocab_size is true"),
        (lambda d: d["arguments"].update(tgt_vocab_size=4), "tokens, but the model only 4"),
        (lambda d: d["arguments"].update(tgt_seq_len=10**9), "tgt_seq_len is 1000000000"),
        (lambda d: d["settings"].update(cleaning={"magic": True}), "magic"),
        (lambda d: d["exports"].clear(), "lists 'export/ctranslate2/"),
        (lambda d: d.pop("exports"), "has no 'exports'"),
        (lambda d: d["exports"].update(onnx={}), "does not list export/onnx/model.onnx"),
    ],
)
def test_a_forged_manifest(plain, change, message, tmp_path):
    folder = shutil.copytree(plain, tmp_path / "run")
    reseal(folder, change)
    with pytest.raises(FolderError) as caught:
        task_engine(folder, "ctranslate2")
    assert message in str(caught.value) and str(caught.value).endswith(".")


def test_a_tokenizer_without_a_start(plain, tmp_path):
    folder = shutil.copytree(plain, tmp_path / "run")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"]
    wordpieces.tokenizer(pieces).save(folder / "tokenizer_target.json")
    reseal(folder)
    with pytest.raises(
        FolderError, match=r"tokenizer_target\.json pads with the token 0, but the model with 1"
    ):
        task_engine(folder, "ctranslate2")
