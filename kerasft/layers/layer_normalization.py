"""Each vector brought to mean 0 and variance 1."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasft")
class LayerNormalization(keras.layers.Layer):
    """Normalizes each vector over its own values (Ba, Kiros and Hinton 2016, section 3).

        mean     = 1/n sum_i x_i
        variance = 1/n sum_i (x_i - mean)^2               (of the population: 1/n, not 1/(n - 1))
        y_i      = alpha_i (x_i - mean) / sqrt(variance + epsilon) + bias_i

    Args:
        epsilon: Keeps the root above 0 where all values are equal.

    Attributes:
        alpha: The learned scale, (d_model,), 1 at first.
        bias: The learned shift, (d_model,), 0 at first.

    Example:
        >>> LayerNormalization()(np.array([[1.0, 3.0]], "float32"))  # [[-1, 1]]
    """

    def __init__(self, epsilon: float = 1e-5, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Makes scale and shift for vectors of `input_shape[-1]` values."""
        shape = (input_shape[-1],)
        self.alpha = self.add_weight(name="alpha", shape=shape, initializer="ones")
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def call(self, x: Any) -> Any:
        """Normalizes over the last axis.

        Args:
            x: (..., d_model).

        Returns:
            (..., d_model).
        """
        # The formula above in one operation, for which torch has a kernel of its own.
        return ops.layer_normalization(x, self.alpha, self.bias, axis=-1, epsilon=self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), "epsilon": self.epsilon}
