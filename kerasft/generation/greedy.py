"""Greedy search: at every position the most probable token."""

from __future__ import annotations

from typing import Any

from keras import ops

from kerasft.generation.scores import best, forbid
from kerasft.generation.search import Search
from kerasft.generation.step_model import StepModel


def greedy_search(model: StepModel, source_ids: Any, search: Search) -> dict[str, Any]:
    """Follows the most probable token until every row has ended or `max_length` is reached.

    A row that has ended stays unchanged while others continue.

    Args:
        source_ids: (batch, source_length) int32, padded.
        search: The settings; `beam_size` and `length_penalty` are ignored.

    Returns:
        {"tokens": (batch, max_length) int32, each row's tokens, padding after [EOS];
        "scores": (batch,) float32, the sum of their log-probabilities, [EOS] included}
    """
    batch, length = source_ids.shape[0], search.max_length
    positions = ops.arange(length, dtype="int32")

    def going(position: Any, last: Any, tokens: Any, scores: Any, ended: Any, state: Any) -> Any:
        return ops.logical_and(position < length, ops.logical_not(ops.all(ended)))

    def step(
        position: Any, last: Any, tokens: Any, scores: Any, ended: Any, state: Any
    ) -> tuple[Any, ...]:
        visible = ops.reshape(positions <= position, (1, 1, length))
        log_probs, state = model.decode_step(state, last[:, None], visible, position)
        log_probs = forbid(log_probs[:, 0], search)  # (batch, vocabulary)
        log_prob, token = best(log_probs)
        scores = ops.where(ended, scores, scores + log_prob)
        last = ops.where(ended, search.pad_id, token)
        tokens = ops.slice_update(tokens, (0, position), last[:, None])
        return (
            position + 1,
            last,
            tokens,
            scores,
            ops.logical_or(ended, token == search.end_id),
            state,
        )

    found = ops.while_loop(
        going,
        step,
        (
            ops.zeros((), dtype="int32"),
            ops.full((batch,), search.start_id, dtype="int32"),
            ops.full((batch, length), search.pad_id, dtype="int32"),
            ops.zeros((batch,), dtype="float32"),
            ops.zeros((batch,), dtype="bool"),
            model.start_decoding(source_ids, length),
        ),
    )
    return {"tokens": found[2], "scores": found[3]}
