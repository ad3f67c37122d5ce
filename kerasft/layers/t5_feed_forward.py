"""T5's feed-forward network, in its two versions."""

from typing import Any

import keras

from kerasft.errors import ConfigError
from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.t5_attention import matrix


@keras.saving.register_keras_serializable(package="kerasft")
class T5FeedForward(keras.layers.Layer):
    """Two linear maps, or three with a gate, all without biases.

        plain:  y = dropout(f(x wi)) wo                     (Raffel et al. 2020, section 2.1)
        gated:  y = dropout(f(x wi_0) * (x wi_1)) wo        (Shazeer 2020, "GLU Variants Improve
                                                             Transformer", section 2; T5 v1.1)

    Args:
        d_model: Width of input and output.
        d_ff: Width between the maps.
        activation: f, one of `ACTIVATIONS`: "relu" in T5, "gelu_approximate" in v1.1.
        gated: Which of the two.
        dropout: Share of the values between the maps that is set to 0 in training.
        initializer_factor: The matrices' random start is multiplied by it; 0 for none.

    Raises:
        ConfigError: The activation is unknown.

    Example:
        >>> T5FeedForward(d_model=16, d_ff=64)(np.zeros((1, 5, 16)))  # (1, 5, 16)
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        activation: str = "relu",
        gated: bool = False,
        dropout: float = 0.1,
        initializer_factor: float = 1.0,
        **options: Any,
    ) -> None:
        if activation not in ACTIVATIONS:
            raise ConfigError(
                f"the activation {activation!r} is not one of {', '.join(ACTIVATIONS)}"
            )
        super().__init__(**options)
        self.d_model = d_model
        self.d_ff = d_ff
        self.activation = activation
        self.gated = gated
        self.initializer_factor = initializer_factor
        self.inner = [
            matrix(d_ff, initializer_factor * d_model**-0.5, name)
            for name in (("wi_0", "wi_1") if gated else ("wi",))
        ]
        self.outer = matrix(d_model, initializer_factor * d_ff**-0.5, "wo")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, input_shape: Any = None) -> None:
        """Makes the maps."""
        for dense in self.inner:
            dense.build((None, None, self.d_model))
        self.outer.build((None, None, self.d_ff))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Maps each position.

        Args:
            x: (batch, length, d_model).

        Returns:
            (batch, length, d_model).
        """
        between = self._join([dense(x) for dense in self.inner])
        return self.outer(self.dropout(between, training=training))

    def step(self, x: Any) -> Any:
        """`call` without dropout, for decoding token by token (see `DecoderBlock.step`).

        Args:
            x: (batch, beams, d_model).

        Returns:
            (batch, beams, d_model).
        """
        return self.outer.call(self._join([dense.call(x) for dense in self.inner]))

    def _join(self, mapped: list[Any]) -> Any:
        """What the inner maps made, each (batch, length, d_ff), as one such array."""
        active = ACTIVATIONS[self.activation](mapped[0])
        return active * mapped[1] if self.gated else active

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {
            "d_model": self.d_model,
            "d_ff": self.d_ff,
            "activation": self.activation,
            "gated": self.gated,
            "dropout": self.dropout.rate,
            "initializer_factor": self.initializer_factor,
        }
        return {**super().get_config(), **own}
