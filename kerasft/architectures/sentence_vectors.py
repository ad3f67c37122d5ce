"""A classifier without its last layer: the vector of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from kerasft.architectures.frozen_backbone import EncoderAbove
    from kerasft.architectures.headed_encoder import Classifier


class SentenceVectors(keras.Model):
    """What the layer `classifier` reads: vectors (batch, hidden_size).

    It shares its layers and variables with the classifier: training it trains the encoder.

    Example:
        >>> vectors = SentenceVectors(model, model)
        >>> vectors({"token_ids": np.ones((1, 5), "int32"), "padding_mask": np.ones((1, 5), bool)})
    """

    def __init__(self, classifier: Classifier, above: Classifier | EncoderAbove) -> None:
        """Computes nothing yet.

        Args:
            above: What reads the inputs: the classifier itself, or its part above a frozen
                backbone, see `HeadedEncoder.frozen_backbone`.
        """
        super().__init__(name="sentence_vectors")
        self.parts = [*above.encoding_layers, *classifier.head[:-1]]
        # Methods and not what they are of: Keras would count the layer `classifier` among these.
        self.pooled, self.below_classifier = above.pooled, classifier.below_classifier
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Has nothing to do: all layers are built."""

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Reads what `above` reads; returns (batch, hidden_size)."""
        return self.below_classifier(self.pooled(inputs, training), training)
