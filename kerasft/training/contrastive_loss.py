"""A loss over the vectors of a batch: those of one class should be close."""

from typing import Any

import keras
from keras import ops

from kerasft.errors import ConfigError


@keras.saving.register_keras_serializable(package="kerasft")
class SupervisedContrastive(keras.losses.Loss):
    """Khosla et al. 2020, "Supervised Contrastive Learning", equation 2.

    With unit vectors z and a temperature t, row i of a batch has the loss

        -1/|P(i)| sum over p in P(i) of log(exp(z_i z_p / t) / sum over a != i of exp(z_i z_a / t))

    where P(i) are the other rows of its class; a row without any has the loss 0. So each text is
    encoded once and compared with all others of its batch.

    Example:
        >>> vectors.compile("adam", SupervisedContrastive(0.1))
    """

    def __init__(self, temperature: float = 0.1, name: str = "supervised_contrastive"):
        """Sets the temperature.

        Args:
            temperature: t, above 0: the lower, the more the nearest rows of other classes count.
            name: Keras's name of the loss.

        Raises:
            ConfigError: The temperature is not above 0.
        """
        if not temperature > 0:
            raise ConfigError(f"The temperature is {temperature}; give a number above 0.")
        super().__init__(name=name)
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each row.

        Args:
            y_true: (batch,) class ids.
            y_pred: (batch, width) vectors of any length above 0.

        Returns:
            (batch,) float32.
        """
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        unit = ops.normalize(ops.cast(y_pred, "float32"), axis=-1)
        index = ops.cumsum(ops.ones_like(labels))
        itself = ops.cast(index[:, None] == index[None, :], "float32")  # (batch, batch), as below
        same = ops.cast(labels[:, None] == labels[None, :], "float32") - itself
        scores = ops.matmul(unit, ops.transpose(unit)) / self.temperature - 1e9 * itself
        log_shares = scores - ops.logsumexp(scores, axis=1, keepdims=True)
        partners = ops.sum(same, axis=1)  # (batch,)
        return -ops.sum(same * log_shares, axis=1) / ops.maximum(partners, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"temperature": self.temperature, "name": self.name}
