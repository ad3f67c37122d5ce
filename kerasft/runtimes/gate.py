"""Whether a model in 8 bits is as good as the one it was made of, on rows of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kerasft.errors import ConfigError

MOST_LOST = 0.5
"""How much each score, all of them from 0 to 100, may fall: half a point."""
MOST_ROWS = 1000


@dataclass(frozen=True)
class GateRows:
    """Rows that two models are compared on, and how a task scores what is said of them.

    Attributes:
        wanted: What is right, row by row.
        source: What they are, for people: "validation rows of the run".
        said: What of a result of the task is compared: its label, its text, its entities.
        score: From what is right and what was said of each row, to scores by their names: 0 to 100.
    """

    texts: Sequence[Any]
    wanted: Sequence[Any]
    source: str
    said: Callable[[Any], Any]
    score: Callable[[Sequence[Any], Sequence[Any]], dict[str, float]]

    def fewer(self) -> GateRows:
        """At most `MOST_ROWS` of the rows, evenly spaced."""
        count = len(self.texts)
        if count <= MOST_ROWS:
            return self
        rows = [row * count // MOST_ROWS for row in range(MOST_ROWS)]
        texts, wanted = ([each[row] for row in rows] for each in (self.texts, self.wanted))
        return replace(self, texts=texts, wanted=wanted)


@dataclass(frozen=True)
class Gate:
    """Two models on the same rows.

    Attributes:
        source: See `GateRows`.
        scores: Of the model in 8 bits: name ("accuracy", "BLEU") -> 0 to 100.
        scores_float32: Of the one that it was made of.
        same_outputs: Share of the rows of which both say the same.
    """

    rows: int
    source: str
    scores: dict[str, float]
    scores_float32: dict[str, float]
    same_outputs: float

    @property
    def passed(self) -> bool:
        """Whether no score fell by more than half a point."""
        # A little more, so that a loss of exactly half a point is none of rounding.
        return all(
            exact - self.scores[name] <= MOST_LOST + 1e-9
            for name, exact in self.scores_float32.items()
        )

    def __str__(self) -> str:
        pairs = ", ".join(
            f"{name} {self.scores[name]:.2f} (float32 {exact:.2f})"
            for name, exact in self.scores_float32.items()
        )
        return f"{pairs}, the same output for {self.same_outputs:.1%} of {self.rows} {self.source}"


def compare(small: Sequence[Any], exact: Sequence[Any], rows: GateRows) -> Gate:
    """Scores what two models said of the same rows.

    Args:
        small: What the model in 8 bits said, row by row: results of the task.
        exact: What the one said that it was made of.

    Example:
        >>> compare(small.predict(rows.texts), exact.predict(rows.texts), rows).same_outputs
        0.98
    """
    found, wanted = ([rows.said(result) for result in results] for results in (small, exact))

    def scores(said: Sequence[Any]) -> dict[str, float]:
        return {name: round(float(x), 4) for name, x in rows.score(rows.wanted, said).items()}

    same = sum(one == other for one, other in zip(found, wanted, strict=True))
    return Gate(len(found), rows.source, scores(found), scores(wanted), same / len(found))


def refuse_worse(gate: Gate, instead: str) -> None:
    """Refuses a model in 8 bits that loses too much.

    Args:
        gate: The comparison.
        instead: What can be used in its place: "onnx".

    Raises:
        ConfigError: It loses too much; the sentence has the figures.
    """
    if not gate.passed:
        raise ConfigError(
            f"The model in 8 bits loses more than half a point, so it was not kept: {gate}; use "
            f"--engine {instead}."
        )
