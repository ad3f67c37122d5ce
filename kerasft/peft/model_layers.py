"""The layers of a Keras model: in which order, under which paths, built or not.

Keras keeps what it has traced and collected of a model's variables; `refresh` makes it forget.
"""

from collections.abc import Iterable

import keras

from kerasft.errors import AdapterError
from kerasft.layers.inner_layers import all_layers
from kerasft.peft.projections import PROJECTIONS

BIASES = ("bias", "beta")
"""What Keras's layers call their biases; a layer has at most one of them."""


def in_model_order(
    model: keras.Model, layers: Iterable[keras.layers.Layer]
) -> list[keras.layers.Layer]:
    """Sorts layers by where their weights stand in `model.weights` (layer 0 first)."""
    position = {id(weight): index for index, weight in enumerate(model.weights)}
    # By all of them, as the first may be one that several layers share.
    return sorted(layers, key=lambda layer: [position[id(weight)] for weight in layer.weights])


def layers_with_weights(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers of a model that hold weights (themselves or inside them), by path.

    Raises:
        AdapterError: Two layers share a path.
    """
    layers: dict[str, keras.layers.Layer] = {}
    found = [layer for layer in all_layers(model) if layer.path and layer.weights]
    for layer in in_model_order(model, found):
        if layers.setdefault(layer.path, layer) is not layer:
            raise AdapterError(
                f"Two layers of the model share the path {layer.path!r}, so a pattern cannot tell "
                "them apart; give them different names."
            )
    return layers


def own_variables(layer: keras.layers.Layer, names: Iterable[str]) -> list[keras.Variable]:
    """The variables of a layer that stand under some attributes, where it has them.

    Example:
        >>> own_variables(layer, ("bias", "beta"))  # doctest: +SKIP
    """
    found = (getattr(layer, name, None) for name in names)
    return [each for each in found if isinstance(each, keras.Variable)]


def biases_of(layer: keras.layers.Layer) -> list[keras.Variable]:
    """A layer's bias, or its beta: one variable, or none.

    That of a batch normalization does not count: where it trained, the statistics would move too.
    """
    is_batch = isinstance(layer, keras.layers.BatchNormalization)
    return [] if is_batch else own_variables(layer, BIASES)


def check_built(model: keras.Model) -> None:
    """Refuses a model that has no variables yet, or whose projections have none.

    Args:
        model: The model that is to be adapted.

    Raises:
        AdapterError: It names what is not built.
    """
    dense = [layer for layer in all_layers(model) if type(layer) in PROJECTIONS]
    waiting = [layer for layer in dense if not layer.built]
    if not model.built or waiting:
        name = waiting[0].name if waiting else model.name
        raise AdapterError(
            f"The model cannot be adapted because {name!r} is not built yet; call the model once "
            "on a batch (or use model.build) first."
        )


def check_unique_paths(model: keras.Model) -> None:
    """Refuses a model in which two variables share a path.

    Raises:
        AdapterError: It names the path.
    """
    seen: set[str] = set()
    for variable in model.variables:
        if variable.path in seen:
            raise AdapterError(
                f"Two variables of the model share the path {variable.path!r}, so an adapter could "
                "not tell them apart; give the layers different names."
            )
        seen.add(variable.path)


def refresh(model: keras.Model) -> None:
    """Makes a model forget what it compiled or cached about the variables that it had.

    Call it on the outermost model after variables came or went. On TensorFlow and JAX a traced
    function would go on running the old graph; on torch `zero_grad()` would miss the new variables
    and their gradients would pile up.

    Args:
        model: The outermost model.
    """
    for layer in [*reversed(all_layers(model)), model]:
        if isinstance(layer, keras.Model):
            layer.train_function = layer.test_function = layer.predict_function = None
        if hasattr(layer, "_torch_params"):
            layer._track_variables()
