"""Log-probabilities of tokens that may come next."""

from typing import Any

import numpy as np
from keras import ops

from kerasft.generation.search import Search

# The log-probability of what cannot be. Finite, so that sums of it are never NaN.
NEVER = -1e9


def possible(score: Any) -> Any:
    """Whether a sum of log-probabilities, or its mean, holds nothing impossible; any shape."""
    return score > NEVER / 2


def forbid(log_probs: Any, search: Search) -> Any:
    """Makes padding and [SOS] impossible.

    Args:
        log_probs: (..., vocabulary) float32.
        search: Names the two tokens.
    """
    barred = np.zeros(log_probs.shape[-1], dtype="float32")
    barred[[search.pad_id, search.start_id]] = NEVER
    return log_probs + ops.convert_to_tensor(barred)
