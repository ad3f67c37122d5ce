"""A head for texts that has a pooler below its linear layer, as BERT's."""

from typing import ClassVar

import keras

from kerasft.architectures.architecture import head_dense
from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.name_table import Entry
from kerasft.architectures.post_norm import PostNormArchitecture


class PoolerHeadArchitecture(PostNormArchitecture):
    """A family with the head logits = W2 dropout(tanh(W1 x + b1)) + b2 over the first token.

    Attributes:
        pooler: The module of W1 behind the prefix.
    """

    pooler: ClassVar[str]

    def sequence_head(self, arguments: EncoderArguments, pooling: str) -> list[keras.layers.Layer]:
        """The pooler, for the first token alone, and a dropout."""
        dropout = keras.layers.Dropout(arguments.head_dropout, name="head_dropout")
        if pooling == "mean":
            return [dropout]
        return [head_dense(arguments.hidden_size, "pooled_dense", "tanh"), dropout]

    def head_entries(
        self, arguments: EncoderArguments, num_labels: int, pooling: str
    ) -> list[Entry]:
        """A tagger has no pooler; neither has a classifier over the mean."""
        rows = super().head_entries(arguments, num_labels, pooling)
        if pooling != "first":
            return rows
        square = (arguments.hidden_size, arguments.hidden_size)
        pooler = self.prefix + self.pooler
        return [Entry(pooler, "pooled_dense", "linear", square, head=True), *rows]
