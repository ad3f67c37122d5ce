"""Values and gradients of a function of Keras layers, on whichever backend runs.

    value, gradients = value_and_gradients(layer, [x], layer.trainable_variables, direction)

gives layer(x), and the gradients of sum(layer(x) * direction) by x and by each variable.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


def value_and_gradients(
    function: Callable[..., Any],
    inputs: Sequence[np.ndarray],
    variables: Sequence[keras.Variable],
    direction: np.ndarray,
) -> tuple[np.ndarray, list[np.ndarray]]:
    backend = {"torch": _torch, "tensorflow": _tensorflow, "jax": _jax}[keras.backend.backend()]
    value, gradients = backend(function, inputs, variables, direction)
    to_numpy = keras.ops.convert_to_numpy
    return to_numpy(value), [to_numpy(gradient) for gradient in gradients]


def _torch(function, inputs, variables, direction):
    import torch

    tensors = [torch.tensor(array, requires_grad=True) for array in inputs]
    value = function(*tensors)
    loss = (value * torch.tensor(direction)).sum()
    return value, torch.autograd.grad(loss, [*tensors, *(v.value for v in variables)])


def _tensorflow(function, inputs, variables, direction):
    import tensorflow as tf

    tensors = [tf.constant(array) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
        loss = tf.reduce_sum(value * direction)
    gradients = tape.gradient(loss, [*tensors, *(v.value for v in variables)])
    return value, [tf.convert_to_tensor(gradient) for gradient in gradients]


def _jax(function, inputs, variables, direction):
    import jax

    def loss(tensors, values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            value = function(*tensors)
        return (value * direction).sum(), value

    values = [v.value for v in variables]
    tensors = [jax.numpy.asarray(array) for array in inputs]
    # For so small a model XLA takes longer to optimize than to run.
    quick = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    step = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True), compiler_options=quick)
    (_, value), (of_inputs, of_values) = step(tensors, values)
    return value, [*of_inputs, *of_values]
