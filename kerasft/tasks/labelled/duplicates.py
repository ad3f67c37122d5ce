"""Duplicate texts, and texts in different parts that are nearly the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasft.data.rows import Rows
from kerasft.data.splits import normalize
from kerasft.data.text_pairs import noun, texts_of, unordered_texts, whole_texts
from kerasft.errors import ConfigError
from kerasft.tasks.labelled.steps import DataStep, count
from kerasft.text.pairs import Text, are_pairs

if TYPE_CHECKING:
    import scipy.sparse

SHINGLE = 5
# Rows that are compared at a time with all others, which bounds the memory.
CHUNK = 512


def drop_duplicates(table: Rows) -> tuple[Rows, DataStep]:
    """Keeps the first row of each text or pair (see `normalize`), and none if its labels differ.

    Example:
        >>> table, step = drop_duplicates(table)
        >>> step.why
        '31 rows repeat an earlier text, 4 rows of 2 texts with conflicting labels'
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(whole_texts(table)):
        groups[normalize(text)].append(row)
    kept, conflicts, conflicting = [], 0, 0
    for rows in groups.values():
        if len({table["label"][row] for row in rows}) == 1:
            kept.append(rows[0])
        else:
            conflicts += 1
            conflicting += len(rows)
    repeated = len(table) - len(kept) - conflicting
    what, repeat = noun(table), "repeats" if repeated == 1 else "repeat"
    why = f"{count(repeated, 'row')} {repeat} an earlier {what}"
    if conflicts:
        why += f", {conflicting} rows of {count(conflicts, what)} with conflicting labels"
    return table.take(kept), DataStep("duplicates", len(table), len(kept), why)


def without_texts_of(table: Rows, other: Rows) -> tuple[Rows, int]:
    """The rows whose text (see `normalize`) the other table lacks, and how many it has.

    A pair counts as lacking only if it also does the other way round.
    """
    taken = set(map(normalize, unordered_texts(other)))
    texts = enumerate(unordered_texts(table))
    kept = [row for row, text in texts if normalize(text) not in taken]
    return table.take(kept), len(table) - len(kept)


def drop_near_duplicates(
    table: Rows, held_out: Sequence[Rows], threshold: float, part: str
) -> tuple[Rows, DataStep]:
    """Leaves out rows whose text is nearly one of the held-out parts.

    Two texts count as the same if the Jaccard index of their sets of shingles (runs of 5 words,
    without case and punctuation; shorter texts are one shingle) is `threshold` or more. It is
    computed exactly for any two that share a shingle. Two pairs of texts count as the same if the
    first is nearly the first and the second nearly the second, or the other way round.

    Source: Broder, "On the resemblance and containment of documents" (1997), section 2.

    Args:
        table: The rows to look through.
        held_out: Parts that are tested on later.
        threshold: Above 0, up to 1; 0 switches the search off.
        part: What the rows are for ("train"), for the step's name.

    Raises:
        ConfigError: The threshold is not from 0 to 1.

    Example:
        >>> train, step = drop_near_duplicates(train, [validation, test], 0.8, "train")
        >>> step.why
        '96 texts are nearly one of 1,410 held-out texts (Jaccard 0.8 or more)'
    """
    check_threshold(threshold)
    name = f"near duplicates ({part})"
    others = [text for other in held_out for text in texts_of(other)]
    if not threshold or not others or not len(table):
        return table, DataStep(name, len(table), len(table), "not looked for")
    near = near_duplicates(texts_of(table), others, threshold)
    found = int(near.sum())
    what = noun(table)
    why = (
        f"{count(found, what)} {'is' if found == 1 else 'are'} nearly one of {len(others)} "
        f"held-out {what}s (Jaccard {threshold:g} or more)"
    )
    kept = table.take(np.flatnonzero(~near).tolist())
    return kept, DataStep(name, len(table), len(kept), why)


