"""Which variables training can change, under names that are the same in every process."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from kerasft.layers.inner_layers import all_layers

Arrays = dict[str, np.ndarray]
Variables = dict[str, Any]  # name -> keras.Variable


def changing_variables(model: keras.Model) -> Variables:
    """The model's variables that a training step can change, by name.

    These are the trainable ones, the states of the seed generators that dropout draws from, and
    what layers update by themselves (the running means of a batch normalization). A frozen backbone
    is not among them, so that a checkpoint of an adapter stays small.

    Seed generators are numbered in the order of the layers, because Keras names them by how many
    there were in the process before.
    """
    tracked = {id(v) for v in model.weights}
    seeds = [v for v in model.variables if id(v) not in tracked]
    # Keras files a variable under trainable or not when it is made; freezing it later does not move
    # it. So these were never meant for the optimizer, and are updated by their layer.
    layers = [model, *all_layers(model)]
    own = {id(v) for layer in layers for v in layer._non_trainable_variables}
    named = [(v.path, v) for v in model.weights if v.trainable or id(v) in own]
    return _unique([*named, *((f"seed_generator/{i}", v) for i, v in enumerate(seeds))])


def optimizer_variables(optimizer: keras.optimizers.Optimizer) -> Variables:
    """The optimizer's variables by name: steps done, learning rate, moments.

    The first part of Keras's path, the optimizer's own name, is left out: it is numbered too.
    """
    return _unique((v.path.partition("/")[2], v) for v in optimizer.variables)


def metrics_variables(model: keras.Model) -> Variables:
    """The running state of the loss and of the metrics, by name; they must have been built."""
    return _unique((v.path, v) for v in model.metrics_variables)


def read(variables: Mapping[str, Any]) -> Arrays:
    """Copies the variables' values. On JAX, within `fit`, call `backends.sync_state` before."""
    # A copy, because on a CPU the array may be a view of memory that the next step writes to.
    return {name: np.array(keras.ops.convert_to_numpy(v)) for name, v in variables.items()}


def write(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Assigns the arrays to the variables of the same names; the types may differ by backend."""
    for name, variable in variables.items():
        variable.assign(arrays[name])


def mismatch(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str | None:
    """What keeps `write` from fitting, in a few words; None if nothing does."""
    for name in arrays.keys() - variables.keys():
        return f"it holds {name!r}, which this run does not have"
    for name, variable in variables.items():
        if name not in arrays:
            return f"it lacks {name!r}"
        if tuple(variable.shape) != arrays[name].shape:
            return (
                f"{name!r} has the shape {arrays[name].shape} in it and {tuple(variable.shape)} "
                "in this run"
            )
        # Backends differ in the size of their numbers, not in their kind.
        if _kind(str(arrays[name].dtype)) != _kind(variable.dtype):
            return f"{name!r} is {arrays[name].dtype} in it and {variable.dtype} in this run"
    return None


def _kind(dtype: str) -> str:
    """A type without its size."""
    if keras.backend.is_float_dtype(dtype):
        return "float"
    return "int" if keras.backend.is_int_dtype(dtype) else dtype


def _unique(named: Iterable[tuple[str, Any]]) -> Variables:
    result: Variables = {}
    for name, variable in named:
        unique, count = name, 1
        while unique in result:
            count += 1
            unique = f"{name}#{count}"
        result[unique] = variable
    return result
