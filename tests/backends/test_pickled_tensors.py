"""Reading `pytorch_model.bin`: every kind of tensor, and nothing that is not one."""

import os
import pickle
import random
import zipfile
from collections import OrderedDict

import ml_dtypes
import numpy as np
import pytest
import torch

from kerasft.backends.pickled_tensors import read_pickled_tensors
from kerasft.errors import PresetError

pytestmark = pytest.mark.plain


class Malicious:
    """Runs a command when a careless reader opens the pickle."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Eval(Malicious):
    """The same through a builtin."""

    def __reduce__(self):
        return eval, (f"__import__('os').system({self.command!r})",)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pytorch_model.bin"


TENSORS = {
    "float32": torch.randn(3, 4),
    "float64": torch.randn(2, dtype=torch.float64),
    "float16": torch.randn(5).half(),
    "int64": torch.arange(6).reshape(1, 6),
    "uint8": torch.arange(3, dtype=torch.uint8),
    "bool": torch.tensor([True, False]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 4),
    "transposed": torch.randn(3, 4).T,
    "strided": torch.randn(8, 3)[::2],
    "expanded": torch.randn(1, 3).expand(4, 3),
    "parameter": torch.nn.Parameter(torch.randn(2, 2)),
}


@pytest.mark.parametrize("zipped", [True, False])
def test_every_kind_of_tensor_is_read_as_it_is(path, zipped):
    torch.save(OrderedDict(TENSORS), path, _use_new_zipfile_serialization=zipped)
    found = read_pickled_tensors(path)
    assert list(found) == list(TENSORS)
    for name, tensor in TENSORS.items():
        expected = tensor.detach().numpy()
        assert found[name].dtype == expected.dtype and found[name].shape == expected.shape
        assert found[name].flags.c_contiguous
        np.testing.assert_array_equal(found[name], expected)


def test_bfloat16_keeps_its_bits(path):
    tensor = torch.randn(3, 5).bfloat16()
    torch.save({"weight": tensor}, path)
    found = read_pickled_tensors(path)["weight"]
    assert found.dtype == ml_dtypes.bfloat16 and found.shape == (3, 5)
    np.testing.assert_array_equal(found.astype(np.float32), tensor.float().numpy())


def write_zip(path, value):
    torch.save(value, path)


def write_legacy(path, value):
    torch.save(value, path, _use_new_zipfile_serialization=False)


def write_plain(path, value):
    path.write_bytes(pickle.dumps(value))


@pytest.mark.parametrize("kind", [Malicious, Eval])
@pytest.mark.parametrize("write", [write_zip, write_legacy, write_plain])
def test_a_malicious_pickle_is_refused_and_not_run(path, write, kind):
    trace = path.parent / "it-ran"
    write(path, OrderedDict(weight=torch.zeros(2), other=kind(f"echo > {trace}")))
    with pytest.raises(PresetError) as caught:
        read_pickled_tensors(path)
    message = str(caught.value)
    assert str(path) in message and "safetensors" in message
    assert "\n" not in message and "weights_only" not in message and "add_safe" not in message
    if write is not write_plain:  # torch looks for its own header first
        assert ("asks for eval," if kind is Eval else ".system") in message
    assert not trace.exists()


def test_the_malicious_pickle_would_have_run(path):
    """So that the test above cannot pass for want of malice."""
    trace = path.parent / "it-ran"
    torch.save(Malicious(f"echo > {trace}"), path)
    torch.load(path, weights_only=False)
    assert trace.exists()


NOT_WEIGHTS = [
    ([torch.zeros(2)], "holds a list and not tensors by name"),
    (torch.zeros(2), "holds a Tensor and not tensors by name"),
    ({"a": torch.zeros(2), "epoch": 3}, "the entry 'epoch' of"),
    ({"a": torch.zeros(2), "epoch": 3}, "is an int and not a tensor"),
    ({"state_dict": {"a": torch.zeros(2)}}, "the entry 'state_dict' of"),
    ({3: torch.zeros(2)}, "an entry whose name is an int"),
    ({"a": torch.zeros(2).to_sparse()}, "is a sparse_coo tensor"),
    ({"a": torch.zeros(2, dtype=torch.complex64)}, "is a complex tensor"),
    ({"a": torch.zeros(2, device="meta")}, "is a meta tensor"),
    ({"a": torch.zeros(2).to(torch.float8_e4m3fn)}, "is of type torch.float8_e4m3fn"),
]


@pytest.mark.parametrize(("content", "words"), NOT_WEIGHTS, ids=[w[:32] for _, w in NOT_WEIGHTS])
def test_what_is_not_tensors_by_name_is_refused(path, content, words):
    torch.save(content, path)
    with pytest.raises(PresetError) as caught:
        read_pickled_tensors(path)
    assert words in str(caught.value) and str(path) in str(caught.value)


def test_a_quantized_tensor_is_refused(path):
    tensor = torch.quantize_per_tensor(torch.randn(4), 0.1, 0, torch.qint8)
    torch.save({"a": tensor}, path)
    with pytest.raises(PresetError, match="is a quantized tensor"):
        read_pickled_tensors(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02", b"not a pickle", b"PK\x03\x04", b"\x80\x04N.", b"\0" * 4000]
)
def test_a_broken_file_is_one_sentence(path, content):
    path.write_bytes(content)
    with pytest.raises(PresetError) as caught:
        read_pickled_tensors(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_file_is_one_sentence(path, zipped):
    torch.save({"a": torch.randn(500)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(PresetError, match="cannot be read as PyTorch weights"):
        read_pickled_tensors(path)


def damaged(rng, raw):
    """The bytes with one thing done to them that copying, disks and networks do."""
    data, kind = bytearray(raw), rng.choice(["bit", "cut", "zeros", "swap", "twice", "lost"])
    place, other, size = rng.randrange(len(raw)), rng.randrange(len(raw)), rng.randrange(1, 64)
    piece = data[other : other + size]
    if kind == "bit":
        data[place] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[place:]
    elif kind == "zeros":
        data[place : place + size] = bytes(len(data[place : place + size]))
    elif kind == "swap":
        data[other : other + size], data[place : place + size] = data[place : place + size], piece
    elif kind == "twice":
        data[place:place] = piece
    else:
        del data[place : place + size]
    return bytes(data)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_file_is_one_sentence_or_as_it_was(path, zipped):
    """The older format has no checksums: its numbers can differ, but nothing else happens."""
    tensors = OrderedDict((f"layer.{i}.weight", torch.randn(8, 5)) for i in range(4))
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    raw, rng, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(300):
        path.write_bytes(damaged(rng, raw))
        try:
            found = read_pickled_tensors(path)
        except PresetError as error:
            assert "\n" not in str(error) and len(str(error)) < 400
            refused += 1
            continue
        if zipped:
            assert list(found) == list(tensors)
            assert all(np.array_equal(found[name], tensors[name].numpy()) for name in tensors)
    assert refused > 150


@pytest.mark.parametrize("change", [10, -4])
def test_a_storage_has_the_size_that_the_pickle_says(path, change):
    """With 10 numbers more, torch would read on into the storage behind it."""
    tensors = {"a": torch.ones(20), "b": torch.full((20,), 7.0)}
    torch.save(tensors, path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    (name,) = [name for name in entries if name.endswith("data.pkl")]
    # BININT1 20 stands before the tuple of the persistent id is closed, and in the shape.
    entries[name] = entries[name].replace(b"K\x14", bytes([ord("K"), 20 + change]))
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in entries.items():
            archive.writestr(each, content)
    with pytest.raises(PresetError, match=f"its part '0' holds 80 bytes, not {80 + 4 * change}"):
        read_pickled_tensors(path)


def test_a_name_that_no_file_could_hold_is_refused(path):
    torch.save({"half \ud800": torch.zeros(2)}, path)
    with pytest.raises(PresetError, match="which is no name of a tensor"):
        read_pickled_tensors(path)


def test_a_compressed_archive_is_refused(path):
    torch.save({"a": torch.zeros(100_000)}, path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(PresetError, match="is a compressed archive"):
        read_pickled_tensors(path)


def test_a_program_is_refused(path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    with pytest.raises(PresetError, match="is a compressed archive, as a TorchScript program is"):
        read_pickled_tensors(path)


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_without_torch_it_is_said_what_is_missing(path, run_python, backend):
    torch.save({"a": torch.zeros(2)}, path)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from kerasft.backends.pickled_tensors import read_pickled_tensors\n"
        f"read_pickled_tensors({str(path)!r})"
    )
    result = run_python("-c", code, backend=backend)
    assert "ConfigError: reading PyTorch's own weight files needs torch" in result.stderr
    assert "pip install 'kerasft[torch]'" in result.stderr
