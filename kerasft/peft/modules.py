"""What the layers of a model are called in an adapter's file.

A model with a Hugging Face twin (a classifier, a tagger, a T5) uses its twin's names, such as
"distilbert.transformer.layer.0...", and array shapes, by the table that loads checkpoints; any
other model its layer paths, with dots for slashes, and Keras's own arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from kerasft.architectures import T5, Entry, HeadedEncoder, Parameter, entries_for
from kerasft.peft.methods.lora import LoRALayer
from kerasft.peft.targets import layers_by_path


@dataclass(frozen=True)
class Slot:
    """One of a layer's own variables and how it stands in a file.

    Attributes:
        name: Its name in the file: "classifier.weight".
        shape: Its shape in the file: (out, in) for a twin's Linear.
        variable: The Keras variable.
        to_file: Turns the variable's array into the file's.
        from_file: The inverse.
    """

    name: str
    shape: tuple[int, ...]
    variable: keras.Variable
    to_file: Callable[[np.ndarray], np.ndarray]
    from_file: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Module:
    """A layer under the name that it has in a file.

    Attributes:
        name: "distilbert.transformer.layer.0.attention.q_lin".
        layer: The Keras layer.
        slots: Its own variables, without an adapter's.
        head: Whether it belongs to a classifier's or tagger's head.
    """

    name: str
    layer: keras.layers.Layer
    slots: tuple[Slot, ...]
    head: bool = False


def modules_of(model: keras.Model) -> dict[str, Module]:
    """The layers of a model that hold variables of their own, by their names in a file.

    Args:
        model: Any built model.

    Raises:
        AdapterError: Two layers share a path.
    """
    layers = layers_by_path(model)
    if isinstance(model, HeadedEncoder | T5):
        return {entry.module: _of_entry(entry, layers[entry.layer]) for entry in entries_for(model)}
    found = [_of_path(layer) for layer in layers.values()]
    return {module.name: module for module in found if module.slots}


def _of_entry(entry: Entry, layer: keras.layers.Layer) -> Module:
    def slot(parameter: Parameter) -> Slot:
        variable = getattr(layer, parameter.attribute)
        return Slot(
            parameter.name,
            parameter.shape,
            variable,
            lambda array: entry.to_hugging_face(array, parameter),
            lambda array: entry.to_keras(array, tuple(variable.shape)),
        )

    slots = tuple(slot(parameter) for parameter in entry.parameters)
    return Module(entry.module, layer, slots, head=entry.head)


def _of_path(layer: keras.layers.Layer) -> Module:
    name = layer.path.replace("/", ".")
    own = [*layer._trainable_variables, *layer._non_trainable_variables]
    if isinstance(layer, LoRALayer):
        own = [each for each in own if each is not layer.lora_a and each is not layer.lora_b]
    slots = tuple(
        Slot(f"{name}.{each.name}", tuple(each.shape), each, np.ascontiguousarray, np.asarray)
        for each in own
    )
    return Module(name, layer, slots)
