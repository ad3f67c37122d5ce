"""What the layers of a model are called in an adapter's file.

A model with a Hugging Face twin (a classifier, a tagger, a T5) uses its twin's names, such as
"distilbert.transformer.layer.0...", and array shapes, by the table that loads checkpoints; any
other model its layer paths, with dots for slashes, and Keras's own arrays.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasft.architectures import Entry, Parameter, TwinModel
from kerasft.layers.inner_layers import all_layers
from kerasft.peft.adapted import AdaptedLayer
from kerasft.peft.model_layers import BIASES, biases_of, layers_with_weights


@dataclass(frozen=True)
class Slot:
    """One array of a file and the variable of a layer that it fills.

    Attributes:
        name: Its name in the file, without what stands before every name: "classifier.weight".
        shape: Its shape in the file: (out, in) for a twin's Linear.
        variable: Gives the variable, which need not exist before the layer is adapted.
        to_file: Turns the variable's array into the file's.
        from_file: Turns the file's array into one of the variable's size; its shape may differ.
    """

    name: str
    shape: tuple[int, ...]
    variable: Callable[[], keras.Variable]
    to_file: Callable[[np.ndarray], np.ndarray]
    from_file: Callable[[np.ndarray], np.ndarray]

    def read(self) -> np.ndarray:
        """The variable's values as the file has them, float32."""
        array = self.to_file(keras.ops.convert_to_numpy(self.variable()))
        return np.ascontiguousarray(array, "float32").reshape(self.shape)

    def write(self, array: np.ndarray) -> None:
        """Fills the variable with the file's values."""
        variable = self.variable()
        variable.assign(self.from_file(array).reshape(variable.shape))


@dataclass(frozen=True)
class SideBySide(Slot):
    """Slots of one shape (rows, width) that are columns of one array, (rows, n * width).

    Attributes:
        parts: Each slot and the number of its place, from 0; other places hold zeros.
    """

    parts: tuple[tuple[Slot, int], ...] = ()

    @classmethod
    def of(cls, name: str, places: int, parts: Iterable[tuple[Slot, int]]) -> "SideBySide":
        """The array of a name, with so many places."""
        parts = tuple(parts)
        first, (rows, width) = parts[0][0], parts[0][0].shape
        return cls(
            name, (rows, places * width), first.variable, first.to_file, first.from_file, parts
        )

    def read(self) -> np.ndarray:
        """All of them as the file has them, float32."""
        array = np.zeros(self.shape, "float32")
        for slot, place in self.parts:
            width = slot.shape[1]
            array[:, place * width : (place + 1) * width] = slot.read()
        return array

    def write(self, array: np.ndarray) -> None:
        """Fills the variables of all of them."""
        for slot, place in self.parts:
            width = slot.shape[1]
            slot.write(array[:, place * width : (place + 1) * width])


@dataclass(frozen=True)
class Module:
    """A layer under the name that it has in a file.

    Attributes:
        name: "distilbert.transformer.layer.0.attention.q_lin".
        layer: The Keras layer.
        own: The layer's own variables, without an adapter's, by their names in Keras: "kernel".
        head: Whether it belongs to a classifier's or tagger's head.
    """

    name: str
    layer: Any
    own: Mapping[str, Slot]
    head: bool = False

    @property
    def is_output(self) -> bool:
        """Whether it gives the logits of a classifier or tagger."""
        return self.head and self.layer.path == "classifier"

    @property
    def biases(self) -> tuple[Slot, ...]:
        """Its bias (see `biases_of`): one array, or none."""
        own = self.own.items() if biases_of(self.layer) else ()
        return tuple(slot for name, slot in own if name in BIASES)


def modules_of(
    model: keras.Model, fits: Callable[[keras.layers.Layer], bool] | None = None
) -> dict[str, Module]:
    """The layers of a model that hold variables of their own, by their names in a file.

    Args:
        model: Any built model.
        fits: Which further layers count, under their paths: those that a method adapts.

    Raises:
        AdapterError: Two layers share a path.
    """
    layers = layers_with_weights(model)
    if isinstance(model, TwinModel):
        found = [_of_entry(entry, layers[entry.layer]) for entry in model.entries()]
    else:
        found = [module for module in map(_of_path, layers.values()) if module.own]
    if fits is not None:
        named = {id(module.layer) for module in found}
        further = [each for each in all_layers(model) if each.path and id(each) not in named]
        found += [_of_path(layer) for layer in further if fits(layer)]
    return {module.name: module for module in found}


def _of_entry(entry: Entry, layer: keras.layers.Layer) -> Module:
    def slot(parameter: Parameter) -> Slot:
        shape = tuple(getattr(layer, parameter.attribute).shape)
        return Slot(
            parameter.name,
            parameter.shape,
            lambda: getattr(layer, parameter.attribute),
            lambda array: entry.to_hugging_face(array, parameter),
            lambda array: entry.to_keras(array, shape),
        )

    own = {parameter.attribute: slot(parameter) for parameter in entry.parameters}
    return Module(entry.module, layer, own, head=entry.head)


def _of_path(layer: keras.layers.Layer) -> Module:
    def slot(variable: keras.Variable) -> Slot:
        shape = tuple(variable.shape)
        return Slot(f"{name}.{variable.name}", shape, lambda: variable, np.asarray, np.asarray)

    name = layer.path.replace("/", ".")
    added = layer.added if isinstance(layer, AdaptedLayer) else ()
    variables = [*layer._trainable_variables, *layer._non_trainable_variables]
    own = {each.name: slot(each) for each in variables if each.name not in added}
    return Module(name, layer, own)
