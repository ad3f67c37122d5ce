"""Positions that skip padding and begin behind its id, as fairseq numbered them."""

from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from kerasft.architectures.encoder import EncoderArguments, positions
from kerasft.architectures.post_norm import PostNormEncoder


@dataclass(frozen=True)
class PaddedArguments(EncoderArguments):
    """The shape of an encoder whose table of positions has rows that no token of a text uses.

    Attributes:
        pad_id: The id of the token that fills batches, and the row of its position; a text's first
            token has the next one.
    """

    pad_id: int = 1

    RANGES: ClassVar = {**EncoderArguments.RANGES, "pad_id": (0, 4_000_000)}

    @property
    def positions(self) -> int:
        """Rows of the table of positions."""
        return self.max_length + self.pad_id + 1


class PaddedPositionsEncoder(PostNormEncoder):
    """A `PostNormEncoder` of `PaddedArguments`: [pad, pad, a, b] has the positions [1, 1, 2, 3]."""

    arguments: PaddedArguments

    def position_ids(self, token_ids: Any, x: Any) -> Any:
        """(batch or 1, virtual tokens + length) int32; what no padding is counts.

        Behind virtual tokens padding counts too: transformers is given vectors then, and no ids.
        """
        if self.virtual_tokens.count:
            return positions(x, self.first_position + self.arguments.pad_id + 1)
        real = ops.cast(ops.not_equal(token_ids, self.arguments.pad_id), "int32")
        return (ops.cumsum(real, axis=1) + self.first_position) * real + self.arguments.pad_id
