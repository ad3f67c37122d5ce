"""Putting adapters on a built model, and taking them off.

config = METHODS[name](targets=("query", "value"), modules_to_save=("classifier",))
report = apply(model, config)
model.compile(...); model.fit(...)
remove(model)          # adapters merged into the weights, plain Keras layers again
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from kerasft.errors import AdapterError
from kerasft.layers.inner_layers import all_layers
from kerasft.peft.adapted import (
    Adapter,
    adapted_layers,
    adapter_of,
    drop_attributes,
    mark_saved,
    saved_layers,
)
from kerasft.peft.methods.method import Method
from kerasft.peft.model_layers import biases_of, check_built, check_unique_paths, refresh
from kerasft.peft.targets import find_any_layers


@dataclass(frozen=True)
class Counts:
    """How many of a model's parameters train.

    Attributes:
        trained: Parameters that the optimizer moves.
        frozen: Parameters that stay (random states not counted).
    """

    trained: int
    frozen: int

    @property
    def share(self) -> float:
        """The trained part of all parameters, from 0 to 1."""
        return self.trained / max(1, self.trained + self.frozen)

    def __str__(self) -> str:
        total = self.trained + self.frozen
        return f"{self.trained:,} of {total:,} parameters train ({self.share:.2%})"


@dataclass(frozen=True)
class ApplyReport:
    """What `apply` did.

    Attributes:
        adapted: Paths of the layers that carry an adapter now.
        trained_in_full: Paths of the layers that train as they are (the head).
        counts: Trained and frozen parameters.
        recompiled: Whether the model was compiled, and therefore compiled anew with a fresh
            optimizer of the same settings.
    """

    adapted: tuple[str, ...]
    trained_in_full: tuple[str, ...]
    counts: Counts
    recompiled: bool

    def __str__(self) -> str:
        full = ", ".join(self.trained_in_full) or "no layer"
        return f"{len(self.adapted)} layers adapted, {full} trained in full; {self.counts}"


def apply(model: keras.Model, config: Method) -> ApplyReport:
    """Freezes a model and puts adapters on the layers that a config names.

    Layers are changed in place. If the model was compiled, it is compiled again with the same
    settings (the old graph would go on training the old variables); functions that you compiled
    from it yourself must be made anew. Call it on the outermost model that you train.

    Args:
        model: Any built Keras model: functional, sequential or subclassed, nested or not.
        config: The method and its targets, one of the configs in `kerasft.peft.METHODS`.

    Returns:
        What was adapted and how much of the model trains.

    Raises:
        AdapterError: The model is not built or has adapters already, a pattern matches nothing, a
            layer cannot be adapted, or nothing would train. The model is then unchanged.
    """
    check_built(model)
    if adapted_layers(model):
        raise AdapterError(
            "The model has adapters already; call kerasft.peft.remove(model) before apply."
        )
    check_unique_paths(model)
    in_full = find_any_layers(model, config.modules_to_save)
    plan = [(layer, config.settings_of(layer)) for layer in config.find(model, in_full)]
    for layer, settings in plan:
        config.check(layer, settings)
    return install(model, type(config), plan, in_full)


def install(
    model: keras.Model,
    method: type[Method],
    plan: Sequence[tuple[keras.layers.Layer, Any]],
    in_full: Sequence[keras.layers.Layer],
    *,
    is_loading: bool = False,
) -> ApplyReport:
    """Does the work of `apply` once it is settled which layer gets what (see `files.py`).

    Args:
        model: The outermost model.
        plan: Each layer to adapt, which was checked, with the method's settings for it.
        in_full: Layers that train as they are and are saved with the adapter.
        is_loading: Whether the adapters are filled at once, so nothing need be drawn for them.

    Raises:
        AdapterError: The model's settings of `compile` cannot be repeated.
    """
    compile_again = _compile_settings(model)
    _freeze(model, in_full)
    shared: dict[str, Any] = {}
    for layer, settings in plan:
        method.adapt(layer, Adapter(method, settings, is_loading, shared))
    if method.frees_biases(plan[0][1]):
        for layer in all_layers(model):
            if not adapter_of(layer):
                for bias in biases_of(layer):
                    bias.trainable = True
    mark_saved(model, in_full)
    check_unique_paths(model)
    refresh(model)
    if compile_again:
        _compile(model, compile_again)
    return ApplyReport(
        adapted=tuple(layer.path for layer, _ in plan),
        trained_in_full=tuple(layer.path for layer in in_full),
        counts=parameter_counts(model),
        recompiled=bool(compile_again),
    )


def freeze(model: keras.Model, except_patterns: Sequence[str]) -> Counts:
    """Freezes every weight of a model but those of some layers.

    Weights are frozen one by one; layers keep `trainable=True`, so that an adapter inside them can
    train. A frozen `BatchNormalization` is the exception: only `trainable=False` keeps its moving
    statistics still. A compiled model is compiled again with the same settings.

    Args:
        model: Any built Keras model.
        except_patterns: Patterns of the layers that go on training, with all that is inside them.

    Returns:
        How much of the model trains now.

    Raises:
        AdapterError: The model is not built, a pattern matches nothing, or nothing would train.

    Example:
        >>> freeze(model, ["classifier"])  # train the head alone  # doctest: +SKIP
    """
    check_built(model)
    trained = find_any_layers(model, except_patterns)
    if not trained:
        raise AdapterError("Nothing would train: name at least one layer that is not to be frozen.")
    compile_again = _compile_settings(model)
    _freeze(model, trained)
    refresh(model)
    if compile_again:
        _compile(model, compile_again)
    return parameter_counts(model)


def unfreeze(model: keras.Model) -> None:
    """Lets every weight of a model train again, other than those that never do (statistics).

    Setting `model.trainable = True` is not enough: on TensorFlow it does nothing where the value
    is True already, though weights inside may be frozen. Compile again afterwards.

    Args:
        model: Any built Keras model.
    """
    for layer in [model, *all_layers(model)]:
        layer.trainable = True
        for weight in layer._trainable_variables:
            weight.trainable = True


def merge(model: keras.Model) -> None:
    """Folds every adapter into its layer's weights; outputs stay the same and nothing is lost.

    A merged model cannot be trained or saved as an adapter before `unmerge`. To get rid of the
    adapters, and of their small cost, use `remove`.

    Args:
        model: A model with adapters.

    Raises:
        AdapterError: The model has no adapters, or they cannot be merged into the weights.
    """
    layers = _adapted_or_raise(model)
    _check_merges(layers)
    for layer in layers:
        layer.adapter.merge(layer)
    refresh(model)


def unmerge(model: keras.Model) -> None:
    """Undoes `merge`: every weight is again what it was, bit for bit.

    Args:
        model: A model with adapters.

    Raises:
        AdapterError: The model has no adapters.
    """
    for layer in _adapted_or_raise(model):
        layer.adapter.unmerge()
    refresh(model)


def remove(model: keras.Model) -> None:
    """Folds the adapters into the weights for good and leaves plain Keras layers.

    The model computes what it did and can be saved as `.keras`. Frozen weights stay frozen
    (`unfreeze` frees them); compile again before training.

    Args:
        model: A model with adapters.

    Raises:
        AdapterError: The model has no adapters, or they cannot be merged into the weights.
    """
    layers = _adapted_or_raise(model)
    _check_merges(layers)
    first = layers[0].adapter
    if first.method.frees_biases(first.settings):
        in_full = [each for layer in saved_layers(model) for each in [layer, *all_layers(layer)]]
        for layer in set(all_layers(model)) - {*layers, *in_full}:
            for bias in biases_of(layer):
                bias.trainable = False
    for layer in layers:
        layer.adapter.merge(layer)
        layer.adapter.method.release(layer)
        drop_attributes(layer, ["adapter"])
    mark_saved(model, ())
    refresh(model)


def remove_mergeable(model: keras.Model) -> bool:
    """Does what `remove` does, unless there are no adapters or they cannot be merged.

    Args:
        model: Any Keras model that is only to predict from now on.

    Returns:
        Whether adapters were removed.
    """
    if not adapted_layers(model) or unmergeable(model):
        return False
    remove(model)
    return True


def unmergeable(model: keras.Model) -> str | None:
    """The title of the method on a model whose adapters cannot be merged into the weights, if any.

    Args:
        model: Any Keras model.
    """
    methods = (layer.adapter.method for layer in adapted_layers(model))
    return next((method.title for method in methods if not method.merges), None)


def parameter_counts(model: keras.Model) -> Counts:
    """Counts the parameters of a model that train and those that are frozen."""
    trained = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return Counts(trained, sum(math.prod(weight.shape) for weight in model.weights) - trained)


def _adapted_or_raise(model: keras.Model) -> list[Any]:
    layers = adapted_layers(model)
    if not layers:
        raise AdapterError("The model has no adapters; call kerasft.peft.apply(model, ...) first.")
    return layers


def _check_merges(layers: Sequence[Any]) -> None:
    for layer in layers:
        if not layer.adapter.method.merges:
            raise AdapterError(
                f"{layer.adapter.method.title} on {layer.path!r} cannot be merged into the "
                "weights; use the model with its adapters as it is."
            )


def _freeze(model: keras.Model, except_layers: Sequence[keras.layers.Layer]) -> None:
    """Freezes each weight but those of some layers, whatever was frozen before."""
    unfreeze(model)  # a frozen parent would keep an adapter inside it from training
    free = {id(weight) for layer in except_layers for weight in layer.trainable_weights}
    for weight in model.trainable_weights:
        weight.trainable = id(weight) in free
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.trainable_weights:
            layer.trainable = False


def _compile_settings(model: keras.Model) -> dict[str, Any]:
    """What `compile` was called with; empty for a model that was not compiled.

    Raises:
        AdapterError: The model has a `compile` of its own, which cannot be repeated from here.
    """
    if not model.compiled:
        return {}
    if type(model).compile is not keras.Model.compile:
        raise AdapterError(
            f"{type(model).__name__} has its own compile(), which cannot be repeated after the "
            "adapters are in; apply them before compiling."
        )
    return dict(model._compile_config.config)


def _compile(model: keras.Model, settings: dict[str, Any]) -> None:
    """Compiles with earlier settings and a fresh optimizer (an old one knows the old weights)."""
    optimizer = settings["optimizer"]
    if isinstance(optimizer, keras.optimizers.Optimizer):
        settings["optimizer"] = type(optimizer).from_config(optimizer.get_config())
    model.compile(**settings)
    model.optimizer.build(model.trainable_variables)
