"""One block of encoders whose attention knows distances."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.disentangled_attention import DisentangledAttention
from kerasft.layers.initializers import TruncatedNormal
from kerasft.layers.transformer_layer import TransformerLayer


@keras.saving.register_keras_serializable(package="kerasft")
class DisentangledTransformerLayer(TransformerLayer):
    """`TransformerLayer` around a `DisentangledAttention`, perhaps with a convolution beside it.

        z = norm(y + g(dropout(convolution(x))))       y as in `TransformerLayer`; the first block
                                                       of DeBERTa's version 2, He et al. 2021

    Args:
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width between the two maps of the feed-forward part.
        activation: One of `ACTIVATIONS`.
        attention_dropout: Dropout on the attention weights.
        dropout: Dropout on what each part adds, and on the distances' vectors.
        epsilon: Of the normalizations.
        initial_deviation: Standard deviation of the matrices' random start; 0 for none.
        shared: See `DisentangledAttention`, as for the next two.
        content_to_position: Whether positions count as keys.
        position_to_content: Whether they count as queries.
        kernel_size: Positions that the convolution reads at once, odd; 0 for no convolution.
        groups: Groups of the convolution's channels.
        convolution_activation: g, one of `ACTIVATIONS`.

    Example:
        >>> block = DisentangledTransformerLayer(d_model=16, heads=4, d_ff=64)
        >>> block(x, {"mask": mask, **table.rows(places)})
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_ff: int,
        activation: str = "gelu",
        attention_dropout: float = 0.0,
        dropout: float = 0.0,
        epsilon: float = 1e-7,
        initial_deviation: float = 0.02,
        shared: bool = True,
        content_to_position: bool = True,
        position_to_content: bool = True,
        kernel_size: int = 0,
        groups: int = 1,
        convolution_activation: str = "tanh",
        **options: Any,
    ) -> None:
        attention = DisentangledAttention(
            d_model,
            heads,
            attention_dropout,
            initial_deviation,
            dropout,
            shared,
            content_to_position,
            position_to_content,
            name="self_attention_layer",
        )
        super().__init__(
            d_model,
            heads,
            d_ff,
            activation,
            self_attention_dropout=dropout,
            feedforward_dropout=dropout,
            epsilon=epsilon,
            initial_deviation=initial_deviation,
            attention=attention,
            **options,
        )
        self.settings = {
            "d_model": d_model,
            "heads": heads,
            "d_ff": d_ff,
            "activation": activation,
            "attention_dropout": attention_dropout,
            "dropout": dropout,
            "epsilon": epsilon,
            "initial_deviation": initial_deviation,
            "shared": shared,
            "content_to_position": content_to_position,
            "position_to_content": position_to_content,
            "kernel_size": kernel_size,
            "groups": groups,
            "convolution_activation": convolution_activation,
        }
        self.convolution = None
        if kernel_size:
            self.convolution = _Convolution(
                d_model,
                kernel_size,
                padding="same",
                groups=groups,
                kernel_initializer=TruncatedNormal(initial_deviation),
                name="convolution",
            )
            self.convolution_dropout = keras.layers.Dropout(dropout, name="convolution_dropout")
            self.convolution_norm = keras.layers.LayerNormalization(
                epsilon=epsilon, name="convolution_norm"
            )
            self.convolution_activation = ACTIVATIONS[convolution_activation]

    def build(self, x_shape: Any = None) -> None:
        """Makes the parts' weights."""
        super().build(x_shape)
        if self.convolution is not None:
            for part in (self.convolution, self.convolution_norm):
                part.build((None, None, self.settings["d_model"]))

    def call(
        self,
        x: Any,
        attention_mask: Mapping[str, Any] | None = None,
        first_only: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Lets each position read from all others; then maps each by itself.

        Args:
            x: (batch, length, d_model).
            attention_mask: "mask" and "distances" for `DisentangledAttention`, and "ahead" for
                position 0 alone.
            first_only: Whether to compute what becomes of position 0 alone.

        Returns:
            (batch, length, d_model), or with `first_only` (batch, 1, d_model).
        """
        y = super().call(x, attention_mask, first_only, training)
        if self.convolution is None:
            return y
        assert attention_mask is not None
        real = ops.cast(attention_mask["mask"][:, 0, 0, :, None], x.dtype)  # no padding is read
        beside = self.convolution(x * real)
        if first_only:
            beside = beside[:, :1]
        beside = self.convolution_dropout(beside, training=training)
        return self.convolution_norm(y + self.convolution_activation(beside))

    def mask_of_first(self, attention_mask: Mapping[str, Any]) -> dict[str, Any]:
        """What position 0 is given."""
        return {name: attention_mask[name] for name in ("mask", "ahead")}


class _Convolution(keras.layers.Conv1D):
    """Whose groups are convolutions of their own: `ops.conv` knows no groups before it computes."""

    def call(self, inputs: Any) -> Any:
        """(batch, length, width) -> (batch, length, width)."""
        parts = [ops.split(each, self.groups, axis=-1) for each in (inputs, self.kernel)]
        made = [ops.conv(x, kernel, padding="same") for x, kernel in zip(*parts, strict=True)]
        return (ops.concatenate(made, axis=-1) if len(made) > 1 else made[0]) + self.bias
