"""Which positions attention may look at: True = may be looked at."""

from typing import Any

import keras
from keras import ops

HIDDEN = -1e9
"""The score of what may not be looked at: its softmax weight is exactly 0 in float32."""


def padding_mask(token_ids: Any, pad_id: int) -> Any:
    """Hides the padding of a batch from every query.

    Args:
        token_ids: (batch, length) int.
        pad_id: The token id that is padding.

    Returns:
        (batch, 1, 1, length) bool, which broadcasts over heads and queries.

    Example:
        >>> padding_mask(np.array([[5, 6, 1]]), pad_id=1)  # [[[[True, True, False]]]]
    """
    return ops.not_equal(token_ids, pad_id)[:, None, None, :]


def causal_mask(length: Any) -> Any:
    """Lets position i look at the positions 0..i alone (Vaswani et al. 2017, section 3.2.3).

    Args:
        length: Number of positions, an int (or a scalar tensor where TensorFlow knows no better).

    Returns:
        (1, 1, length, length) bool: queries x keys, which broadcasts over batch and heads.

    Example:
        >>> causal_mask(2)  # [[[[True, False], [True, True]]]]
    """
    positions = ops.arange(length)  # (length,)
    visible = ops.greater_equal(positions[:, None], positions[None, :])  # (length, length)
    return visible[None, None, :, :]


def with_earlier(mask: Any, count: int) -> Any:
    """A mask for keys before which others stand that every query may look at.

    Args:
        mask: (..., t, s) bool, True where a query may look; or float32, what is added to the
            scores.
        count: How many keys stand before.

    Returns:
        (..., t, count + s) of the same type.

    Example:
        >>> with_earlier(np.array([[True, False]]), 1)  # [[True, True, False]]
    """
    first = mask[..., :1]
    if keras.backend.standardize_dtype(mask.dtype) == "bool":
        earlier = ops.logical_or(first, ops.ones((count,), "bool"))  # (..., t, count)
    else:
        earlier = ops.zeros_like(first) + ops.zeros((count,), first.dtype)
    return ops.concatenate([earlier, mask], axis=-1)


def hide(mask: Any, bias: Any = None) -> Any:
    """A mask as numbers that are added to scores, on top of a bias.

    Args:
        mask: bool, True where a query may look.
        bias: float32, of a shape that broadcasts with the mask's; 0 by default.

    Returns:
        float32, both shapes broadcast: the bias, and `HIDDEN` where the mask is False.
    """
    return ops.where(mask, 0.0 if bias is None else bias, HIDDEN)
