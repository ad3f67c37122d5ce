"""Weights by their Hugging Face names, into a model and out of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import keras
import numpy as np

from kerasft.architectures.name_table import Entry, TwinModel, layers_by_path
from kerasft.architectures.registry import ENCODERS
from kerasft.errors import PresetError


@dataclass
class LoadReport:
    """What became of the tensors of a checkpoint.

    Attributes:
        loaded: Hugging Face names of the model's parameters that the checkpoint filled.
        new: Those of the head that it lacks or holds for other labels: they stay random.
        unread: Tensors of the checkpoint that the model has no place for (pretraining heads, ...).
        note: What else is to be said of the checkpoint, such as what its names begin with.
    """

    loaded: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    note: str | None = None

    def describe(self) -> list[str]:
        """What happened, in a sentence or more for the run's output and the model card."""
        lines = [f"{len(self.loaded)} tensors loaded"]
        if self.note:
            lines.append(self.note)
        if self.new:
            lines.append(f"new, so untrained: {', '.join(self.new)}")
        if self.unread:
            lines.append(f"left unread: {_some(self.unread)}")
        return lines


def match_names(entries: Iterable[Entry], names: Iterable[str]) -> dict[str, str]:
    """Where each parameter of a table stands in a checkpoint.

    A bare model's checkpoint has no "bert." before its names, and very old ones call a norm's
    weight and bias "gamma" and "beta".

    Returns:
        Hugging Face name (prefixed, as ...ForSequenceClassification has it) -> the checkpoint's
        name. Parameters that the checkpoint lacks are left out.
    """
    present = set(names)
    found = {}
    for entry in entries:
        for parameter in entry.parameters:
            spellings = [parameter.name]
            for family in ENCODERS.values():
                if parameter.name.startswith(family.prefix):
                    spellings.append(parameter.name.removeprefix(family.prefix))
            if entry.kind == "norm":
                spellings += [_old_name(spelling) for spelling in spellings]
            for spelling in spellings:
                if spelling in present:
                    found[parameter.name] = spelling
                    break
    return found


def check_shapes(
    entries: Iterable[Entry], shapes: Mapping[str, tuple[int, ...]], source: str = "the checkpoint"
) -> None:
    """Compares a checkpoint's shapes with a table, before any memory is taken.

    Args:
        entries: The table.
        shapes: Tensor name -> shape, of everything in the checkpoint.
        source: The checkpoint, for messages.

    Raises:
        PresetError: Names the first tensor that is missing (the head's may be) or misshapen (the
            classifier may be of other labels).
    """
    entries = list(entries)
    found = match_names(entries, shapes)
    for entry in entries:
        for parameter in entry.parameters:
            name = found.get(parameter.name)
            if name is None:
                if entry.head:
                    continue
                raise PresetError(
                    f"{source} has no tensor {parameter.name!r}; "
                    "its weights do not belong to its config.json, or the download is incomplete"
                )
            shape = tuple(shapes[name])
            if shape == parameter.shape or _is_of_other_labels(entry, shape):
                continue
            raise PresetError(
                f"the tensor {name!r} of {source} has the shape {shape}, but its configuration "
                f"asks for {parameter.shape}"
            )


def load_tensors(
    model: TwinModel,
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    source: str = "the checkpoint",
) -> LoadReport:
    """Fills a model from a checkpoint's tensors, one at a time.

    Args:
        model: The model; adapters on it are left alone.
        tensors: Tensor by name, with or without the "bert." or "distilbert." before it.
        shapes: Shape by name, where they are known without reading the tensors.
        source: The checkpoint, for messages.

    Returns:
        What was loaded, the new parts of the head, and what was not read.

    Raises:
        PresetError: A tensor of the encoder is missing or misshapen, and nothing was loaded; or one
            holds NaN or infinity.
    """
    if shapes is None:
        shapes = {name: tuple(tensors[name].shape) for name in tensors}
    entries = model.entries()
    check_shapes(entries, shapes, source)
    found = match_names(entries, shapes)
    layers = layers_by_path(model)
    report = LoadReport(unread=sorted(set(shapes) - set(found.values())))
    for entry in entries:
        names = [found.get(parameter.name) for parameter in entry.parameters]
        complete = all(
            name is not None and tuple(shapes[name]) == parameter.shape
            for name, parameter in zip(names, entry.parameters, strict=True)
        )
        if not complete:  # of the head, as the shapes were checked: all of the layer is new
            report.new += [parameter.name for parameter in entry.parameters]
            report.unread += [name for name in names if name is not None]
            continue
        for name, parameter in zip(names, entry.parameters, strict=True):
            variable = getattr(layers[entry.layer], parameter.attribute)
            array = finite_tensor(tensors, str(name), source)
            variable.assign(entry.to_keras(array, tuple(variable.shape)))
            report.loaded.append(parameter.name)
    return report


def finite_tensor(tensors: Mapping[str, np.ndarray], name: str, source: str) -> np.ndarray:
    """A tensor of a checkpoint as float32.

    Args:
        source: The checkpoint, for messages.

    Raises:
        PresetError: It holds NaN or infinity, or numbers beyond float32.
    """
    with np.errstate(over="ignore"):
        array = np.asarray(tensors[name], dtype="float32")
    if not np.isfinite(array).all():
        raise PresetError(
            f"the tensor {name!r} of {source} holds NaN or infinity, so its weights are broken; "
            "fetch or train them again"
        )
    return array


def to_tensors(
    model: TwinModel, only: Callable[[Entry], bool] | None = None
) -> dict[str, np.ndarray]:
    """A model's weights by the names that they have in its Hugging Face twin.

    Args:
        model: The model; adapters on it are left out (merge them first where they belong in).
        only: Which entries of the table to take; all where it is None.
    """
    layers, tensors = layers_by_path(model), {}
    for entry in model.entries():
        if only is None or only(entry):
            for parameter in entry.parameters:
                variable = getattr(layers[entry.layer], parameter.attribute)
                array = keras.ops.convert_to_numpy(variable)
                tensors[parameter.name] = entry.to_hugging_face(array, parameter)
    return tensors


def _some(names: list[str], most: int = 12) -> str:
    """The names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _old_name(name: str) -> str:
    """`LayerNorm.weight` and `.bias` as the first BERT checkpoints call them."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{'gamma' if suffix == 'weight' else 'beta'}"


def _is_of_other_labels(entry: Entry, shape: tuple[int, ...]) -> bool:
    """Whether a classifier's tensor only differs in how many labels it has."""
    expected = entry.shape if len(shape) == 2 else entry.shape[:1]
    return entry.layer == "classifier" and len(shape) in (1, 2) and shape[1:] == expected[1:]
