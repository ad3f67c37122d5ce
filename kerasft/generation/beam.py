"""Beam search: several hypotheses at a time, the best by their mean log-probability."""

from __future__ import annotations

from typing import Any

from keras import ops

from kerasft.generation.scores import NEVER, forbid, possible
from kerasft.generation.search import Search
from kerasft.generation.step_model import StepModel


def beam_search(model: StepModel, source_ids: Any, search: Search) -> dict[str, Any]:
    """Follows the `beam_size` most probable beginnings of each row.

    At every position, the 2 * beam_size most probable continuations of all beams compete (at most
    half of them can be [EOS], so enough remain). Those of the first `beam_size` that are [EOS] have
    ended; the best others are the new beams. By default a row ends when `beam_size` hypotheses have
    ended, so a beam of one is greedy search; live beams count only if too few have ended at
    `max_length`. (As in fairseq: Ott et al. 2019, "fairseq:
    A Fast, Extensible Toolkit for Sequence Modeling".) `Search` has the alternatives.

    Args:
        source_ids: (batch, source_length) int32, padded.
        search: The settings.

    Returns:
        A chart that `hypotheses.of_beams` reads, with `k` for `beam_size`:
        {"tokens", "parents": (max_length, batch, k) int32, the token of each beam at a position,
        and which beam of the position before it goes on from;
        "live": (batch, k) float32, sums of log-probabilities of the beams after the last position;
        "ended": (batch, k) float32, sums of those that have ended, the best first, else `NEVER`;
        "ends", "ended_tokens", "ended_parents": (batch, k) int32, the position and the token that
        they end with ([EOS], or any other where they were cut), and the beam of the position
        before it;
        "steps": () int32, positions that were decoded}
    """
    batch, length, beams = source_ids.shape[0], search.max_length, search.beam_size
    positions = ops.arange(length, dtype="int32")
    own = ops.broadcast_to(ops.arange(beams, dtype="int32"), (batch, beams))
    first = ops.where(own == 0, 0.0, NEVER)  # at the start all beams are one

    def step(position: Any, chart: dict[str, Any], state: Any) -> tuple[Any, ...]:
        # Slot p * beams + j is visible to a beam whose ancestor at position p was beam j.
        visible = chart["ancestors"][..., None] == ops.arange(beams, dtype="int32")
        log_probs, state = model.decode_step(
            state,
            chart["last"],
            ops.reshape(visible, (batch, beams, length * beams)),
            position,
        )
        sums, tokens, parents = _continuations(forbid(log_probs, search), chart["live"], beams)
        ends = tokens == search.end_id
        if search.rank_cut:
            ends = ops.logical_or(ends, position == length - 1)

        fresh = ops.logical_and(ends, possible(sums))[:, :beams]
        fresh = ops.logical_and(fresh, ops.logical_not(chart["done"])[:, None])
        found = (sums[:, :beams], tokens[:, :beams], parents[:, :beams])
        new = _merge(chart, search, position, fresh, *found)

        new["live"], pick = _top(ops.where(ends, NEVER, sums), beams)
        parents = _take(parents, pick)
        new["last"] = _take(tokens, pick)
        new["tokens"] = ops.slice_update(chart["tokens"], (position, 0, 0), new["last"][None])
        new["parents"] = ops.slice_update(chart["parents"], (position, 0, 0), parents[None])
        inherited = ops.take_along_axis(chart["ancestors"], parents[..., None], axis=1)
        new["ancestors"] = ops.where(positions == position + 1, own[..., None], inherited)
        done = _done(new["live"], new["ranks"], position + 1, search)
        new["done"] = ops.logical_or(chart["done"], done)
        return position + 1, new, state

    def going(position: Any, chart: dict[str, Any], state: Any) -> Any:
        return ops.logical_and(position < length, ops.logical_not(ops.all(chart["done"])))

    chart = {
        "last": ops.full((batch, beams), search.start_id, dtype="int32"),
        "live": first,
        "ancestors": ops.where(positions == 0, own[..., None], -1),  # (batch, beams, length)
        "tokens": ops.full((length, batch, beams), search.pad_id, dtype="int32"),
        "parents": ops.zeros((length, batch, beams), dtype="int32"),
        "ranks": ops.full((batch, beams), NEVER, dtype="float32"),
        "ended": ops.full((batch, beams), NEVER, dtype="float32"),
        "ends": ops.zeros((batch, beams), dtype="int32"),
        "ended_tokens": ops.zeros((batch, beams), dtype="int32"),
        "done": ops.zeros((batch,), dtype="bool"),
        "ended_parents": ops.zeros((batch, beams), dtype="int32"),
    }
    state = model.start_decoding(source_ids, length, beams)
    steps, chart, _ = ops.while_loop(going, step, (ops.zeros((), dtype="int32"), chart, state))
    names = ("tokens", "parents", "live", "ended", "ends", "ended_tokens", "ended_parents")
    return {"steps": steps, **{name: chart[name] for name in names}}


