"""What an adapted layer is, whatever the method: a built layer whose class was changed in place.

Keras keeps a layer in several places at once (its parent's attribute, the parent's list of layers,
the nodes of a functional graph), so exchanging the object is fragile. The object therefore stays
and only its class changes: it keeps its variables, name, path and position, and gains variables.
"""

import contextlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import keras

from kerasft.errors import AdapterError


class AdaptedLayer:
    """Base of every adapted layer; stands before the Keras layer in a subclass's bases.

    A method (`LoRADense`, ...) says which variables it added and how they enter the kernel.

    Attributes:
        plain_class: The Keras class that the layer had before, and has again after `restore`.
    """

    plain_class: ClassVar[type]

    @property
    @abstractmethod
    def is_merged(self) -> bool:
        """Whether the adapter currently sits inside the layer's own weights."""

    @abstractmethod
    def merge(self) -> None:
        """Adds the adapter to the layer's own weights; the layer's outputs stay the same."""

    @abstractmethod
    def unmerge(self) -> None:
        """Takes the adapter out of the layer's own weights, bit for bit."""

    @abstractmethod
    def restore(self) -> None:
        """Merges for good and turns the layer back into a plain one."""


@contextlib.contextmanager
def reopened(layer: keras.layers.Layer) -> Iterator[None]:
    """Lets a built layer take new variables, under its own path.

    Without the name scope every layer's seed state would share one path, and on torch a
    `ParameterDict` keyed by path would drop all but one of them.

    Args:
        layer: A built layer.
    """
    parent, _, name = layer.path.rpartition("/")
    layer._tracker.unlock()
    try:
        with keras.name_scope(name, caller=layer, override_parent=parent):
            yield
    finally:
        layer._tracker.lock()


def drop_attributes(layer: keras.layers.Layer, names: Iterable[str]) -> None:
    """Removes attributes from a layer, with the variables and seed generators behind them."""
    for name in names:
        value = getattr(layer, name)
        if isinstance(value, keras.Variable):
            layer._untrack_variable(value)
        elif isinstance(value, keras.random.SeedGenerator):
            layer._tracker.untrack(value)
        # Keras's own __delattr__ runs the garbage collector once for every variable (0.1 s each).
        super(keras.layers.Layer, layer).__delattr__(name)


def all_layers(model: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Every layer inside `model` at any depth, each once, without the model itself."""
    layers: list[keras.layers.Layer] = model._flatten_layers(include_self=False)
    return layers


def adapted_layers(model: keras.Model) -> list[Any]:
    """Lists the layers of a model that carry an adapter, in the order of their paths' variables.

    Args:
        model: Any Keras model.

    Returns:
        The layers, e.g. `[<LoRAEinsumDense name=query>, ...]`; empty when there is none.
    """
    found = [layer for layer in all_layers(model) if isinstance(layer, AdaptedLayer)]
    return in_model_order(model, found)


def mark_saved(model: keras.Model, layers: Iterable[keras.layers.Layer]) -> None:
    """Records which layers train in full and are therefore saved with the adapter."""
    chosen = {id(layer) for layer in layers}
    for layer in all_layers(model):
        layer._saved_with_adapter = id(layer) in chosen


def saved_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Lists the layers that train in full beside the adapters and are saved with them (the head).

    Args:
        model: Any Keras model.
    """
    found = [each for each in all_layers(model) if getattr(each, "_saved_with_adapter", False)]
    return in_model_order(model, found)


def in_model_order(
    model: keras.Model, layers: Iterable[keras.layers.Layer]
) -> list[keras.layers.Layer]:
    """Sorts layers by where their first weight stands in `model.weights` (layer 0 first)."""
    position = {id(weight): index for index, weight in enumerate(model.weights)}
    return sorted(layers, key=lambda layer: position[id(layer.weights[0])])


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


def check_built(model: keras.Model, kinds: tuple[type, ...] = ()) -> None:
    """Refuses a model that has no variables yet, or whose layers of some classes have none.

    Args:
        model: The model that is to be adapted.
        kinds: Classes of layers that must be built too.

    Raises:
        AdapterError: It names what is not built.
    """
    dense = [layer for layer in all_layers(model) if type(layer) in kinds]
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
