"""Each operation that is written to ONNX computes what `keras.ops` computes, at any length."""

import keras
import numpy as np
import pytest
from keras import ops

from harness import text_models, translators
from kerasft import layers
from kerasft.errors import ConfigError
from kerasft.runtimes.onnx.model_file import OPERATORS
from kerasft.runtimes.onnx.operations import OPERATIONS
from kerasft.runtimes.onnx.write import to_onnx

pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

LONGEST = 12
X = (None, None, 8)
IDS = (None, None)
rng = np.random.default_rng(0)
WEIGHT, BIAS = (rng.normal(size=size).astype("float32") for size in ((8, 6), (8,)))
TABLE = rng.normal(size=(LONGEST, 8)).astype("float32")
CUBE = rng.normal(size=(8, 2, 3)).astype("float32")
KERNEL = rng.normal(size=(3, 8, 6)).astype("float32")


def cut(x, dtype="float32"):
    """Numbers that are no borders of anything, as another type."""
    return ops.cast(x * 3, dtype)


def attend(x, scale=None, mask=None, bias=None):
    heads = ops.reshape(x, (-1, x.shape[1], 2, 4))
    return ops.dot_product_attention(heads, heads + 1, heads * 2, bias, mask, scale=scale)


# Class in keras.ops -> what computes with it, from x (batch, length, 8) float32.
ON_NUMBERS = {
    "Add": lambda x: x + BIAS,
    "Subtract": lambda x: 1 - x,
    "Multiply": lambda x: x * 2,
    "Divide": lambda x: ops.divide(x, BIAS),
    "TrueDivide": lambda x: ops.true_divide(cut(x, "int32"), 2),
    "Maximum": lambda x: ops.maximum(x, 0.1),
    "Minimum": lambda x: ops.minimum(x, BIAS),
    "Power": lambda x: ops.abs(x) ** 1.5,
    "Matmul": lambda x: x @ WEIGHT,
    "Negative": lambda x: -x,
    "Absolute": ops.abs,
    "Exp": ops.exp,
    "Log": lambda x: ops.log(ops.abs(x) + 1),
    "Sqrt": lambda x: ops.sqrt(ops.abs(x)),
    "Erf": ops.erf,
    "Relu": ops.relu,
    "ReLU": keras.activations.relu,
    "Sigmoid": ops.sigmoid,
    "Tanh": ops.tanh,
    "Sin": ops.sin,
    "Cos": ops.cos,
    "Equal": lambda x: ops.equal(cut(x, "int32"), 1),
    "NotEqual": lambda x: ops.not_equal(cut(x, "int32"), 1),
    "Greater": lambda x: x > 0.1,
    "GreaterEqual": lambda x: ops.greater_equal(x, BIAS),
    "Less": lambda x: ops.less(cut(x, "int32"), 0.5),
    "LessEqual": lambda x: x <= 0.1,
    "LogicalAnd": lambda x: ops.logical_and(x > 0, x < 1),
    "LogicalOr": lambda x: ops.logical_or(x < 0, x > 1),
    "LogicalNot": lambda x: ops.logical_not(x > 0),
    "Where": lambda x: ops.where(x > 0, x, BIAS),
    "Where of few": lambda x: ops.softmax(ops.where(x[:, :1] > 0, x, -1e9)),
    "Clip": lambda x: ops.clip(x, -0.5, 0.5),
    "Clip of integers": lambda x: ops.clip(cut(x, "int32"), -1, 1),
    "Square": ops.square,
    "Rsqrt": lambda x: ops.rsqrt(ops.abs(x) + 1),
    "Silu": ops.silu,
    "Gelu": lambda x: ops.gelu(x, approximate=False),
    "Gelu with tanh": lambda x: ops.gelu(x, approximate=True),
    "Softmax": ops.softmax,
    "LogSoftmax": lambda x: ops.log_softmax(x, axis=1),
    "LayerNorm": lambda x: ops.layer_normalization(x, BIAS, BIAS + 1, epsilon=1e-3),
    "LayerNorm alone": lambda x: ops.layer_normalization(x, epsilon=1e-3),
    "RMSNorm": lambda x: ops.rms_normalization(x, BIAS, epsilon=1e-3),
    "DotProductAttention": attend,
    "DotProductAttention with a mask": lambda x: attend(x, 0.3, x[:, None, None, :, 0] < 1),
    "DotProductAttention with a bias": lambda x: attend(x, bias=x[:, None, None, :, 0]),
    "Conv": lambda x: ops.conv(x, KERNEL, padding="same"),
    "Conv of an even number": lambda x: ops.conv(x, CUBE.transpose(1, 0, 2), padding="same"),
    "Einsum": lambda x: ops.einsum("abc,cde->abde", x, CUBE),
    "Einsum of two": lambda x: ops.einsum("abc,adc->adb", x, x * 2),
    "Einsum over two": lambda x: ops.einsum("abcd,cde->abe", ops.reshape(
        x @ WEIGHT, (-1, x.shape[1], 2, 3)), CUBE.transpose(1, 2, 0)),
    "Einsum of heads": lambda x: ops.einsum("aecd,abcd->acbe", *(ops.reshape(
        each, (-1, x.shape[1], 2, 4)) for each in (x, x + 1))),
    "Transpose": lambda x: ops.transpose(x, (0, -1, 1)),
    "Transpose all": ops.transpose,
    "Swapaxes": lambda x: ops.swapaxes(x, 1, -1),
    "Reshape": lambda x: ops.reshape(x, (-1, ops.shape(x)[1], 2, 4)),
    "Reshape to rows": lambda x: ops.reshape(x, (-1, 8)),
    "Reshape to new sizes": lambda x: ops.reshape(ops.transpose(x, (1, 0, 2)), (*x.shape[:2], 8)),
    "ExpandDims": lambda x: ops.expand_dims(x, (1, -1)),
    "Squeeze": lambda x: ops.squeeze(x[:, :1], 1),
    "BroadcastTo": lambda x: ops.broadcast_to(x[:, :1], x.shape),
    "ZerosLike": ops.zeros_like,
    "OnesLike": lambda x: ops.ones_like(x, dtype="int32"),
    "FullLike": lambda x: ops.full_like(x, 3),
    "Concatenate": lambda x: ops.concatenate([x, x[:, :1], cut(x[:, :2], "int32")], axis=1),
    "Split": lambda x: ops.concatenate(ops.split(x, 2, axis=-1)[::-1], axis=-1),
    "GetItem": lambda x: x[:, 1:, ::2],
    "GetItem of places": lambda x: x[:, 0, -1],
    "GetItem with new axes": lambda x: x[:, None, ..., 3, None],
    "Flip": lambda x: ops.flip(x, axis=1),
    "Take": lambda x: ops.take(x, [2, 0], axis=-1),
    "Take of a table": lambda x: ops.take(TABLE, ops.clip(cut(x, "int32"), 0, 5), axis=0),
    "Cast": lambda x: cut(x, "bool"),
    "ConvertToTensor": lambda x: ops.convert_to_tensor(cut(x), "int32"),
    "Cumsum": lambda x: ops.cumsum(ops.ones_like(x, dtype="int32"), axis=1),
    "Sum": lambda x: ops.sum(x > 0, axis=1),
    "Mean": lambda x: ops.mean(x, axis=-1, keepdims=True),
    "Max": lambda x: ops.max(x, axis=(0, 1)),
    "Min": lambda x: ops.min(x),
    # Constants that are made from the length.
    "Add of the beginning of a table": lambda x: x + ops.convert_to_tensor(TABLE)[: x.shape[1]],
    "Where of a causal mask": lambda x: ops.where(
        layers.causal_mask(x.shape[1])[0], ops.matmul(x, ops.transpose(x, (0, 2, 1))), 0.0),
    "Add of positions": lambda x: x + ops.cast(ops.arange(x.shape[1]), "float32")[:, None],
}  # fmt: skip


