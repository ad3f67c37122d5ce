"""A model small enough to be trained by hand, the hand that does so, and rows for both."""

import keras
import numpy as np

from kerasft.data.batches import BucketedBatches

VOCABULARY, WIDTH, CLASSES = 30, 6, 3
LEARNING_RATE = 0.5


def make_rows(
    rows: int, longest: int = 40, seed: int = 0
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Token ids, labels and weights of (rows,) random texts."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, longest + 1, rows)
    token_ids = [rng.integers(1, VOCABULARY, length).astype(np.int32) for length in lengths]
    return token_ids, rng.integers(0, CLASSES, rows), rng.uniform(0.5, 2.0, rows)


def make_batches(rows: int = 45, kind: type = BucketedBatches, **options: object):
    """Batches of such rows; `kind` is the class to make."""
    token_ids, labels, _ = make_rows(rows)
    settings = {"batch_size": 8, "pad_id": 0, "max_length": 40, "shuffle": True, "seed": 3}
    settings["group_by_length"] = True
    return kind(token_ids, labels, **{**settings, **options})


def make_model(on_call=lambda: None, *, eager: bool = False) -> keras.Model:
    """The mean of the tokens' embeddings, then a dense layer; compiled with plain SGD.

    Args:
        on_call: Called whenever Python runs the model: at each step on torch, else when tracing.
        eager: Whether to do without compiled steps, whose compilation takes longest.
    """

    class Mean(keras.layers.Layer):
        def call(self, embeddings, padding_mask):
            on_call()
            weights = keras.ops.cast(padding_mask, "float32")[:, :, None]
            return keras.ops.sum(embeddings * weights, 1) / keras.ops.sum(weights, 1)

        def compute_output_shape(self, embeddings_shape, padding_mask_shape):
            return embeddings_shape[0], embeddings_shape[2]

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
    embeddings = keras.layers.Embedding(VOCABULARY, WIDTH, name="embedding")(token_ids)
    logits = keras.layers.Dense(CLASSES, name="dense")(Mean()(embeddings, padding_mask))
    model = keras.Model({"token_ids": token_ids, "padding_mask": padding_mask}, logits)
    model.compile(
        keras.optimizers.SGD(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
        run_eagerly=eager,
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


class ByHand:
    """The same model in NumPy: forward pass, gradient and update written out."""

    def __init__(self) -> None:
        self.embedding, self.kernel, self.bias = make_model().get_weights()

    def forward(self, batch: tuple) -> tuple[np.ndarray, np.ndarray]:
        """Pooled embeddings (batch, width) and class probabilities (batch, classes)."""
        mask = batch[0]["padding_mask"].astype(np.float64)[:, :, None]
        pooled = (self.embedding[batch[0]["token_ids"]] * mask).sum(1) / mask.sum(1)
        logits = pooled @ self.kernel + self.bias
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        return pooled, exponentials / exponentials.sum(1, keepdims=True)

    def loss(self, batch: tuple) -> float:
        _, labels, weights = batch
        probabilities = self.forward(batch)[1]
        return float((-np.log(probabilities[np.arange(len(labels)), labels]) * weights).mean())

    def step(self, batch: tuple) -> float:
        """One step of SGD; returns the loss before it."""
        inputs, labels, weights = batch
        loss = self.loss(batch)
        pooled, probabilities = self.forward(batch)
        slope = probabilities - np.eye(CLASSES)[labels]
        slope *= weights[:, None] / len(labels)
        mask = inputs["padding_mask"].astype(np.float64)[:, :, None]
        to_tokens = (slope @ self.kernel.T)[:, None, :] * mask / mask.sum(1, keepdims=True)
        np.add.at(self.embedding, inputs["token_ids"], -LEARNING_RATE * to_tokens)
        self.kernel -= LEARNING_RATE * pooled.T @ slope
        self.bias -= LEARNING_RATE * slope.sum(0)
        return loss


class StepLosses(keras.callbacks.Callback):
    """Each step's own loss, out of the running means that Keras reports."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._steps, self._total = 0, 0.0

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        total = float(logs["loss"]) * self._steps
        self.losses.append(total - self._total)
        self._total = total
