"""A T5's weights in the files of a Hugging Face directory, in and out."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import storage
from kerasft.architectures import t5_names as t5
from kerasft.architectures.name_table import layers_by_path
from kerasft.architectures.t5 import T5
from kerasft.architectures.t5_arguments import T5Arguments
from kerasft.architectures.tensors import LoadReport, check_shapes, finite, to_tensors
from kerasft.errors import PresetError

# transformers keeps one table under several names; a file may hold any of them, or all.
_TABLE = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
_HEAD = "lm_head.weight"


def load_t5_tensors(
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    source: str = "the checkpoint",
) -> tuple[T5, LoadReport]:
    """Builds a T5 from a configuration and a checkpoint's tensors.

    The head is tied to the table where the checkpoint has no other values for it (as in
    transformers 5, for which alone `tie_word_embeddings` does not decide this).

    Args:
        config: What `config.json` holds.
        tensors: Tensor by Hugging Face name.
        shapes: Shape by name, where they are known without reading the tensors.
        source: The checkpoint, for messages.

    Returns:
        The model, and what was loaded and what left unread (the table under its other names, the
        unused table of positions of old cross-attentions, ...).

    Raises:
        PresetError: The configuration is not supported, or a tensor is missing, misshapen, not
            finite, or contradicts another one.
    """
    if shapes is None:
        shapes = {name: tuple(tensors[name].shape) for name in tensors}
    arguments = t5.arguments_from_config(config, f"config.json of {source}")
    names = {name: name for name in shapes}
    names["shared.weight"] = _table(arguments, tensors, shapes, source)
    arguments = dataclasses.replace(
        arguments,
        tie_embeddings=_is_tied(arguments, tensors, shapes, names["shared.weight"], source),
    )
    table = t5.entries(arguments)
    # Before the model is built: a wrong configuration must not take memory first.
    check_shapes(table, {ours: shapes[theirs] for ours, theirs in names.items()}, source)
    model = T5(arguments, initialize=False)
    layers = layers_by_path(model)
    report = LoadReport()
    for entry in table:
        for parameter in entry.parameters:
            array = finite(tensors, names[parameter.name], source)
            variable = getattr(layers[entry.layer], parameter.attribute)
            variable.assign(entry.to_keras(array, tuple(variable.shape)))
            report.loaded.append(parameter.name)
    report.unread = sorted(set(shapes) - {names[name] for name in report.loaded})
    return model, report


def write_t5_files(model: T5, folder: Path) -> None:
    """Writes config.json, generation_config.json and model.safetensors, for transformers.

    Args:
        model: The model; adapters on it are left out (merge them first).
        folder: An existing folder.

    Example:
        >>> with storage.write_folder("my-t5", is_ours=...) as folder:
        ...     write_t5_files(model, folder)
        >>> transformers.T5ForConditionalGeneration.from_pretrained("my-t5")
    """
    config = t5.config_from_arguments(model.arguments)
    ids = ("pad_token_id", "eos_token_id", "decoder_start_token_id")
    storage.write_json(folder / "config.json", config)
    storage.write_json(folder / "generation_config.json", {name: config[name] for name in ids})
    storage.write_tensors(to_tensors(model), folder / "model.safetensors")


def _table(
    arguments: T5Arguments,
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    source: str,
) -> str:
    """The name under which the checkpoint has the table of tokens."""
    found = [name for name in _TABLE if name in shapes]
    if not found and arguments.tie_embeddings and _HEAD in shapes:
        return _HEAD
    if not found:
        raise PresetError(
            f"{source} has no tensor 'shared.weight'; its weights do not belong to a T5, or the "
            "download is incomplete"
        )
    for other in found[1:]:
        if not _same(tensors, shapes, found[0], other, source):
            raise PresetError(
                f"the tensors {found[0]!r} and {other!r} of {source} differ, but a T5 has one "
                "table of tokens for both sides"
            )
    return found[0]


def _is_tied(
    arguments: T5Arguments,
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    table: str,
    source: str,
) -> bool:
    """Whether the head is the table: the checkpoint has no values for it, or the same."""
    if _HEAD not in shapes or table == _HEAD or not arguments.tie_embeddings:
        return arguments.tie_embeddings
    return _same(tensors, shapes, table, _HEAD, source)


def _same(
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    first: str,
    second: str,
    source: str,
) -> bool:
    if shapes[first] != shapes[second]:
        return False
    # NaN equals nothing: it must be called by its name before it counts as a difference.
    return np.array_equal(finite(tensors, first, source), finite(tensors, second, source))