def _done(live: Any, ranks: Any, length: Any, search: Search) -> Any:
    """Whether a row has ended: no beam is alive, or none is expected to become better.

    Args:
        live: (batch, beams) float32, sums of the beams, the best first.
        ranks: (batch, beams) float32, what has ended, after the length penalty, the best first.
        length: () int32, tokens of the beams.
        search: The settings.

    Returns:
        (batch,) bool.
    """
    full = possible(ranks[:, -1])  # as many have ended as there are beams
    if search.early_stopping is not True:
        longest = float(search.max_length)
        size = longest if search.early_stopping == "never" else ops.cast(length, "float32")
        best = live[:, 0] / size**search.length_penalty
        full = ops.logical_and(full, best <= ranks[:, -1])
    return ops.logical_or(full, ops.logical_not(possible(live[:, 0])))


def _continuations(log_probs: Any, live: Any, beams: int) -> tuple[Any, Any, Any]:
    """The 2 * beams best continuations of each row's beams, the best first.

    Args:
        log_probs: (batch, beams, vocabulary) float32.
        live: (batch, beams) float32, what the beams have so far.
        beams: Their number.

    Returns:
        (sums, tokens, parents), each (batch, 2 * beams).
    """
    batch, vocabulary = log_probs.shape[0], log_probs.shape[-1]
    # No more than this many of one beam can be among the best of all.
    each = min(2 * beams, vocabulary)
    best, tokens = _top(log_probs, each)  # (batch, beams, each)
    sums = ops.reshape(live[..., None] + best, (batch, beams * each))
    sums, choice = _top(sums, 2 * beams)
    tokens = _take(ops.reshape(tokens, (batch, beams * each)), choice)
    return sums, tokens, choice // each


def _merge(
    chart: dict[str, Any],
    search: Search,
    position: Any,
    fresh: Any,
    sums: Any,
    tokens: Any,
    parents: Any,
) -> dict[str, Any]:
    """Those that have ended, with the fresh ones among them; the best `beams` stay.

    Args:
        chart: As in `beam_search`, with "ranks", the sums after the length penalty.
        search: Has the length penalty.
        position: () int32.
        fresh: (batch, beams) bool, the continuations that end here.
        sums: (batch, beams) float32, theirs.
        tokens: (batch, beams) int32, their last tokens.
        parents: (batch, beams) int32, the beams that they go on from.
    """
    length = ops.cast(position + 1, "float32")
    ranks = ops.where(fresh, sums / length**search.length_penalty, NEVER)
    ranks, pick = _top(ops.concatenate([chart["ranks"], ranks], axis=1), search.beam_size)
    fresh_values = {
        "ended": sums,
        "ends": ops.broadcast_to(position, parents.shape),
        "ended_tokens": tokens,
        "ended_parents": parents,
    }
    merged = {
        name: _take(ops.concatenate([chart[name], values], axis=1), pick)
        for name, values in fresh_values.items()
    }
    merged["ended"] = ops.where(possible(ranks), merged["ended"], NEVER)
    return {"ranks": ranks, **merged}


def _top(values: Any, count: int) -> tuple[Any, Any]:
    """The largest along the last axis, sorted, and their places as int32."""
    values, places = ops.top_k(values, count)
    return values, ops.cast(places, "int32")


def _take(values: Any, places: Any) -> Any:
    """Values (batch, n) at places (batch, m) of each row."""
    return ops.take_along_axis(values, places, axis=1)
