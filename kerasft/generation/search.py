"""What to search for: the special tokens, the bounds and the length penalty."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kerasft.errors import ConfigError


@dataclass(frozen=True)
class Search:
    """The settings of a search.

    Hypotheses are ranked by their sum of log-probabilities, [EOS] included, divided by
    `length ** length_penalty`, where `length` counts their tokens, [EOS] included (Jean et al.
    2015, "Montreal Neural Machine Translation Systems for WMT'15", section 2; the mean for a
    penalty of 1). A sum alone (0) prefers short sentences, since every token lowers it.

    Attributes:
        start_id: The token that opens every output, [SOS].
        end_id: The token that closes an output, [EOS].
        pad_id: The padding token. Neither it nor `start_id` is ever put out: both count as
            impossible, whatever the model says; the other tokens keep the model's probabilities.
        max_length: Most tokens of an output, [EOS] included.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        length_penalty: The exponent, 0 or more.
    """

    start_id: int
    end_id: int
    pad_id: int
    max_length: int
    beam_size: int = 1
    length_penalty: float = 1.0

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
        if len({self.start_id, self.end_id, self.pad_id}) < 3:
            raise ConfigError(
                f"start_id {self.start_id}, end_id {self.end_id} and pad_id {self.pad_id} must be "
                "three different tokens"
            )
