"""The texts that a classifier got wrong while it was surest: its blind spots, or wrong labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kerasft.reporting.candidates import Candidate

MOST = 10


@dataclass(frozen=True)
class Mistake:
    """One text that was labeled wrong.

    Attributes:
        text: The text.
        label: What the data says.
        predicted: What the classifier said.
        probability: Its probability of that.
        others: What each of the other candidates said.
    """

    text: str
    label: str
    predicted: str
    probability: float
    others: dict[str, str]


def confident_mistakes(
    name: str,
    candidates: Sequence[Candidate],
    texts: Sequence[str],
    truth: np.ndarray,
    classes: Sequence[str],
    most: int = MOST,
) -> list[Mistake]:
    """The mistakes of one candidate, the most confident first.

    Args:
        name: The candidate's.
        candidates: All of them.
        texts: The test texts.
        truth: (rows,) integers, their true classes.
        classes: The names of the classes, in id order.
        most: How many mistakes.
    """
    said = {c.name: c.probabilities.argmax(axis=1) for c in candidates}  # (rows,) each
    confidence = next(c for c in candidates if c.name == name).probabilities.max(axis=1)
    wrong = np.flatnonzero(said[name] != truth)
    rows = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    return [
        Mistake(
            text=texts[row],
            label=classes[truth[row]],
            predicted=classes[said[name][row]],
            probability=float(confidence[row]),
            others={other: classes[said[other][row]] for other in said if other != name},
        )
        for row in rows
    ]
