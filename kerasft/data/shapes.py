"""The shapes that an engine computes in: few fixed ones to compile, or the texts' own lengths."""

from collections.abc import Iterator, Sequence

import numpy as np

SHORTEST = 16
MOST_ROWS = 32
BATCH_SIZES = (MOST_ROWS, 8, 1)
# Tokens in one batch: bounds the memory of the attention weights of long texts.
MAX_TOKENS = 8192
# Where nothing is compiled: how much shorter than the longest text of a batch one may be.
LEAST_FILLED = 0.75


def lengths(max_length: int) -> list[int]:
    """The padded lengths: 16, 32, 64, ... and `max_length` as the last.

    Example:
        >>> lengths(100)
        [16, 32, 64, 100]
    """
    found = []
    length = SHORTEST
    while length < max_length:
        found.append(length)
        length *= 2
    return [*found, max_length]


def batches(sizes: Sequence[int], max_length: int) -> Iterator[tuple[list[int], int, int]]:
    """Groups texts by padded length. The length that a text gets depends on the text alone.

    Args:
        sizes: (texts,) tokens of each text, none above `max_length`.
        max_length: The longest padded length.

    Yields:
        (rows, batch, length): which texts go together, len(rows) <= batch, and the shape
        (batch, length) to pad them to.
    """
    steps = lengths(max_length)
    buckets = np.searchsorted(steps, sizes)
    for bucket in np.unique(buckets):
        rows = np.flatnonzero(buckets == bucket).tolist()
        length = steps[bucket]
        choices = [size for size in BATCH_SIZES if size * length <= MAX_TOKENS or size == 1]
        while rows:
            # The largest batch that would be at least half full.
            batch = next(size for size in choices if 2 * len(rows) >= size)
            yield rows[:batch], batch, length
            rows = rows[batch:]


def groups(sizes: Sequence[int], most_rows: int = MOST_ROWS) -> Iterator[list[int]]:
    """Groups texts of about the same length, so that little is padded.

    Args:
        sizes: (texts,) tokens of each text.
        most_rows: Most texts in a group.

    Yields:
        Which texts go together: the longest first, none with less than three quarters of its
        group's longest.

    Example:
        >>> list(groups([4, 40, 38, 5]))
        [[1, 2], [3, 0]]
    """
    order = sorted(range(len(sizes)), key=lambda row: -sizes[row])
    start = 0
    while start < len(order):
        longest = sizes[order[start]]
        end = start + 1
        while (
            end < len(order)
            and end - start < min(most_rows, MAX_TOKENS // longest)
            and sizes[order[end]] >= LEAST_FILLED * longest
        ):
            end += 1
        yield order[start:end]
        start = end


def pad(
    token_ids: Sequence[np.ndarray],
    batch: int,
    length: int,
    pad_id: int,
    segment_ids: Sequence[np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Token ids as the arrays that a classifier takes.

    Args:
        token_ids: Up to `batch` arrays (tokens,), none empty or longer than `length`.
        batch: Rows of the result; those beyond the texts repeat the first text.
        length: Columns of the result.
        pad_id: The padding token.
        segment_ids: Of pairs, where the model reads them: as the token ids.

    Returns:
        {"token_ids": (batch, length) int32, "padding_mask": (batch, length) bool}; with segments
        "segment_ids" (batch, length) int32 besides, 0 in the padding.
    """
    ids = np.full((batch, length), pad_id, dtype=np.int32)
    mask = np.zeros((batch, length), dtype=bool)
    segments = np.zeros((batch, length), dtype=np.int32)
    for row in range(batch):
        text = row if row < len(token_ids) else 0
        tokens = token_ids[text]
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = True
        if segment_ids is not None:
            segments[row, : len(tokens)] = segment_ids[text]
    inputs = {"token_ids": ids, "padding_mask": mask}
    return inputs if segment_ids is None else {**inputs, "segment_ids": segments}
