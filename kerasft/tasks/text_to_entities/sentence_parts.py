"""Splits sentences that are longer than a text-to-text model reads or writes at once.

A part is a text of its own with the model's prefix before it. A sentence is halved until each part
fits. Ends of sentences near the middle are taken first, and in training no entity is cut if a
border beside it avoids that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerasft.tasks.entities.sentence import Sentence

Part = tuple[int, int]  # its first word, and the word after its last

_ENDS = (".", "!", "?", "…", ";")


def parts_of(
    sentence: Sentence, fits: Callable[[int, int], bool], spare_entities: bool = False
) -> list[Part]:
    """The parts of a sentence, in order; one that fits is a single part.

    Args:
        fits: Whether the words from a start up to an end are short enough. A single word is always
            a part, and so is a single entity with `spare_entities`.
        spare_entities: Whether to cut none of the sentence's own entities.

    Example:
        >>> parts_of(Sentence(tuple("a b . c d".split())), lambda start, end: end - start < 4)
        [(0, 3), (3, 5)]
    """
    allowed = np.ones(len(sentence.tokens) + 1, dtype=bool)
    for span in sentence.spans if spare_entities else ():
        allowed[span.start + 1 : span.end] = False

    def halves(start: int, end: int) -> list[Part]:
        borders = start + 1 + np.flatnonzero(allowed[start + 1 : end])
        if not len(borders) or fits(start, end):
            return [(start, end)]
        off = np.abs(2 * borders - start - end)
        # Within a quarter of the length around the middle, the end of a sentence comes first.
        inner = [sentence.tokens[border - 1] not in _ENDS for border in borders]
        border = int(borders[(off + np.array(inner) * (end - start) / 2).argmin()])
        return [*halves(start, border), *halves(border, end)]

    return halves(0, len(sentence.tokens))


def text_of(sentence: Sentence, part: Part) -> str:
    """The words of a part as they stand in the sentence's text."""
    return sentence.text[sentence.places[part[0]][0] : sentence.places[part[1] - 1][1]]
