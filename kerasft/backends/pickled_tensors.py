"""The tensors of a file that `torch.save` wrote, read without running what the file asks for."""

from __future__ import annotations

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
# A file can name the same numbers many times over. A model does so for its embeddings, in a few
# places; a file of a few bytes could fill the memory.
_REPEATS = 8


def read_pickled_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a `pytorch_model.bin`: a pickled dict of tensors.

    A pickle can name any function and have it called. torch's restricted reader
    (`weights_only=True`) knows a short list of harmless names, and stops at any other one before
    it is looked up. Where the file allows it, its tensors are mapped and not read: they come into
    memory as they are used, and the file must stay as it is until then.

    Args:
        path: The file.

    Returns:
        Tensor by name, of the shape and type in the file (bfloat16 as ml_dtypes' type). Each is
        contiguous; tensors that shared memory when they were saved may share it still.

    Raises:
        ConfigError: torch is not installed, or older than 2.6.
        PresetError: The file is broken, holds anything but tensors by name, or repeats its numbers
            to more than eight times its size.

    Example:
        >>> read_pickled_tensors("pytorch_model.bin")["classifier.bias"].shape
        (3,)
    """
    torch = _import_torch()
    archived = zipfile.is_zipfile(path)
    if archived:
        _check_archive(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # of old pickles and their storages
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=archived)
    except Exception as error:  # a broken pickle can end in any exception whatever
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
            "`pip install 'kerasft[torch]'`; what is made of them needs no torch any more"
        )
    import torch

    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < _SAFE_SINCE:
        raise ConfigError(
            f"torch {torch.__version__} cannot read pickled weights safely; install torch 2.6 or "
            "later"
        )
    return torch


def _check_archive(path: str | Path) -> None:
    """Refuses what `torch.save` never writes: compressed entries, which could be of any size."""
    try:
        with zipfile.ZipFile(path) as archive:
            compressed = [
                entry for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED
            ]
    except (zipfile.BadZipFile, OSError) as error:
        raise PresetError(_broken(path, str(error))) from None
    if compressed:
        raise PresetError(
            f"{path} is a compressed archive, as a TorchScript program is but no file of tensors, "
            "so it is not read"
        )


def _reason(path: str | Path, error: Exception) -> str:
    """One sentence for what torch raised; its own is a page that says how to switch safety off."""
    text = str(error)
    asked = re.search(r"GLOBAL (\S{1,80}) (?:was not an allowed|whose module)", text)
    if asked:
        return (
            f"{path} asks for {asked[1]}, which no file of tensors needs and which may do harm, so "
            "it was not opened; ask its owner for safetensors, or choose another model"
        )
    # The unpickler's own words tell how to read the file unsafely, which nobody should.
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