def near_duplicates(texts: Sequence[Text], others: Sequence[Text], threshold: float) -> np.ndarray:
    """Which texts are nearly one of the others; see `drop_near_duplicates`.

    Args:
        texts: (texts,) texts, or pairs of them.
        others: The texts or pairs to compare with.
        threshold: Least Jaccard index, above 0.

    Returns:
        (texts,) bool.
    """
    near = np.zeros(len(texts), dtype=bool)
    for rows, _ in _near_rows(texts, others, threshold):
        near[rows] = True
    return near


def conflicting_rows(
    texts: Sequence[Text], labels: np.ndarray, threshold: float
) -> list[tuple[int, int]]:
    """Rows whose text is nearly that of a row with another label; see `drop_near_duplicates`.

    Args:
        texts: (rows,) texts, or pairs of them.
        labels: (rows,) integers.
        threshold: Least Jaccard index, above 0.

    Returns:
        Each such row, with the first row that it contradicts.
    """
    found: dict[int, int] = {}
    for rows, others in _near_rows(texts, texts, threshold):
        differ = labels[rows] != labels[others]
        for row, other in zip(rows[differ].tolist(), others[differ].tolist(), strict=True):
            found[row] = min(found.get(row, other), other)
    return sorted(found.items())


def _near_rows(
    texts: Sequence[Text], others: Sequence[Text], threshold: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the places among texts and among others of any two that are nearly the same."""
    if not are_pairs(texts) or not are_pairs(others):
        yield from _near([str(text) for text in texts], [str(o) for o in others], threshold)
        return
    (first, second), (their_first, their_second) = (
        [list(side) for side in zip(*pairs, strict=True)] for pairs in (texts, others)
    )
    for one, other in ((their_first, their_second), (their_second, their_first)):
        both = zip(_near(first, one, threshold), _near(second, other, threshold), strict=True)
        for (rows, columns), (more_rows, more_columns) in both:
            found = rows * len(others) + columns  # of texts and others
            same = np.isin(found, more_rows * len(others) + more_columns)
            yield rows[same], columns[same]


def _near(
    texts: Sequence[str], others: Sequence[str], threshold: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the places among texts and among others of any two that are nearly the same.

    Each time of `CHUNK` texts: (found,) int64, and (found,) int64.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    sizes: list[int] = []

    def analyze(text: str) -> set[str]:
        found = shingles_of(text)
        sizes.append(len(found))
        return found

    # Only shingles of the others can be in an intersection: they are the vocabulary.
    vectorizer = CountVectorizer(analyzer=analyze, binary=True, dtype=np.int32)
    second: scipy.sparse.csr_matrix = vectorizer.fit_transform(others)  # (others, shingles)
    first: scipy.sparse.csr_matrix = vectorizer.transform(texts)  # (texts, shingles)
    others_sizes, texts_sizes = np.split(np.array(sizes), [len(others)])
    for start in range(0, len(texts), CHUNK):
        common = (first[start : start + CHUNK] @ second.T).tocoo()  # (chunk, others)
        union = texts_sizes[start + common.row] + others_sizes[common.col] - common.data
        # Whole numbers divided give a threshold such as 0.8 to the last digit.
        found = common.data / union >= threshold
        yield start + common.row[found].astype(np.int64), common.col[found].astype(np.int64)


def shingles_of(text: str) -> set[str]:
    """The runs of 5 words of a text, without case and punctuation; of a shorter one, all of it."""
    words = re.findall(r"\w+", normalize(text))
    if len(words) <= SHINGLE:
        return {" ".join(words)}
    return {" ".join(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)}


def check_threshold(threshold: float) -> None:
    """Refuses a Jaccard index that cannot be one.

    Raises:
        ConfigError: It is not from 0 to 1.
    """
    if not 0 <= threshold <= 1:  # also if it is NaN
        raise ConfigError(
            f"--near_duplicates is {threshold}; give the Jaccard index from which two texts count "
            "as the same, above 0 and up to 1, or 0 not to look for them"
        )
