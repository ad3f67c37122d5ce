"""A head for texts with a linear layer of its own, like RoBERTa's."""

from typing import ClassVar

import keras

from kerasft.architectures.architecture import head_dense
from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.name_table import Entry
from kerasft.architectures.post_norm import PostNormArchitecture


class DenseHeadArchitecture(PostNormArchitecture):
    """A family with the head logits = W2 dropout(f(W1 dropout(x) + b1)) + b2.

    Attributes:
        head_activation: f, one of `layers.ACTIVATIONS`.
    """

    output = "classifier.out_proj"
    head_activation: ClassVar[str] = "tanh"

    def sequence_head(self, arguments: EncoderArguments, pooling: str) -> list[keras.layers.Layer]:
        """A dropout, a linear layer with its activation, and a dropout."""
        return [
            keras.layers.Dropout(arguments.head_dropout, name="pooled_dropout"),
            head_dense(arguments.hidden_size, "classifier_dense", self.head_activation),
            keras.layers.Dropout(arguments.head_dropout, name="head_dropout"),
        ]

    def head_entries(
        self, arguments: EncoderArguments, num_labels: int, pooling: str
    ) -> list[Entry]:
        """The same for "first" and "mean"; a tagger has one layer less."""
        rows = super().head_entries(arguments, num_labels, pooling)
        if pooling == "none":
            return rows
        square = (arguments.hidden_size, arguments.hidden_size)
        dense = Entry("classifier.dense", "classifier_dense", "linear", square, head=True)
        return [dense, *rows]
