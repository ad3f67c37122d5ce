"""The last transformer layer of an encoder, computed for the first token alone."""

from typing import Any

import keras
from keras import ops


class FirstTokenLayer(keras.layers.Layer):
    """What one of KerasHub's transformer layers makes of the first token, and of no other.

    Of all positions of the last layer, a head that reads only the first token needs only that one.
    It asks the keys and values of all tokens; everything else in the layer treats each position by
    itself. So queries, attention, normalizations and feed-forward run on one position:

        a = norm(x_0 + dropout(attention(query x_0, keys and values of all x)))
        y = norm(a + dropout(feed-forward(a)))                   (Vaswani et al. 2017, section 3.1)

    The numbers and the gradients are those of the whole layer, up to rounding. In training, dropout
    is applied where the whole layer applies it, at the same rates.

    Nothing is copied and no weight is new: it calls the parts of the layer it is given, each under
    its name and path, with whatever adapters they carry at the time.

    Args:
        block: A built `keras_hub.layers.TransformerEncoder` that normalizes behind its residual
            connections (`normalize_first=False`), as BERT and DistilBERT do.

    Example:
        >>> last = FirstTokenLayer(backbone.transformer_layers[-1])
        >>> last(np.zeros((2, 5, 16)), padding_mask=np.ones((2, 5)))  # (2, 1, 16)
    """

    def __init__(self, block: keras.layers.Layer) -> None:
        super().__init__(name=f"{block.name}_first_token", dtype=block.dtype_policy)
        self.block = block

    def call(self, hidden: Any, padding_mask: Any, training: bool | None = None) -> Any:
        """Computes the layer for position 0.

        Args:
            hidden: (batch, length, width), what the layer below made.
            padding_mask: (batch, length) bool or int, 1 where there is a token.
            training: Whether to drop out.

        Returns:
            (batch, 1, width).
        """
        parts = self._parts()
        first = hidden[:, :1, :]  # (batch, 1, width)
        x = parts["self_attention_layer"](
            query=first,
            value=hidden,
            attention_mask=ops.cast(ops.expand_dims(padding_mask, axis=1), "int32"),
            training=training,
        )
        x = parts["self_attention_dropout"](x, training=training)
        attended = parts["self_attention_layer_norm"](x + first)
        x = parts["feedforward_intermediate_dense"](attended)
        x = parts["feedforward_output_dense"](x)
        x = parts["feedforward_dropout"](x, training=training)
        return parts["feedforward_layer_norm"](x + attended)

    def compute_output_spec(
        self, hidden: Any, padding_mask: Any, training: bool | None = None
    ) -> keras.KerasTensor:
        """The shape of what `call` returns, without tracing it."""
        batch, _, width = hidden.shape
        return keras.KerasTensor((batch, 1, width), dtype=self.compute_dtype)

    def _parts(self) -> dict[str, keras.layers.Layer]:
        """The block's own layers by name: the names in the paths of its weights."""
        found = self.block._flatten_layers(include_self=False, recursive=False)
        return {part.name: part for part in found}
