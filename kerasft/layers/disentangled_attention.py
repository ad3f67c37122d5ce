"""Attention that compares the content of tokens with their distance."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerasft.layers.initializers import TruncatedNormal
from kerasft.layers.masks import hide
from kerasft.layers.self_attention import SelfAttention


@keras.saving.register_keras_serializable(package="kerasft")
class DisentangledAttention(SelfAttention):
    """`SelfAttention` with two further terms in its scores (He et al. 2021, section 3.1).

        A_ij = (q_i k_j + q_i W^Kr p_(i - j) + k_j W^Qr p_(i - j)) / sqrt(n d_k)

    p is a vector for each distance, see `RelativePositionEmbedding`, and n the number of terms.
    W^Kr and W^Qr are W^K and W^Q themselves where they are shared (version 3).

    Args:
        d_model: Width of input and output.
        heads: Number of heads; must divide d_model.
        dropout: Share of the softmax's values that is set to 0 in training.
        initial_deviation: Standard deviation of the matrices' random start; 0 for none.
        position_dropout: Share of the distances' vectors that is set to 0 in training.
        shared: Whether distances pass through the tokens' own matrices.
        content_to_position: Whether there is the second term.
        position_to_content: Whether there is the third.

    Example:
        >>> attention = DisentangledAttention(d_model=16, heads=4)
        >>> attention(x, x, {"mask": mask, "distances": table.rows(places)["distances"]})
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        dropout: float = 0.0,
        initial_deviation: float = 0.02,
        position_dropout: float = 0.0,
        shared: bool = True,
        content_to_position: bool = True,
        position_to_content: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(d_model, heads, dropout, initial_deviation, **options)
        self.settings = {
            "position_dropout": position_dropout,
            "shared": shared,
            "content_to_position": content_to_position,
            "position_to_content": position_to_content,
        }
        self.scale = ((1 + content_to_position + position_to_content) * self.d_k) ** -0.5
        self.position_dropout = keras.layers.Dropout(position_dropout, name="position_dropout")

        def projection(name: str) -> keras.layers.Layer:
            return keras.layers.EinsumDense(
                "abc,cde->abde",
                output_shape=(None, heads, self.d_k),
                bias_axes="de",
                kernel_initializer=TruncatedNormal(initial_deviation),
                name=name,
            )

        self.position_key = self.position_query = None
        if content_to_position:
            self.position_key = self.key if shared else projection("position_key")
        if position_to_content:
            self.position_query = self.query if shared else projection("position_query")

    def build(self, input_shape: Any = None) -> None:
        """Makes the matrices."""
        super().build(input_shape)
        if not self.settings["shared"]:
            for dense in (self.position_key, self.position_query):
                if dense is not None:
                    dense.build((None, None, self.d_model))

    def call(
        self,
        x: Any,
        source: Any,
        attention_mask: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Lets each position of `x` read from those of `source`.

        Args:
            x: (batch, length, d_model), or position 0 alone, (batch, 1, d_model).
            source: (batch, length, d_model).
            attention_mask: "mask", bool, broadcast to (batch, 1, 1, length); and "distances"
                (2 * length + 1, d_model), or for position 0 "ahead" (length, d_model), see
                `RelativePositionEmbedding.rows`.

        Returns:
            (batch, length or 1, d_model).
        """
        given = attention_mask or {}
        query, key, value = self.query(x), self.key(source), self.value(source)
        of_all = "distances" in given
        distances = given["distances" if of_all else "ahead"][None, :]
        distances = self.position_dropout(distances, training=training)
        scores_of = self._scores if of_all else self._scores_of_first
        scores = scores_of(query, key, distances)
        mask = hide(given["mask"], scores * self.scale)
        return self.merge(self.attend(query, key, value, mask, training))

    def _scores(self, query: Any, key: Any, distances: Any) -> Any:
        """The further terms, (batch, heads, length, length), before they are scaled."""
        scores: Any = 0.0
        if self.position_key is not None:
            rows = ops.flip(self.position_key(distances)[0, 1:], axis=0)  # from length down
            scores += skew(ops.einsum("bthd,rhd->bhtr", query, rows))
        if self.position_query is not None:
            rows = self.position_query(distances)[0, :-1]  # from -length up
            by_key = skew(ops.einsum("bshd,rhd->bhsr", key, rows))  # keys x queries
            scores += ops.transpose(by_key, (0, 1, 3, 2))
        return scores

    def _scores_of_first(self, query: Any, key: Any, distances: Any) -> Any:
        """Those of position 0, (batch, heads, 1, length)."""
        scores: Any = 0.0
        if self.position_key is not None:
            rows = self.position_key(distances)[0]
            scores += ops.einsum("bthd,shd->bhts", query, rows)
        if self.position_query is not None:
            rows = self.position_query(distances)[0]
            scores += ops.einsum("bshd,shd->bhs", key, rows)[:, :, None]
        return scores

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}


def skew(x: Any) -> Any:
    """Moves row i to the left by length - i, so that columns of distances become columns of places.

        y[i, j] = x[i, j - i + length]

    It is a reshape (Huang et al. 2018, "Music Transformer", section 3.4.1).

    Args:
        x: (batch, heads, length, 2 * length).

    Returns:
        (batch, heads, length, length).
    """
    heads, length = x.shape[1], ops.shape(x)[2]
    if length is None:  # in a graph for any length nothing can be shaped by it
        places = ops.cumsum(ops.ones_like(x[0, 0, :, 0], dtype="int32"))  # from 1
        columns = places[None, :] - places[:, None] + ops.max(places)
        return ops.take_along_axis(x, columns[None, None, :, :], axis=-1)
    x = ops.reshape(x, (-1, heads, 2 * length, length))[:, :, 1:]
    return ops.reshape(x, (-1, heads, length, 2 * length - 1))[:, :, :, :length]
