"""The numbers of one layer's LoRA adapter, and their limits."""

import math
from dataclasses import dataclass

from kerasft.errors import ConfigError

MAX_RANK = 4096


@dataclass(frozen=True)
class LoRASettings:
    """The numbers of one layer's adapter.

    Attributes:
        rank: r, the width of the bottleneck, from 1 to 4096.
        alpha: The strength of the adapter before it is divided by r (or its square root).
        dropout: Share of the adapter's inputs that is zeroed while training, in [0, 1).
        rank_stabilized: Whether to divide by sqrt(r) and not by r.

    Raises:
        ConfigError: A number is out of range or of the wrong type.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    rank_stabilized: bool = False

    def __post_init__(self) -> None:
        if not _is_number(self.rank, int) or not 1 <= self.rank <= MAX_RANK:
            raise ConfigError(
                f"The LoRA rank must be a whole number from 1 to {MAX_RANK}, got {self.rank!r}."
            )
        if not _is_number(self.alpha, int, float) or not 0 < self.alpha < math.inf:
            raise ConfigError(f"The LoRA alpha must be a number above 0, got {self.alpha!r}.")
        if not _is_number(self.dropout, int, float) or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"The LoRA dropout must be a share from 0 to below 1, got {self.dropout!r}."
            )
        if not isinstance(self.rank_stabilized, bool):
            raise ConfigError(
                f"LoRA's rank_stabilized must be true or false, got {self.rank_stabilized!r}."
            )

    @property
    def scale(self) -> float:
        """s, what x A B is multiplied by."""
        return self.alpha / (math.sqrt(self.rank) if self.rank_stabilized else self.rank)


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
