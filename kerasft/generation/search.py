"""The settings of a search: special tokens, bounds and length penalty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from kerasft.errors import ConfigError


@dataclass(frozen=True)
class Search:
    """The settings of a search.

    Hypotheses are ranked by their sum of log-probabilities, [EOS] included, divided by
    `length ** length_penalty`, where `length` counts their tokens, [EOS] included (Jean et al.
    2015, "Montreal Neural Machine Translation Systems for WMT'15", section 2; the mean for a
    penalty of 1). A sum alone (0) prefers short sentences, since every token lowers it.

    Beam search of transformers (`GenerationMixin.generate`) is this one with
    `early_stopping=False, rank_cut=True, forbidden=()`, its own defaults.

    Attributes:
        start_id: The token that opens every output, [SOS]; it may be the padding token, as in T5.
        end_id: The token that closes an output, [EOS].
        pad_id: The padding token.
        max_length: Most tokens of an output, [EOS] included.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        length_penalty: The exponent, 0 or more.
        early_stopping: When beam search ends a row of which `beam_size` hypotheses have ended:
            True: at once;
            False: as soon as the best live beam, ranked at its present length, is no better than
                the worst of those that have ended (a heuristic: with a penalty above 0 it could
                still become better);
            "never": the same, but ranked at `max_length`, so that nothing better can be missed.
        rank_cut: Whether hypotheses that are cut at `max_length` are ranked among those that have
            ended. Otherwise they come after them, and only where those are too few.
        forbidden: Tokens that are never generated, whatever their probability; the others keep
            theirs. None: `pad_id` and `start_id`.
    """

    start_id: int
    end_id: int
    pad_id: int
    max_length: int
    beam_size: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | Literal["never"] = True
    rank_cut: bool = False
    forbidden: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ConfigError: A number is out of its range.
        """
        for name in ("max_length", "beam_size"):
            value = getattr(self, name)
            if value < 1:
                raise ConfigError(f"{name} is {value}, but must be 1 or more")
        if not (math.isfinite(self.length_penalty) and self.length_penalty >= 0):
            raise ConfigError(f"length_penalty is {self.length_penalty}, but must be 0 or more")
        if self.end_id in (self.start_id, self.pad_id, *(self.forbidden or ())):
            raise ConfigError(
                f"end_id is {self.end_id}, but must be another token than start_id "
                f"{self.start_id}, pad_id {self.pad_id} and those that are forbidden"
            )
        if self.early_stopping not in (True, False, "never"):
            raise ConfigError(
                f"early_stopping is {self.early_stopping!r}, but must be true, false or 'never'"
            )

    @property
    def impossible(self) -> tuple[int, ...]:
        """The tokens that are never generated."""
        return (self.pad_id, self.start_id) if self.forbidden is None else self.forbidden
