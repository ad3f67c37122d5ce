"""Each vector brought to a root mean square of 1."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasft")
class RootMeanSquareNormalization(keras.layers.Layer):
    """Divides each vector by the root of its mean square (Zhang and Sennrich 2019, section 4).

        y_i = scale_i x_i / sqrt(1/n sum_j x_j^2 + epsilon)

    Unlike `LayerNormalization` it takes no mean away and shifts nothing: T5's choice.

    Args:
        epsilon: Keeps the root above 0 where all values are 0.

    Attributes:
        scale: The learned scale, (d_model,), 1 at first.

    Example:
        >>> RootMeanSquareNormalization()(np.array([[3.0, 3.0]], "float32"))  # [[1, 1]]
    """

    def __init__(self, epsilon: float = 1e-6, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Makes the scale for vectors of `input_shape[-1]` values."""
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        """Normalizes over the last axis.

        Args:
            x: (..., d_model).

        Returns:
            (..., d_model).
        """
        # The formula above in one operation, for which torch has a kernel of its own.
        return ops.rms_normalization(x, self.scale, axis=-1, epsilon=self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), "epsilon": self.epsilon}
