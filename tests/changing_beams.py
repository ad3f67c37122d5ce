"""Two beams of a row that change places at position 2, for every model with cached decoding."""

from typing import Any

import numpy as np
from keras import ops

LENGTH = 4
ANCESTORS = np.array([[0, 1, 0, 0], [0, 0, 1, 1]])  # of the beams at position 3


def cached(start_id: int) -> np.ndarray:
    """The tokens as they stand in the cache, (beams, length) int32."""
    return np.array([[start_id, 9, 6, 4], [start_id, 7, 8, 10]], "int32")


def pasts(start_id: int) -> np.ndarray:
    """The tokens that each beam has behind it at position 3, (beams, length) int32."""
    return np.array([[start_id, 7, 6, 4], [start_id, 9, 8, 10]], "int32")


def last_log_probs(model: Any, source_ids: Any, start_id: int) -> Any:
    """Decodes `cached` step by step, each beam seeing its own past alone.

    Args:
        model: A Transformer or a T5.
        source_ids: (1, s) int32.
        start_id: The token at position 0.

    Returns:
        The log-probabilities at position 3, (1, beams, vocabulary).
    """
    tokens, beams = cached(start_id), np.arange(2)
    state = model.start_decoding(source_ids, LENGTH, beams=2)
    for position in range(LENGTH):
        owners = beams[:, None] if position < 2 else ANCESTORS
        place = np.arange(LENGTH) <= position
        slots = place[:, None] & (beams == owners[:, :, None])  # (beams, length, beams)
        token_ids = ops.convert_to_tensor(tokens[None, :, position])
        visible = ops.convert_to_tensor(slots.reshape(1, 2, -1))
        log_probs, state = model.decode_step(state, token_ids, visible, position)
    return log_probs
