"""Attention as T5 has it: bare products, and a bias on the scores."""

from typing import Any

import keras
from keras import ops

from kerasft.layers.initializers import normal
from kerasft.layers.multi_head_attention import MultiHeadAttention


@keras.saving.register_keras_serializable(package="kerasft")
class T5Attention(MultiHeadAttention):
    """`MultiHeadAttention` as Raffel et al. 2020, section 2.1, change it.

        Attention(Q, K, V) = dropout(softmax(Q K^T + bias)) V

    The scores are not divided by sqrt(d_k) (the start of the weights makes up for it), the four
    matrices have no biases, a head may be of any width, and what tells the positions apart, and
    hides some, is one array that is added to the scores. The matrices have T5's names: q, k, v, o.

    Args:
        d_model: Width of input and output.
        heads: Number of heads.
        d_kv: Width of a head.
        dropout: Share of the softmax's values that is set to 0 in training.
        initializer_factor: The matrices' random start is multiplied by it; 0 for none.

    Example:
        >>> attention = T5Attention(d_model=16, heads=4, d_kv=8)
        >>> attention(x, x, x, attention_mask=hide(causal_mask(5)))  # (batch, 5, 16)
    """

    positions_in_mask = True

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_kv: int,
        dropout: float = 0.1,
        initializer_factor: float = 1.0,
        **options: Any,
    ) -> None:
        # Not MultiHeadAttention's own, which would make its four matrices.
        keras.layers.Layer.__init__(self, **options)
        self.d_model = d_model
        self.heads = heads
        self.d_k = d_kv
        self.initializer_factor = initializer_factor
        width, factor = heads * d_kv, initializer_factor
        self.query = matrix(width, factor * (d_model * d_kv) ** -0.5, "q")
        self.key = matrix(width, factor * d_model**-0.5, "k")
        self.value = matrix(width, factor * d_model**-0.5, "v")
        self.merge = matrix(d_model, factor * width**-0.5, "o")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, input_shape: Any = None) -> None:
        """Makes the four matrices."""
        for dense in (self.query, self.key, self.value):
            dense.build((None, None, self.d_model))
        self.merge.build((None, None, self.heads * self.d_k))

    def call(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        return_scores: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Lets each query read from the values, by how well their keys answer to it.

        Args:
            query: (batch, t, d_model).
            key: (batch, s, d_model).
            value: (batch, s, d_model).
            attention_mask: float32, broadcast to (batch, heads, t, s): what is added to the
                scores, see `hide`.
            return_scores: Whether to return the softmax's values as well.

        Returns:
            (batch, t, d_model), or with `return_scores` also the scores (batch, heads, t, s).
        """
        joined, scores = self.attend(
            self.split(self.query(query)),
            self.split(self.key(key)),
            self.split(self.value(value)),
            attention_mask,
            training,
        )
        output = self.merge(joined)  # (batch, t, d_model)
        return (output, scores) if return_scores else output

    def attend(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any,
        training: bool | None = None,
    ) -> tuple[Any, Any]:
        """Attention of all heads, joined (before o).

        Args:
            query: (batch, heads, t, d_kv).
            key: (batch, heads, s, d_kv).
            value: (batch, heads, s, d_kv).
            attention_mask: As in `call`.

        Returns:
            (batch, t, heads * d_kv) and the scores (batch, heads, t, s).
        """
        key, value, attention_mask = self.with_prefix(key, value, attention_mask)
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        if attention_mask is not None:
            scores = scores + attention_mask
        scores = ops.softmax(scores, axis=-1)  # (batch, heads, t, s)
        kept = self.dropout(scores, training=training) if training else scores
        heads = ops.matmul(kept, value)  # (batch, heads, t, d_kv)
        # (batch, heads, t, d_kv) -> (batch, t, heads, d_kv) -> (batch, t, heads * d_kv)
        heads = ops.transpose(heads, (0, 2, 1, 3))
        return ops.reshape(heads, (-1, ops.shape(heads)[1], self.heads * self.d_k)), scores

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {
            "d_kv": self.d_k,
            "dropout": self.dropout.rate,
            "initializer_factor": self.initializer_factor,
        }
        return {**super().get_config(), **own}


def matrix(units: int, deviation: float, name: str) -> keras.layers.Dense:
    """A linear map without a bias.

    Args:
        units: Width of its output.
        deviation: Of the random start; 0 for none.
    """
    return keras.layers.Dense(
        units, use_bias=False, kernel_initializer=normal(deviation), name=name
    )
