"""How the positions of a text read from each other in encoders such as BERT."""

from typing import Any

import keras
from keras import ops

from kerasft.errors import ConfigError
from kerasft.layers.initializers import TruncatedNormal
from kerasft.layers.masks import HIDDEN


@keras.saving.register_keras_serializable(package="kerasft")
class SelfAttention(keras.layers.Layer):
    """Multi-head attention with dropout on its weights, fused where the backend can.

        Attention(Q, K, V) = dropout(softmax(Q K^T / sqrt(d_k) + bias)) V
        y                  = concat(head_1, ..., head_h) W^O             with d_k = d_model / h

    As in `MultiHeadAttention` (Vaswani et al. 2017, section 3.2), but each matrix knows the heads
    as an axis of its own, and where no dropout is drawn, all of it is one operation of the backend.

    Args:
        d_model: Width of input and output.
        heads: Number of heads, h; must divide d_model.
        dropout: Share of the softmax's values that is set to 0 in training.
        initial_deviation: Standard deviation of the matrices' random start; 0 for none.

    Attributes:
        scale: What the products of queries and keys are multiplied by.
        prefix_length: How many keys and values an adapter puts before those of the text.
        positions_in_mask: As in `MultiHeadAttention`.

    Raises:
        ConfigError: `heads` does not divide `d_model`.

    Example:
        >>> attention = SelfAttention(d_model=16, heads=4)
        >>> attention(x, x, attention_mask=padding_mask(token_ids, 0))  # (batch, length, 16)
    """

    prefix_length = 0
    positions_in_mask = False

    def __init__(
        self,
        d_model: int,
        heads: int,
        dropout: float = 0.0,
        initial_deviation: float = 0.02,
        **options: Any,
    ) -> None:
        if heads < 1 or d_model % heads:
            raise ConfigError(
                f"the number of heads ({heads}) must divide d_model ({d_model}); "
                "choose another of the two"
            )
        super().__init__(**options)
        self.d_model = d_model
        self.heads = heads
        self.d_k = d_model // heads
        self.scale = self.d_k**-0.5
        self.initial_deviation = initial_deviation
        self.query, self.key, self.value = (
            keras.layers.EinsumDense(
                "abc,cde->abde",
                output_shape=(None, heads, self.d_k),
                bias_axes="de",
                kernel_initializer=TruncatedNormal(initial_deviation),
                name=name,
            )
            for name in ("query", "key", "value")
        )
        self.merge = keras.layers.EinsumDense(
            "abcd,cde->abe",
            output_shape=(None, d_model),
            bias_axes="e",
            kernel_initializer=TruncatedNormal(initial_deviation),
            name="attention_output",
        )
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, input_shape: Any = None) -> None:
        """Makes the four matrices."""
        for dense in (self.query, self.key, self.value):
            dense.build((None, None, self.d_model))
        self.merge.build((None, None, self.heads, self.d_k))

    def call(
        self,
        x: Any,
        source: Any,
        attention_mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Lets each position of `x` read from those of `source`.

        Args:
            x: (batch, t, d_model).
            source: (batch, s, d_model).
            attention_mask: Broadcast to (batch, heads, t, s): bool, True where a position may look;
                or float32, what is added to the scores (see `layers.masks.hide`).

        Returns:
            (batch, t, d_model).
        """
        query = self.query(x)  # (batch, t, heads, d_k)
        # (batch, s, heads, d_k)
        key, value, mask = self.with_prefix(self.key(source), self.value(source), attention_mask)
        return self.merge(self.attend(query, key, value, mask, training))

    def attend(
        self, query: Any, key: Any, value: Any, attention_mask: Any, training: bool | None = None
    ) -> Any:
        """Attention of all heads (before W^O).

        Args:
            query: (batch, t, heads, d_k).
            key: (batch, s, heads, d_k).
            value: (batch, s, heads, d_k).
            attention_mask: As in `call`.

        Returns:
            (batch, t, heads, d_k).
        """
        mask, bias = attention_mask, None
        if mask is not None and keras.backend.standardize_dtype(mask.dtype) != "bool":
            mask, bias = None, mask
        if not (training and self.dropout.rate > 0):
            return ops.dot_product_attention(
                query, key, value, bias=bias, mask=mask, scale=self.scale
            )
        scores = ops.einsum("bthd,bshd->bhts", query * self.scale, key)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = ops.where(mask, scores, HIDDEN)
        weights = self.dropout(ops.softmax(scores, axis=-1), training=training)
        return ops.einsum("bhts,bshd->bthd", weights, value)

    def with_prefix(self, key: Any, value: Any, attention_mask: Any) -> tuple[Any, Any, Any]:
        """What is attended to: what is given; an adapter puts a prefix before it.

        Args:
            key: (batch, s, heads, d_k).
            value: (batch, s, heads, d_k).
            attention_mask: As in `call`, or None.

        Returns:
            The three, with s longer by `prefix_length`.
        """
        return key, value, attention_mask

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {"d_model": self.d_model, "heads": self.heads, "dropout": self.dropout.rate}
        return {**super().get_config(), **own, "initial_deviation": self.initial_deviation}
