"""Models in CTranslate2's format: the log-probabilities of Keras, for every architecture."""

from pathlib import Path

import keras
import numpy as np
import pytest

from harness import text_models, translators
from kerasft import backends, peft
from kerasft.errors import ConfigError, FolderError
from kerasft.folder.export_files import CTRANSLATE2_FILES
from kerasft.runtimes.ctranslate2.generator import open_translator
from kerasft.runtimes.ctranslate2.model_file import check_ctranslate2_file
from kerasft.runtimes.ctranslate2.runtime import largest_difference
from kerasft.runtimes.ctranslate2.write import source_tokens, target_tokens, write_ctranslate2
from kerasft.runtimes.runtime import WriterModel

pytestmark = pytest.mark.any_backend

TRANSLATORS = {
    "as it is": {},
    "the paper's order of norms": {"norm_first": False, "N": 1},
    "tied, the paper's order": {"tie_embeddings": True, "norm_first": False},
    "odd sizes, tied": {
        "d_model": 15, "h": 3, "d_ff": 7, "N": 3, "src_seq_len": 33, "tgt_seq_len": 9,
        "tie_embeddings": True,
    },
}  # fmt: skip
T5S = {
    "1.0": {},
    "1.1": {
        "activation": "gelu_approximate", "gated": True, "tie_embeddings": False,
        "scale_outputs": False,
    },
    "more layers on one side, other positions": {
        "encoder_layers": 1, "decoder_layers": 3, "heads": 3, "activation": "silu",
        "relative_buckets": 8, "relative_max_distance": 19,
    },
    "untied but scaled, an exact gate": {
        "tie_embeddings": False, "activation": "gelu", "gated": True, "layer_norm_epsilon": 0.03,
    },
    "a tanh": {"activation": "tanh", "encoder_layers": 1, "decoder_layers": 1},
}  # fmt: skip


@pytest.mark.parametrize("arguments", TRANSLATORS.values(), ids=list(TRANSLATORS))
def test_translators_say_the_same(arguments, tmp_path):
    model = translators.build(**arguments)
    write_ctranslate2(model, tmp_path, 2, 3)
    assert {file.name for file in tmp_path.iterdir()} == set(CTRANSLATE2_FILES)
    check_ctranslate2_file((tmp_path / "model.bin").read_bytes(), tmp_path / "model.bin")
    lengths = (model.arguments.src_seq_len, model.arguments.tgt_seq_len - 1)
    off, most = largest_difference(WriterModel(model, 2, 3, 1, *lengths), tmp_path)
    assert off < 1e-4 * most and most > 1


@pytest.mark.parametrize("arguments", T5S.values(), ids=list(T5S))
def test_t5_say_the_same(arguments, tmp_path):
    model = text_models.build(**arguments)
    write_ctranslate2(model, tmp_path, 0, 1)
    # Far beyond the largest distance that has a bucket of its own.
    off, most = largest_difference(WriterModel(model, 0, 1, 0, 300, 40), tmp_path)
    assert off < 1e-4 * most and most > 1


@pytest.mark.parametrize("change", ["a norm", "a position", "a bias"])
def test_another_model_is_noticed(change, tmp_path):
    model = translators.build(N=1)
    write_ctranslate2(model, tmp_path, 2, 3)
    if change == "a norm":
        model.decoder.norm.alpha.assign(model.decoder.norm.alpha * 1.05)
    elif change == "a position":
        model.source_positions.table = model.source_positions.table[::-1].copy()
    else:
        bias = model.encoder.blocks[0].self_attention.value.bias
        bias.assign(bias + 0.1)
    off, _ = largest_difference(WriterModel(model, 2, 3, 1, 20, 11), tmp_path)
    assert off > 0.01


def test_adapters_must_have_been_merged(tmp_path):
    model = text_models.build(lora=True)
    peft.remove(model)
    write_ctranslate2(model, tmp_path, 0, 1)
    off, most = largest_difference(WriterModel(model, 0, 1, 0, 40, 8), tmp_path)
    assert off < 1e-4 * most


