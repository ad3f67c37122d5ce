"""Small Keras models and measurements that the tests of this room share.

All encoders here have the sizes of `checkpoints.write_checkpoint`: JAX compiles each operation once
a shape, which takes longer than to run it.
"""

import keras
import numpy as np

import kerasft.backends
from harness import checkpoints

RNG = np.random.default_rng(0)
TOKENS = {
    "token_ids": RNG.integers(5, 60, (6, 9)).astype("int32"),
    "padding_mask": np.arange(9)[None] < RNG.integers(4, 10, (6, 1)),
}
LABELS = RNG.integers(0, 3, 6).astype("int32")


def numpy(tensor) -> np.ndarray:
    """A copy of a tensor's or variable's values."""
    return np.array(keras.ops.convert_to_numpy(tensor))


def snapshot(variables: list) -> dict[str, np.ndarray]:
    """The values of variables by path, as copies."""
    return {v.path: numpy(v) for v in variables}


def moved(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    """Paths whose value is not bit for bit the same."""
    return {path for path, value in before.items() if not np.array_equal(value, after[path])}


def gradients(model: keras.Model, x, y, loss: str = "mse") -> dict[str, np.ndarray]:
    """Gradients of the trainable weights by path: what one step of SGD(1.0) subtracts."""
    model.compile(keras.optimizers.SGD(1.0), loss=loss, jit_compile=False, run_eagerly=True)
    before = snapshot(model.trainable_weights)
    model.train_on_batch(x, y)
    after = snapshot(model.trainable_weights)
    return {path: before[path] - after[path] for path in before}


def randomize(variables: list, seed: int = 1, scale: float = 0.3) -> None:
    """Gives weights random values (a fresh B is zero and would hide mistakes)."""
    rng = np.random.default_rng(seed)
    for variable in variables:
        variable.assign(scale * rng.standard_normal(variable.shape))


def randomize_adapters(model: keras.Model) -> None:
    """Gives every A and B random values."""
    randomize([w for w in model.weights if w.path.endswith(("lora_a", "lora_b"))])


def backbone_classifier(layers: int = 2, dropout: float = 0.0) -> keras.Model:
    """A DistilBERT from KerasHub, nested in a functional model with a head."""
    hub = kerasft.backends.import_keras_hub()
    backbone = hub.models.DistilBertBackbone(
        vocabulary_size=len(checkpoints.VOCABULARY), num_layers=layers, num_heads=4, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=64, dropout=dropout,
    )  # fmt: skip
    hidden = backbone(backbone.input)
    logits = keras.layers.Dense(3, name="classifier")(hidden[:, 0, :])
    model = keras.Model(backbone.input, logits)
    randomize([w for w in model.weights if w.path.endswith("bias")], scale=0.1)
    return model


def dense_model(units: int = 6) -> keras.Model:
    """A functional model whose Dense layers stand at the top level."""
    x = keras.Input((4,), name="x")
    y = keras.layers.Dense(units, activation="tanh", name="first")(x)
    return keras.Model(x, keras.layers.Dense(2, name="second")(y))


def compile_classifier(model: keras.Model, optimizer=None, graph: bool = False) -> None:
    """Compiles for logits; tracing a graph would take longer than the few steps of a test."""
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(1e-2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **({} if graph else {"jit_compile": False, "run_eagerly": True}),
    )


def logits(model: keras.Model) -> np.ndarray:
    """Logits of the shared batch, without dropout."""
    return numpy(model(TOKENS, training=False))
