"""Log-probabilities of the next token."""

from typing import Any

import numpy as np
from keras import ops

from kerasft.generation.search import Search

# The log-probability of the impossible. Finite, so that sums of it are never NaN.
NEVER = -1e9


def possible(score: Any) -> Any:
    """Whether a sum of log-probabilities, or its mean, holds nothing impossible; any shape."""
    return score > NEVER / 2


def forbid(log_probs: Any, search: Search) -> Any:
    """Makes some tokens impossible: padding and [SOS], unless the search names others.

    Args:
        log_probs: (..., vocabulary) float32.
        search: Names the tokens.
    """
    if not search.impossible:
        return log_probs
    barred = np.zeros(log_probs.shape[-1], dtype="float32")
    barred[list(search.impossible)] = NEVER
    return log_probs + ops.convert_to_tensor(barred)


def best(log_probs: Any) -> tuple[Any, Any]:
    """The most probable token of each row; of equal ones the first.

    Two plain reductions: XLA turns them, unlike `argmax`, into vector instructions.

    Args:
        log_probs: (batch, vocabulary) float32.

    Returns:
        (log_probs, token_ids), float32 and int32, each (batch,).
    """
    vocabulary = log_probs.shape[-1]
    highest = ops.max(log_probs, axis=-1, keepdims=True)
    places = ops.where(log_probs == highest, ops.arange(vocabulary, dtype="int32"), vocabulary)
    # NaN equals nothing; the score shows it, and the token must be in the vocabulary.
    return highest[:, 0], ops.minimum(ops.min(places, axis=-1), vocabulary - 1)
