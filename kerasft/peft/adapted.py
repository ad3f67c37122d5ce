"""What an adapter on a layer is, whatever the method, and which layers of a model carry one.

Keras keeps a layer in several places at once (its parent's attribute, the parent's list of layers,
the nodes of a functional graph), so exchanging the object is fragile. The object therefore stays:
it keeps its variables, name, path and position, and carries an `Adapter`. Where a method computes
something else, the layer's class changes too (`AdaptedLayer`).
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from kerasft.errors import AdapterError
from kerasft.layers.inner_layers import all_layers
from kerasft.peft.model_layers import in_model_order

if TYPE_CHECKING:
    from kerasft.peft.methods.method import Method


@dataclass
class Adapter:
    """What `layer.adapter` says of an adapted layer.

    Attributes:
        method: The method that adapted it.
        settings: The method's numbers for this layer.
        is_loading: Whether the adapter is made to be filled at once, so nothing need be drawn.
        shared: What the adapters of one model have in common, such as variables by their names.
        aside: What `merge` keeps so that `unmerge` is exact: the variables that it changed, and
            their values before; None where the adapter is not merged.
    """

    method: type[Method]
    settings: Any
    is_loading: bool = False
    shared: dict[str, Any] = field(default_factory=dict)
    aside: list[tuple[keras.Variable, np.ndarray]] | None = None

    @property
    def is_merged(self) -> bool:
        """Whether the adapter currently sits inside the layer's own weights."""
        return self.aside is not None

    def merge(self, layer: keras.layers.Layer) -> None:
        """Folds the adapter into the layer's own weights; the layer's outputs stay the same."""
        if self.is_merged:
            return
        values = self.method.merged(layer)
        self.aside = [(each, np.array(keras.ops.convert_to_numpy(each))) for each, _ in values]
        for variable, value in values:
            variable.assign(value)

    def unmerge(self) -> None:
        """Puts every variable back as it was before `merge`, bit for bit."""
        for variable, value in self.aside or ():
            variable.assign(value)
        self.aside = None


class AdaptedLayer:
    """Base of the layers that compute something else; stands before the Keras layer in the bases.

    `Method.layers` maps each plain class to such a class. It can be constructed like the plain one,
    with the settings' fields besides, and is saved in Keras's own files.

    Attributes:
        adapter: What was put on it.
        plain_class: The Keras class that it had before, and has again without the adapter (of the
            class; set by its method).
        method: The method whose layer it is (of the class; set by its method).
        settings_class: The dataclass of the method's numbers for one layer (of the class).
        added: Names of the variables that the adapter has (of the class).
        helpers: Names of what else `add_adapter` sets (of the class).
    """

    adapter: Adapter
    plain_class: ClassVar[type]
    method: ClassVar[type[Method]]
    settings_class: ClassVar[type]
    added: ClassVar[tuple[str, ...]]
    helpers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        own = {each.name for each in fields(self.settings_class)} & set(kwargs)
        settings = self.settings_class(**{name: kwargs.pop(name) for name in own})
        super().__init__(*args, **kwargs)
        self.adapter = Adapter(self.method, settings)

    def build(self, input_shape: Any = None) -> None:
        """Makes the plain layer's weights, then the adapter's."""
        super().build(input_shape)  # type: ignore[misc]
        self.add_adapter()

    @abstractmethod
    def add_adapter(self) -> None:
        """Makes the adapter's variables with `add_variable`; its settings are in `adapter`."""

    def add_variable(self, name: str, shape: tuple[int, ...], initializer: Any) -> Any:
        """Makes one of the variables in `added`.

        Args:
            initializer: What it starts from, unless it is to be loaded at once.
        """
        layer: Any = self
        if self.adapter.is_loading:
            initializer = _zeros
        return layer.add_weight(shape=shape, initializer=initializer, name=name)

    def check_trainable(self, training: bool | None) -> None:
        """Refuses to train while the adapter is merged; call it in `call`.

        Raises:
            AdapterError: As said.
        """
        if training and self.adapter.is_merged:
            raise AdapterError(
                "A merged adapter cannot be trained; call kerasft.peft.unmerge(model) first."
            )

    def save_own_variables(self, store: Any) -> None:
        """Adds the adapter to what Keras keeps of the plain layer (`save`, `save_weights`)."""
        super().save_own_variables(store)  # type: ignore[misc]
        if not self._saves_all:
            for name in self.added:
                store[name] = getattr(self, name)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote."""
        super().load_own_variables(store)  # type: ignore[misc]
        if not self._saves_all:
            for name in self.added:
                getattr(self, name).assign(store[name])

    @property
    def _saves_all(self) -> bool:
        """Whether the plain layer saves whatever variables it has, as most layers do."""
        plain: Any = self.plain_class
        return plain.save_own_variables is keras.layers.Layer.save_own_variables

    def get_config(self) -> dict[str, Any]:
        """The plain layer's config and the adapter's numbers."""
        return {**super().get_config(), **asdict(self.adapter.settings)}  # type: ignore[misc]


def _zeros(shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
    """Zeros by NumPy; on JAX each shape that is drawn or filled would be compiled."""
    return np.zeros(shape, dtype)


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


def adapted_layers(model: keras.Model) -> list[Any]:
    """Lists the layers of a model that carry an adapter, in the order of their paths' variables.

    Args:
        model: Any Keras model.

    Returns:
        The layers; empty when there is none.
    """
    found = [layer for layer in all_layers(model) if adapter_of(layer)]
    return in_model_order(model, found)


def adapter_of(layer: keras.layers.Layer) -> Adapter | None:
    """The adapter on a layer, or None."""
    found = getattr(layer, "adapter", None)
    return found if isinstance(found, Adapter) else None


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
