"""The distance of two tokens, as a bias of attention scores."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasft.errors import ConfigError
from kerasft.layers.initializers import normal


def relative_position_buckets(
    distances: np.ndarray, bidirectional: bool, buckets: int, max_distance: int
) -> np.ndarray:
    """The bucket of each distance (Raffel et al. 2020, section 2.1).

    Near distances have a bucket each; farther ones share buckets that grow with the logarithm, up
    to `max_distance`; all beyond share the last one. Read both ways, one half of the buckets is
    for what stands behind and the other for what stands before; else all that lies ahead is
    bucket 0.

    Args:
        distances: Any shape, int: the key's position minus the query's.
        bidirectional: Whether keys after the query count (the encoder's case).
        buckets: Number of buckets.
        max_distance: From which distance on all is one bucket.

    Returns:
        The same shape, int32, from 0 to buckets - 1.

    Example:
        >>> relative_position_buckets(np.array([-3, 0, 3, 200]), True, 32, 128)
        array([ 3,  0, 19, 31], dtype=int32)
    """
    if bidirectional:
        buckets //= 2
        first = np.where(distances > 0, buckets, 0)
        distances = np.abs(distances)
    else:
        first = np.zeros_like(distances)
        distances = -np.minimum(distances, 0)
    exact = buckets // 2
    # On the border of two buckets rounding decides, so this is rounded where the original rounds:
    # after each step, to float32. The logarithm is the nearest float32, on every processor.
    single = np.float32
    far = np.maximum(distances, exact).astype(single) / single(exact)
    log = np.log(far.astype("float64")).astype(single)
    step = log / single(math.log(max_distance / exact)) * single(buckets - exact)
    far_bucket = np.minimum(exact + step.astype("int32"), buckets - 1)
    return (first + np.where(distances < exact, distances, far_bucket)).astype("int32")


@keras.saving.register_keras_serializable(package="kerasft")
class RelativePositionBias(keras.layers.Layer):
    """A learned number for each head and bucket of distances (Raffel et al. 2020, section 2.1).

        scores[h, i, j] = q_i k_j + B[bucket(j - i), h]

    It is all that T5 knows of the tokens' order. One layer serves all blocks of a stack. There is
    no longest text: far is far.

    Args:
        heads: Attention heads.
        bidirectional: Whether positions look ahead (the encoder's do, the decoder's do not).
        buckets: Number of buckets, rows of the table B.
        max_distance: From which distance on all is one bucket.
        initial_deviation: Standard deviation of B's random start; 0 for none.

    Attributes:
        embeddings: The table B, (buckets, heads).

    Raises:
        ConfigError: There are too few buckets, or `max_distance` is too small for them.

    Example:
        >>> bias = RelativePositionBias(heads=4, bidirectional=True)
        >>> bias.build()
        >>> bias.square(5)      # (1, 4, 5, 5)
    """

    def __init__(
        self,
        heads: int,
        bidirectional: bool,
        buckets: int = 32,
        max_distance: int = 128,
        initial_deviation: float = 0.05,
        **options: Any,
    ) -> None:
        check_buckets(buckets, max_distance)
        super().__init__(**options)
        self.settings = {
            "heads": heads,
            "bidirectional": bidirectional,
            "buckets": buckets,
            "max_distance": max_distance,
            "initial_deviation": initial_deviation,
        }
        self.buckets = buckets
        self.heads = heads
        self.max_distance = max_distance
        distances = np.arange(-max_distance, max_distance + 1)
        # The bucket of distance d stands at d + max_distance.
        self.table = relative_position_buckets(distances, bidirectional, buckets, max_distance)

    def build(self, input_shape: Any = None) -> None:
        """Makes the table."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.buckets, self.heads),
            initializer=normal(self.settings["initial_deviation"]),
        )

    def call(self, distances: Any) -> Any:
        """The bias at given distances.

        Args:
            distances: (...) int32, the key's position minus the query's.

        Returns:
            (..., heads).
        """
        farthest = self.max_distance
        places = ops.clip(distances, -farthest, farthest) + farthest
        buckets = ops.take(ops.convert_to_tensor(self.table), places, axis=0)
        return ops.take(self.embeddings, buckets, axis=0)

    def square(self, length: Any, before: int = 0) -> Any:
        """The bias of a text's positions among themselves.

        Args:
            length: Number of positions, an int (or a scalar tensor where TensorFlow knows no
                better).
            before: How many keys of a prefix stand before them.

        Returns:
            (1, heads, length, before + length): queries x keys.
        """
        keys = ops.arange(before + length, dtype="int32") - before
        queries = ops.arange(length, dtype="int32")
        bias = self.call(keys[None, :] - queries[:, None])  # (length, before + length, heads)
        return ops.transpose(bias, (2, 0, 1))[None]

    def behind(self, length: int) -> Any:
        """The bias of the keys that stand 0, 1, ... positions behind a query.

        Args:
            length: Number of positions.

        Returns:
            (heads, length).
        """
        return ops.transpose(self.call(-ops.arange(length, dtype="int32")))

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}


def check_buckets(buckets: int, max_distance: int) -> None:
    """Checks that the near buckets end before `max_distance`, read both ways or one.

    Raises:
        ConfigError: They do not, or there are fewer than 4.
    """
    if buckets < 4:
        raise ConfigError(f"there are {buckets} buckets of relative positions; make it 4 or more")
    if max_distance <= buckets // 2:
        raise ConfigError(
            f"the largest relative distance is {max_distance}, but the near half of {buckets} "
            f"buckets reaches to {buckets // 2}; make it larger, or the buckets fewer"
        )