@pytest.mark.parametrize("tied", [False, True])
def test_the_model_itself_is_left_as_it_was(tied, tmp_path):
    """Rounding to 8 bits happens in place, and on torch an array may share a weight's memory."""
    model = translators.build(tie_embeddings=tied)
    before = [np.array(weight) for weight in model.get_weights()]
    table = model.source_positions.table.copy()
    write_ctranslate2(model, tmp_path, 2, 3, int8=True)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    np.testing.assert_array_equal(model.source_positions.table, table)


def test_8_bits_are_smaller_and_near(tmp_path):
    # Wide enough for the matrices to be most of the file.
    model = translators.build(d_model=128, h=4, d_ff=256)
    for weight in model.weights:
        if len(weight.shape) == 2:
            weight.assign(weight * 0.2)
    for name, int8 in (("float32", False), ("int8", True)):
        (tmp_path / name).mkdir()
        write_ctranslate2(model, tmp_path / name, 2, 3, int8=int8)
        check_ctranslate2_file(
            (tmp_path / name / "model.bin").read_bytes(), tmp_path / name / "model.bin"
        )
    sizes = [(tmp_path / name / "model.bin").stat().st_size for name in ("float32", "int8")]
    assert sizes[1] < 0.35 * sizes[0]
    source, target = source_tokens([2, 9, 7, 3]), target_tokens([8, 11, 5])
    exact, rounded = (
        open_translator(tmp_path / name, int8=int8).score_batch([source], [target])[0].log_probs
        for name, int8 in (("float32", False), ("int8", True))
    )
    assert 0 < np.abs(np.subtract(exact, rounded)).max() < 0.5


def test_torch_is_not_imported_for_it(run_python, tmp_path):
    code = (
        "import sys\n"
        "import kerasft.backends\n"
        "from kerasft.runtimes.ctranslate2 import write\n"
        "write._specs()\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)\n"
    )
    backend = backends.choose().name
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    torch, transformers = done.stdout.split()
    assert transformers == "False" and (backend == "torch" or torch == "False")


def test_only_what_decodes_can_be_written(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(ConfigError, match="a Sequential cannot be exported to CTranslate2"):
        write_ctranslate2(model, tmp_path, 0, 1)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("model")
    write_ctranslate2(translators.build(N=1), folder, 2, 3)
    return (folder / "model.bin").read_bytes()


def huge(data: bytes) -> bytes:
    """A weight that says to be large; the first is of 32 bits."""
    start = data.index(b"decoder/embeddings/weight\0") + len(b"decoder/embeddings/weight\0")
    return data[: start + 1] + b"\xff\xff\xff\x7f" + data[start + 5 :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"", "ends too early"),
        (lambda data: b"PK" + data, "is of version"),
        (lambda data: data[:4] + data[4:].replace(b"TransformerSpec", b"TransformerSpic", 1),
         "holds a 'TransformerSpic', not a 'TransformerSpec'"),
        (lambda data: data[:-40], "ends too early"),
        (lambda data: data[: len(data) // 2], "does not hold"),
        (lambda data: data + b"\0", "goes on where it should end"),
        (lambda data: data[:26] + b"\xff\xff\xff\xff" + data[30:], "lists 4294967295 weights"),
        (huge, "does not hold 'decoder/embeddings/weight' whole"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_before_it_is_read(model_file, change, message, tmp_path: Path):
    file = tmp_path / "model.bin"
    file.write_bytes(change(model_file))
    with pytest.raises(FolderError, match="was not read") as caught:
        check_ctranslate2_file(file.read_bytes(), file)
    assert message in str(caught.value) and str(file) in str(caught.value)
    with pytest.raises(FolderError, match="was not read"):
        open_translator(tmp_path)
