"""Reads the tensors of a file of `torch.save` without running the code that it names."""

from __future__ import annotations

import io
import os
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.backends.choice import is_installed
from kerasft.errors import ConfigError, PresetError

if TYPE_CHECKING:
    import numpy as np
    import torch

# Before 2.6 `weights_only=True` could be made to run code all the same (CVE-2025-32434).
_SAFE_SINCE = (2, 6)
# A file can name the same numbers many times. A model does so for tied embeddings; a crafted file
# of a few bytes could fill the memory.
_REPEATS = 8
_PICKLE, _STORAGES = "data.pkl", "data/"
_CHUNK = 2**20
# Of what a storage's class holds, as far as safetensors can. Others are refused by their tensors.
_ITEM_BYTES = {
    **dict.fromkeys(("DoubleStorage", "LongStorage"), 8),
    **dict.fromkeys(("FloatStorage", "IntStorage"), 4),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    **dict.fromkeys(("ByteStorage", "CharStorage", "BoolStorage", "UntypedStorage"), 1),
}


def read_pickled_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a `pytorch_model.bin`: a pickled dict of tensors.

    A pickle can call any function. torch's restricted reader (`weights_only=True`) knows a short
    list of harmless names and stops at any other before it is looked up. Where possible the tensors
    are memory-mapped, so the file must not change until they have been used.

    In the format of torch 1.6 and later, a zip archive, every checksum is verified, and that each
    tensor fills its entry. The older format has no checksums.

    Returns:
        Tensor by name, of the shape and type in the file (bfloat16 as ml_dtypes' type). Each is
        contiguous; tensors that shared memory when they were saved may share it still.

    Raises:
        ConfigError: torch is not installed, or older than 2.6.
        PresetError: The file is broken or damaged, holds anything but tensors by name, or repeats
            its numbers to more than eight times its size.

    Example:
        >>> read_pickled_tensors("pytorch_model.bin")["classifier.bias"].shape
        (3,)
    """
    torch = _import_torch()
    archived = has_checksums(path)
    if archived:
        _check_archive(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # of old pickles and their storages
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=archived)
    except Exception as error:  # a broken pickle can raise any exception
        raise PresetError(_reason(path, error)) from None
    if not isinstance(content, dict):
        raise PresetError(
            f"{path} holds {_kind(content)} and not tensors by name, so it is not a model's weights"
        )
    size = 0
    for name, value in content.items():
        _check(path, name, value)
        size += value.numel() * value.element_size()
    if size > _REPEATS * os.path.getsize(path):
        raise PresetError(
            f"{path} repeats its numbers to {size} bytes, far more than the file holds, so it is "
            "not read"
        )
    return {name: _array(path, name, value) for name, value in content.items()}


def _import_torch() -> Any:
    if not is_installed("torch"):
        raise ConfigError(
            "reading PyTorch's own weight files needs torch, which is not installed: "
            "`pip install 'kerasft[torch]'`; the converted files need no torch"
        )
    import torch

    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < _SAFE_SINCE:
        raise ConfigError(
            f"torch {torch.__version__} cannot read pickled weights safely; install torch 2.6 or "
            "later"
        )
    return torch


def has_checksums(path: str | Path) -> bool:
    """Whether a file is of the format, a zip archive, that has a checksum for each of its parts.

    Raises:
        PresetError: It cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"PK\x03\x04"  # as torch decides it
    except OSError as error:
        raise PresetError(f"{path} cannot be read: {error.strerror}") from None


def _check_archive(path: str | Path) -> None:
    """Refuses archives that `torch.save` never writes, and damaged ones."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise PresetError(
                    f"{path} is a compressed archive, as a TorchScript program is but no file of "
                    "tensors, so it is not read"
                )
            sizes = {}
            for entry in entries:
                with archive.open(entry) as file:
                    while file.read(_CHUNK):  # at the end of an entry its CRC-32 is compared
                        pass
                sizes[entry.filename.partition("/")[2]] = entry.file_size
            if len(sizes) != len(entries):
                raise PresetError(_broken(path, "it holds two parts of one name"))
            names = [each.filename for each in entries]
            (pickled,) = [name for name in names if name.partition("/")[2] == _PICKLE]
            _check_storages(path, archive.read(pickled), sizes)
    except PresetError:
        raise
    except Exception as error:  # zipfile lets those of many parts of Python through
        raise PresetError(_broken(path, str(error))) from None


def _check_storages(path: str | Path, pickled: bytes, sizes: dict[str, int]) -> None:
    """Compares how many numbers the pickle says each storage has with how many there are.

    torch trusts the pickle, and would read on into the next storage.
    """
    declared: dict[str, set[int]] = {}
    _Storages(pickled, declared).load()
    for key, found in declared.items():
        for size in found - {sizes.get(_STORAGES + key)}:
            held = sizes.get(_STORAGES + key, "no")
            raise PresetError(
                _broken(path, f"its part {key[:20]!r} holds {held} bytes, not {size}")
            )


class _Nothing:
    """Replaces everything that a pickle names, and does nothing."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __call__(self, *_: object) -> _Nothing:
        return _Nothing()

    def __setitem__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


# The one in Python: that in C takes memory for as many memories as a file says there are.
class _Storages(pickle._Unpickler):
    """Runs through a pickle, without what it names, for the sizes of its storages in bytes."""

    def __init__(self, pickled: bytes, declared: dict[str, set[int]]) -> None:
        super().__init__(io.BytesIO(pickled))
        self._declared = declared

    def find_class(self, _module: str, name: str) -> Any:
        return _Nothing(name)

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, _, count = pid
        if kind.name in _ITEM_BYTES:
            self._declared.setdefault(key, set()).add(count * _ITEM_BYTES[kind.name])
        return _Nothing()


def _reason(path: str | Path, error: Exception) -> str:
    """One sentence for an error of torch, whose own message explains how to switch safety off."""
    text = str(error)
    asked = re.search(r"GLOBAL (\S{1,80}) (?:was not an allowed|whose module)", text)
    if asked:
        return (
            f"{path} asks for {asked[1]}, which no file of tensors needs and which may do harm, so "
            "it was not opened; ask its owner for safetensors, or choose another model"
        )
    # The unpickler's own message explains how to read the file unsafely.
    return _broken(path, "" if isinstance(error, pickle.UnpicklingError) else text)


def _broken(path: str | Path, text: str) -> str:
    words = " ".join(text.split())[:80] or "no pickle of tensors"
    return (
        f"{path} cannot be read as PyTorch weights ({words}); fetch or copy it again, or ask its "
        "owner for safetensors"
    )


def _check(path: str | Path, name: object, value: object) -> None:
    """Refuses an entry that is not a name and a plain tensor."""
    import torch

    if not isinstance(name, str):
        raise PresetError(
            f"{path} has an entry whose name is {_kind(name)}, so it is not a model's weights"
        )
    if not name.isprintable():  # nor is half a character, which no file could hold
        raise PresetError(f"{path} calls an entry {name!a:.60}, which is no name of a tensor")
    what = f"the entry {name!r} of {path}"
    if not isinstance(value, torch.Tensor):
        raise PresetError(
            f"{what} is {_kind(value)} and not a tensor; give the weights alone "
            "(`model.state_dict()`), without optimizer or settings"
        )
    if not _is_plain(value):
        raise PresetError(
            f"{what} is a {_layout(value)} tensor, which safetensors does not hold; save it dense "
            "and unquantized"
        )


def _array(path: str | Path, name: str, value: torch.Tensor) -> np.ndarray:
    """A tensor as a contiguous array, over the same memory where that is possible."""
    import ml_dtypes
    import torch

    tensor = value.detach().contiguous().resolve_neg()
    if tensor.dtype == torch.bfloat16:
        # numpy has no bfloat16 of its own, so torch gives none out.
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    try:
        return tensor.numpy()
    except TypeError:
        raise PresetError(
            f"the entry {name!r} of {path} is of type {tensor.dtype}, which is not supported"
        ) from None


def _is_plain(tensor: torch.Tensor) -> bool:
    import torch

    return (
        tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and not tensor.is_quantized
        and not tensor.is_complex()
    )


def _layout(tensor: torch.Tensor) -> str:
    if tensor.is_quantized:
        return "quantized"
    if tensor.is_complex():
        return "complex"
    return tensor.device.type if tensor.device.type != "cpu" else str(tensor.layout).split(".")[-1]


def _kind(value: object) -> str:
    """The type of what was found in place of a tensor: "a list", "an int"."""
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
