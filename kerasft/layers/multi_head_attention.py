"""How positions read from each other."""

from typing import Any

import keras
from keras import ops

from kerasft.errors import ConfigError
from kerasft.layers.masks import HIDDEN


@keras.saving.register_keras_serializable(package="kerasft")
class MultiHeadAttention(keras.layers.Layer):
    """Attention in several subspaces at once (Vaswani et al. 2017, sections 3.2.1 and 3.2.2).

        Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V
        head_i             = Attention(q W_i^Q, k W_i^K, v W_i^V)
        MultiHead(q, k, v) = concat(head_1, ..., head_h) W^O             with d_k = d_model / h

    The W_i of all heads stand side by side in one matrix. Each matrix has a bias, as in torch.nn.

    Args:
        d_model: Width of input and output.
        heads: Number of heads, h; must divide d_model.

    Attributes:
        prefix_length: How many keys and values an adapter puts before those given.
        positions_in_mask: Whether the mask tells positions apart. It is then that of the prefix
            too, as only the stack around knows the positions.

    Raises:
        ConfigError: `heads` does not divide `d_model`.

    Example:
        >>> attention = MultiHeadAttention(d_model=16, heads=4)
        >>> attention(x, x, x, attention_mask=causal_mask(5))  # (batch, 5, 16)
    """

    prefix_length = 0
    positions_in_mask = False

    def __init__(self, d_model: int, heads: int, **options: Any) -> None:
        if heads < 1 or d_model % heads:
            raise ConfigError(
                f"the number of heads ({heads}) must divide d_model ({d_model}); "
                "choose another of the two"
            )
        super().__init__(**options)
        self.d_model = d_model
        self.heads = heads
        self.d_k = d_model // heads
        self.query = keras.layers.Dense(d_model, name="query")  # W^Q
        self.key = keras.layers.Dense(d_model, name="key")  # W^K
        self.value = keras.layers.Dense(d_model, name="value")  # W^V
        self.merge = keras.layers.Dense(d_model, name="output")  # W^O

    def build(self, input_shape: Any = None) -> None:
        """Makes the four matrices."""
        for dense in (self.query, self.key, self.value, self.merge):
            dense.build((None, None, self.d_model))

    def call(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        return_scores: bool = False,
    ) -> Any:
        """Lets each query read from the values, by how well their keys answer to it.

        Args:
            query: (batch, t, d_model).
            key: (batch, s, d_model).
            value: (batch, s, d_model).
            attention_mask: bool, broadcast to (batch, heads, t, s); True where a query may look.
            return_scores: Whether to return the softmax's values as well.

        Returns:
            (batch, t, d_model), or with `return_scores` also the scores (batch, heads, t, s).
        """
        joined, scores = self.attend(
            self.split(self.query(query)),
            self.split(self.key(key)),
            self.split(self.value(value)),
            attention_mask,
        )
        output = self.merge(joined)  # (batch, t, d_model)
        return (output, scores) if return_scores else output

    def split(self, x: Any) -> Any:
        """Gives each head its part of the vectors.

        Args:
            x: (batch, length, d_model).

        Returns:
            (batch, heads, length, d_k).
        """
        # (batch, length, d_model) -> (batch, length, heads, d_k) -> (batch, heads, length, d_k)
        x = ops.reshape(x, (-1, ops.shape(x)[1], self.heads, self.d_k))
        return ops.transpose(x, (0, 2, 1, 3))

    def attend(self, query: Any, key: Any, value: Any, attention_mask: Any) -> tuple[Any, Any]:
        """Scaled dot-product attention of all heads, joined (before W^O).

        Args:
            query: (batch, heads, t, d_k).
            key: (batch, heads, s, d_k).
            value: (batch, heads, s, d_k).
            attention_mask: As in `call`.

        Returns:
            (batch, t, d_model) and the scores (batch, heads, t, s).
        """
        key, value, attention_mask = self.with_prefix(key, value, attention_mask)
        scores = ops.matmul(query * self.d_k**-0.5, ops.transpose(key, (0, 1, 3, 2)))
        if attention_mask is not None:
            scores = ops.where(attention_mask, scores, HIDDEN)
        scores = ops.softmax(scores, axis=-1)  # (batch, heads, t, s)
        heads = ops.matmul(scores, value)  # (batch, heads, t, d_k)
        # (batch, heads, t, d_k) -> (batch, t, heads, d_k) -> (batch, t, d_model)
        heads = ops.transpose(heads, (0, 2, 1, 3))
        return ops.reshape(heads, (-1, ops.shape(heads)[1], self.d_model)), scores

    def with_prefix(self, key: Any, value: Any, attention_mask: Any) -> tuple[Any, Any, Any]:
        """What is attended to: what is given; an adapter puts a prefix before it.

        Args:
            key: (batch, heads, s, d_k).
            value: (batch, heads, s, d_k).
            attention_mask: As in `call`, or None.

        Returns:
            The three, with s longer by `prefix_length`.
        """
        return key, value, attention_mask

    def keys_and_values(self, source: Any) -> tuple[Any, Any]:
        """The keys and values that a decoder needs at every step, computed once.

        Args:
            source: (batch, s, d_model).

        Returns:
            Keys and values, each (batch, heads, s, d_k).
        """
        return self.split(self.key.call(source)), self.split(self.value.call(source))

    def step(self, query: Any, key: Any, value: Any, attention_mask: Any) -> Any:
        """`call` with keys and values that are known, for decoding (see `DecoderBlock.step`).

        Args:
            query: (batch, beams, d_model).
            key: (batch, heads, s, d_k).
            value: (batch, heads, s, d_k).
            attention_mask: As in `call`.

        Returns:
            (batch, beams, d_model).
        """
        joined, _ = self.attend(self.split(self.query.call(query)), key, value, attention_mask)
        return self.merge.call(joined)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), "d_model": self.d_model, "heads": self.heads}
