"""Layers with the weights of their twins in torch.nn, and the comparison of both.

A table names, for each variable of ours, the twin's parameter and how to read it: torch keeps the
matrices of a linear map transposed, and those of query, key and value on top of each other.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import torch

from harness.gradients import value_and_gradients

Read = tuple[str, Callable[[torch.Tensor], torch.Tensor]]
Table = dict[str, Read]


NORM: Table = {
    "alpha": ("weight", lambda weight: weight),
    "bias": ("bias", lambda bias: bias),
}


def _dense(ours: str, theirs: str) -> Table:
    return {
        f"{ours}/kernel": (f"{theirs}.weight", lambda weight: weight.T),
        f"{ours}/bias": (f"{theirs}.bias", lambda bias: bias),
    }


def _under(table: Table, ours: str, theirs: str) -> Table:
    return {f"{ours}/{path}": (f"{theirs}.{name}", read) for path, (name, read) in table.items()}


def _norm(ours: str, theirs: str) -> Table:
    return _under(NORM, ours, theirs)


FEED_FORWARD = {**_dense("inner", "0"), **_dense("outer", "2")}
ATTENTION: Table = _dense("output", "out_proj")
for _index, _name in enumerate(("query", "key", "value")):
    ATTENTION[f"{_name}/kernel"] = ("in_proj_weight", lambda w, i=_index: w.chunk(3)[i].T)
    ATTENTION[f"{_name}/bias"] = ("in_proj_bias", lambda b, i=_index: b.chunk(3)[i])
ENCODER_BLOCK = {
    **_under(ATTENTION, "self_attention", "self_attn"),
    **_dense("feed_forward/inner", "linear1"),
    **_dense("feed_forward/outer", "linear2"),
    **_norm("self_attention_residual/norm", "norm1"),
    **_norm("feed_forward_residual/norm", "norm2"),
}
DECODER_BLOCK = {
    **_under(ATTENTION, "self_attention", "self_attn"),
    **_under(ATTENTION, "cross_attention", "multihead_attn"),
    **_dense("feed_forward/inner", "linear1"),
    **_dense("feed_forward/outer", "linear2"),
    **_norm("self_attention_residual/norm", "norm1"),
    **_norm("cross_attention_residual/norm", "norm2"),
    **_norm("feed_forward_residual/norm", "norm3"),
}


def stack(block: Table, layers: int) -> Table:
    """The table of an encoder or decoder with a final normalization."""
    table = _norm("norm", "norm")
    for index in range(layers):
        table |= _under(block, f"block_{index}", f"layers.{index}")
    return table


def randomized(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Every parameter drawn anew, since torch starts biases at 0 and normalizations at 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return module.eval()


def _own_path(layer: keras.layers.Layer, variable: keras.Variable) -> str:
    return variable.path.removeprefix(f"{layer.path}/")


def copy(module: torch.nn.Module, layer: keras.layers.Layer, table: Table) -> None:
    """Gives a built layer its twin's parameters; both must have them all."""
    parameters = dict(module.named_parameters())
    assert {_own_path(layer, variable) for variable in layer.weights} == set(table)
    assert {name for name, _ in table.values()} == set(parameters)
    for variable in layer.weights:
        name, read = table[_own_path(layer, variable)]
        variable.assign(read(parameters[name].detach()).numpy())


def assert_same(
    layer: keras.layers.Layer,
    ours: Callable[..., Any],
    module: torch.nn.Module,
    theirs: Callable[..., torch.Tensor],
    table: Table,
    inputs: Sequence[np.ndarray],
) -> None:
    """Compares outputs to 1e-5, gradients by inputs and weights to 1e-4."""
    tensors = [torch.tensor(array, requires_grad=True) for array in inputs]
    expected = theirs(*tensors)
    direction = np.random.default_rng(9).normal(size=tuple(expected.shape)).astype("float32")
    module.zero_grad()
    (expected * torch.tensor(direction)).sum().backward()

    variables = layer.trainable_variables
    value, gradients = value_and_gradients(ours, inputs, variables, direction)
    np.testing.assert_allclose(value, expected.detach().numpy(), atol=1e-5, rtol=1e-5)
    of_inputs, of_variables = gradients[: len(inputs)], gradients[len(inputs) :]
    for found, tensor in zip(of_inputs, tensors, strict=True):
        np.testing.assert_allclose(found, tensor.grad.numpy(), atol=1e-4, rtol=1e-4)
    of_parameters: Mapping[str, Any] = {n: p.grad for n, p in module.named_parameters()}
    assert len(variables) == len(table)
    for found, variable in zip(of_variables, variables, strict=True):
        name, read = table[_own_path(layer, variable)]
        np.testing.assert_allclose(
            found, read(of_parameters[name]).numpy(), atol=1e-4, rtol=1e-4, err_msg=variable.path
        )
