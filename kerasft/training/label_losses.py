"""What several labels per text are trained with and watched by: binary cross-entropy, micro-F1."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasft")
class BinaryCrossEntropy(keras.losses.Loss):
    """Binary cross-entropy of independent labels, from logits, with weights of the ones.

        loss = mean over the labels of  -w * y * log s(x) - (1 - y) * log(1 - s(x))

    with s the logistic function: the same as `torch.nn.BCEWithLogitsLoss(pos_weight=w)`.

    Example:
        >>> model.compile("adam", BinaryCrossEntropy((1.0, 7.5)))
    """

    def __init__(
        self, positive_weights: Sequence[float] | None = None, name: str = "binary_cross_entropy"
    ):
        """Sets the weights.

        Args:
            positive_weights: One per label, of the rows that have it; None weighs all alike.
            name: Keras's name of the loss.
        """
        super().__init__(name=name)
        self.positive_weights = None if positive_weights is None else tuple(positive_weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each row.

        Args:
            y_true: (batch, labels) 0 or 1.
            y_pred: (batch, labels) logits.

        Returns:
            (batch,) float32.
        """
        ones = ops.cast(y_true, y_pred.dtype)
        likely, unlikely = ops.softplus(-y_pred), ops.softplus(y_pred)
        if self.positive_weights is not None:
            likely = likely * ops.convert_to_tensor(self.positive_weights, dtype=y_pred.dtype)
        return ops.mean(ones * likely + (1 - ones) * unlikely, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"positive_weights": self.positive_weights, "name": self.name}


@keras.saving.register_keras_serializable(package="kerasft")
class MicroF1(keras.metrics.Metric):
    """F1 over all labels of all rows together, where a logit above 0 says a label."""

    def __init__(self, name: str = "micro_f1"):
        """Names the metric."""
        super().__init__(name=name)
        self.hits = self.add_weight(name="hits", initializer="zeros")
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch.

        Args:
            y_true: (batch, labels) 0 or 1.
            y_pred: (batch, labels) logits.
            sample_weight: (batch,) weight of each row; 1 by default.
        """
        true = ops.cast(y_true, self.dtype)
        said = ops.cast(y_pred > 0, self.dtype)
        weights = ops.ones_like(true[:, :1])
        if sample_weight is not None:
            weights = ops.reshape(ops.cast(sample_weight, self.dtype), (-1, 1))
        self.hits.assign_add(ops.sum(weights * true * said))
        self.total.assign_add(ops.sum(weights * (true + said)))

    def result(self) -> Any:
        """2 * hits / (labels + said labels); 0 where there are none."""
        return 2 * self.hits / ops.maximum(self.total, 1e-7)
