"""A masked language model on a classifier's own encoder: what teaches it the language first."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerasft.architectures.headed_encoder import Classifier
from kerasft.layers.masked_language_head import MaskedLanguageHead


class MaskedLanguageModel(keras.Model):
    """A classifier's encoder with a head that says which tokens stood at hidden positions.

    The encoder's layers are the classifier's, not copies: training this model trains them, and the
    classifier goes on from there. The head is new and random.

    Inputs: `{"token_ids": (batch, length) int32, "padding_mask": (batch, length) bool,
    "mask_positions": (batch, predictions) int32}`. Output: logits (batch, predictions,
    vocab_size), float32.

    Source: Devlin et al., "BERT" (2019), section 3.1.

    Example:
        >>> classifier = Classifier("bert", arguments, num_labels=3)
        >>> model = MaskedLanguageModel(classifier)
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> model.fit(masked_batches, epochs=3)      # see `kerasft.data.masked_batches`
        >>> classifier.compile(...)
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__(name="masked_language_model")
        arguments = classifier.arguments
        # The classifier is not kept: Keras would count its head among this model's weights.
        self.backbone = classifier.backbone
        self.head = MaskedLanguageHead(
            arguments.vocab_size,
            arguments.hidden_size,
            arguments.activation,
            arguments.layer_norm_epsilon,
            arguments.table_width,
            name="masked_language_model_head",
        )
        self.head.build()
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Has nothing to do: `__init__` builds the layers."""

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Scores the tokens at hidden positions; see the class."""
        hidden = self.backbone(inputs, training=training)
        table = ops.convert_to_tensor(self.backbone.token_embedding.embeddings)
        return self.head(hidden, inputs["mask_positions"], table=table)