@pytest.mark.parametrize("case", ON_NUMBERS)
def test_an_operation_computes_what_keras_computes(case):
    function = ON_NUMBERS[case]
    model = to_onnx(function, {"x": keras.KerasTensor(X)}, LONGEST)
    operators = {node.op_type for node in model.graph.node}
    assert operators <= OPERATORS, "a file with it would be refused"
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch, length in ((1, 1), (3, 5), (2, LONGEST)):
        x = np.random.default_rng(length).normal(size=(batch, length, 8)).astype("float32")
        if case == "GetItem" and length == 1:
            continue  # nothing is left
        (found,) = session.run(None, {"x": x})
        wanted = ops.convert_to_numpy(function(ops.convert_to_tensor(x)))
        assert found.shape == wanted.shape and found.dtype == wanted.dtype
        np.testing.assert_allclose(
            found.astype("float64"), wanted.astype("float64"), rtol=1e-5, atol=1e-5
        )


def test_every_operation_of_the_table_is_tested():
    assert {case.split(" ")[0] for case in ON_NUMBERS} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (ops.floor, "computes Floor, which is not written to ONNX"),
        (lambda x: ops.einsum("abc->ab", x), "einsum 'abc->ab'"),
        (lambda x: ops.take(x, [1, 2]), "Take without an axis"),
        (lambda x: ops.conv(x, KERNEL), "Conv but at each position"),
        (lambda x: x[:, ::-1], "GetItem with slice"),
        (lambda x: ops.layer_normalization(x, axis=(1, 2)), "LayerNorm over the axes"),
        (lambda x: x + TABLE[: x.shape[1]][::-1], "depends on the length"),
        (lambda x: ops.sin(x) if x.shape[1] == LONGEST else x, "by other operations"),
    ],
)  # fmt: skip
def test_what_is_not_written_is_refused_by_name(function, reason):
    with pytest.raises(ConfigError, match=reason):
        to_onnx(function, {"x": keras.KerasTensor(X)}, LONGEST)


ENCODERS = {"the paper's": translators.build, "T5's": text_models.build}


@pytest.mark.parametrize("name", ENCODERS)
def test_the_encoders_of_models_that_write_texts_are_written_too(name):
    model = ENCODERS[name]()

    def encode(ids):
        return model.encode(ids, model.source_mask(ids))

    longest = 20
    made = to_onnx(encode, {"ids": keras.KerasTensor(IDS, dtype="int32")}, longest)
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch, length in ((1, 1), (3, 7), (2, longest)):
        ids = np.random.default_rng(length).integers(0, 10, (batch, length)).astype("int32")
        (found,) = session.run(None, {"ids": ids})
        wanted = ops.convert_to_numpy(encode(ops.convert_to_tensor(ids)))
        assert found.shape == wanted.shape and np.abs(found - wanted).max() < 1e-5
