"""The distance of two tokens, as a vector that attention compares with theirs."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasft.layers.initializers import TruncatedNormal


def logarithmic_buckets(distances: np.ndarray, buckets: int, max_distance: int) -> np.ndarray:
    """The bucket of each distance (He et al. 2021, DeBERTa's code for version 2).

    Distances up to half of `buckets` have a bucket each; farther ones share buckets that grow with
    the logarithm, up to `max_distance`.

    Args:
        distances: Any shape, int: the query's position minus the key's.
        buckets: How many there are in either direction; 0 gives each distance its own.
        max_distance: The distance at which the buckets end.

    Returns:
        The same shape, int: negative for keys ahead.

    Example:
        >>> logarithmic_buckets(np.array([-200, -3, 0, 3, 200]), 32, 128)
    """
    middle = buckets // 2
    far = np.abs(distances)
    if not buckets:
        return distances
    # Rounded where the original rounds: after each step, to float32.
    single = np.float32
    log = np.log(np.maximum(far, middle).astype(single) / single(middle), dtype="float64")
    last = single(math.log(single((max_distance - 1) / middle)))
    step = log.astype(single) / last * single(middle - 1)
    shared = np.sign(distances) * (np.ceil(step) + middle).astype(int)
    return np.where(far <= middle, distances, shared)


@keras.saving.register_keras_serializable(package="kerasft")
class RelativePositionEmbedding(keras.layers.Layer):
    """A vector for each bucket of distances (He et al. 2021, "DeBERTa", section 3.1).

    Args:
        width: Width of a vector.
        length: Most positions of a text.
        buckets: Buckets in either direction, see `logarithmic_buckets`; 0 for one a distance.
        max_distance: From which distance on all is one bucket.
        norm: Whether the vectors are normalized, as in version 3.
        epsilon: Of that normalization.
        initial_deviation: Standard deviation of the table's random start; 0 for none.

    Attributes:
        embeddings: The table: a row a bucket, from the farthest key ahead on.

    Example:
        >>> table = RelativePositionEmbedding(width=16, length=64, buckets=32, max_distance=64)
        >>> table.build()
        >>> table.rows(np.arange(5))["distances"]    # (11, 16): of -5, ..., 5
    """

    def __init__(
        self,
        width: int,
        length: int,
        buckets: int,
        max_distance: int,
        norm: bool = True,
        epsilon: float = 1e-7,
        initial_deviation: float = 0.02,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.settings = {
            "width": width,
            "length": length,
            "buckets": buckets,
            "max_distance": max_distance,
            "norm": norm,
            "epsilon": epsilon,
            "initial_deviation": initial_deviation,
        }
        span = buckets or max_distance
        self.shape = (2 * span, width)
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, name="norm") if norm else None
        # The rows of the distances 0, 1, ..., length, and of 0, -1, ..., -length.
        self.numbers = [
            np.clip(
                logarithmic_buckets(sign * np.arange(length + 1), buckets, max_distance) + span,
                0,
                2 * span - 1,
            ).astype("int32")
            for sign in (1, -1)
        ]

    def build(self, input_shape: Any = None) -> None:
        """Makes the table and its normalization."""
        start = TruncatedNormal(self.settings["initial_deviation"])
        self.embeddings = self.add_weight(name="embeddings", shape=self.shape, initializer=start)
        if self.norm is not None:
            self.norm.build((None, self.settings["width"]))

    def rows(self, places: Any) -> dict[str, Any]:
        """The vectors of the distances in a text, as `DisentangledAttention` reads them.

        Args:
            places: (length,) int32, the numbers of its positions: 0, ..., length - 1.

        Returns:
            "distances" (2 * length + 1, width), of -length, ..., length; and "ahead" (length,
            width), of those from position 0 to all: 0, -1, ..., -(length - 1).
        """
        table = ops.convert_to_tensor(self.embeddings)
        if self.norm is not None:
            table = self.norm(table)
        behind, ahead = (
            ops.take(ops.convert_to_tensor(numbers), places + 1, axis=0) for numbers in self.numbers
        )
        all_numbers = [ops.flip(ahead, axis=0), self.numbers[0][:1], behind]
        first = ops.take(ops.convert_to_tensor(self.numbers[1]), places, axis=0)
        return {
            "distances": ops.take(table, ops.concatenate(all_numbers, axis=0), axis=0),
            "ahead": ops.take(table, first, axis=0),
        }

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}
