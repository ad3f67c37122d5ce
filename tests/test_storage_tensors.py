"""The reader of safetensors: what the package `safetensors` wrote, from a path or from bytes."""

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kerasft import storage
from kerasft.errors import AdapterError, PresetError
from kerasft.storage import KINDS, Tensors

pytestmark = pytest.mark.plain

RNG = np.random.default_rng(0)
ALL = {
    "double": RNG.normal(size=(2, 3)),
    "float": RNG.normal(size=(4,)).astype("float32"),
    "half": RNG.normal(size=(3, 1)).astype("float16"),
    "bfloat": RNG.normal(size=(5,)).astype(ml_dtypes.bfloat16),
    "small": RNG.normal(size=(5,)).astype(ml_dtypes.float8_e4m3fn),
    "long": np.array([-(2**40), 7]),
    "flag": np.array([True, False, True]),
    "byte": np.array([200], "uint8"),
    "scalar": np.array(3.0, "float32"),
    "empty": np.zeros((0, 4), "float32"),
}


@pytest.fixture
def file(tmp_path):
    save_file(ALL, tmp_path / "all.safetensors", metadata={"format": "pt"})
    return tmp_path / "all.safetensors"


@pytest.mark.parametrize("of_bytes", [False, True])
def test_every_type_is_read_as_it_is_stored(file, of_bytes):
    raw = file.read_bytes() if of_bytes else None
    tensors = Tensors(file, raw, error=PresetError, kinds=KINDS, native=True)
    assert set(tensors) == set(ALL) and tensors.count == sum(each.size for each in ALL.values())
    for name, array in ALL.items():
        found = tensors[name]
        assert found.dtype == array.dtype and found.shape == tensors.shapes[name] == array.shape
        np.testing.assert_array_equal(found, array)
        assert found.flags.writeable and found.flags.aligned and found.flags.owndata


def test_floats_become_float32_and_others_are_refused_when_they_are_wanted(file):
    tensors = Tensors(file, error=PresetError, refuse_late=True)
    for name in ("double", "float", "half", "bfloat", "scalar", "empty"):
        assert tensors[name].dtype == np.float32
        np.testing.assert_array_equal(tensors[name], ALL[name].astype("float32"))
    with pytest.raises(PresetError, match=r"all.safetensors holds 'long' as I64, but it must be F"):
        tensors["long"]
    with pytest.raises(AdapterError, match=r"as [A-Z0-9_]+, but it must be F64 or F32 or F16 or B"):
        Tensors(file, error=AdapterError)
    with pytest.raises(AdapterError, match="but it must be F32; a quantized model"):
        Tensors(file, error=AdapterError, kinds=("F32",))


def test_a_name_has_one_spelling(file, tmp_path):
    short = Tensors(file, error=PresetError, refuse_late=True, spelling=lambda name: name[:3])
    assert short["dou"].shape == (2, 3)
    with pytest.raises(PresetError, match="holds 'f' in two spellings"):  # float, flag
        Tensors(file, error=PresetError, refuse_late=True, spelling=lambda name: name[:1])


def test_what_is_written_is_read(tmp_path):
    arrays = {name: array for name, array in ALL.items() if name != "small"}
    storage.write_tensors(arrays, tmp_path / "file")
    tensors = Tensors(tmp_path / "file", error=PresetError, kinds=KINDS, native=True)
    for name, array in load_file(tmp_path / "file").items():
        np.testing.assert_array_equal(tensors[name], array)


def changed(raw: bytes, **entry) -> bytes:
    """The file with other values in the entry of "float"."""
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    header["float"] |= entry
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + raw[8 + size :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: b"", "is not a safetensors file .its header cannot be 0 bytes.; fetch, copy"),
        (lambda raw: b"\x00" + raw[1:200], "is not a safetensors file"),
        (lambda raw: raw[:-1], "is not a whole safetensors file: its tensors do not fill it"),
        (lambda raw: raw + b"x", "is not a whole safetensors file: its tensors do not fill it"),
        (lambda raw: b"PK" + raw[2:], r"is a zip archive .*, not safetensors"),
        (lambda raw: b"\x80" + b"\xff" * 20, "is a pickle, not safetensors"),
        (lambda raw: raw.replace(b'"float"', b'"flag" '), "the key 'flag' occurs twice"),
        (lambda raw: changed(raw, dtype="F3"), "its entry 'float' cannot be"),
        (lambda raw: changed(raw, shape=[4, 2]), "its entry 'float' cannot be"),
        (lambda raw: changed(raw, shape=[-4]), "its entry 'float' cannot be"),
        (lambda raw: changed(raw, shape=[True] * 3), "its entry 'float' cannot be"),
        (lambda raw: changed(raw, data_offsets=[0, 16]), "its tensors do not fill it"),
        (lambda raw: (2).to_bytes(8, "little") + b"[]", "its header is no JSON object"),
        (lambda raw: (2**40).to_bytes(8, "little") + raw, "is not a safetensors file"),
    ],
)
def test_a_broken_file_is_one_sentence(file, change, message):
    raw = change(file.read_bytes())
    file.write_bytes(raw)
    for held in (raw, None):
        with pytest.raises(PresetError, match=message) as caught:
            Tensors(file, held, error=PresetError, kinds=KINDS)
        assert str(file) in str(caught.value) and "\n" not in str(caught.value)
    file.unlink()
    with pytest.raises(PresetError, match="cannot be read: No such file"):
        Tensors(file, error=PresetError)
