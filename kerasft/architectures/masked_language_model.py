"""A masked language model on a classifier's own encoder: what teaches it the language first."""

import keras

from kerasft import backends
from kerasft.architectures.classifier import Classifier


class MaskedLanguageModel(keras.Model):
    """A classifier's encoder with a head that says which tokens stood at hidden positions.

    The encoder's layers are the classifier's, not copies: training this model trains them, and the
    classifier goes on from there. The head is new and random. It is BERT's: dense, activation,
    layer normalization, then the token embedding's own table, transposed, and a bias for each
    token. Only the hidden positions pass through it, which saves most of the work.

    Inputs: `{"token_ids": (batch, length) int32, "padding_mask": (batch, length) bool,
    "mask_positions": (batch, predictions) int32}`. Output: logits (batch, predictions,
    vocab_size), float32.

    Source: Devlin et al., "BERT" (2019), section 3.1; the tied table: Press and Wolf, "Using the
    Output Embedding to Improve Language Models" (2017).

    Args:
        classifier: Whose encoder it is, BERT or DistilBERT.

    Attributes:
        head: The head's layer.

    Example:
        >>> classifier = Classifier("bert", arguments, num_labels=3)
        >>> model = MaskedLanguageModel(classifier)
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> model.fit(masked_batches, epochs=3)      # see `kerasft.data.masked_batches`
        >>> classifier.compile(...)
    """

    def __init__(self, classifier: Classifier) -> None:
        arguments = classifier.arguments
        encoder = classifier.backbone_outputs
        layers = {layer.name: layer for layer in classifier.backbone._flatten_layers()}
        head = backends.import_keras_hub().layers.MaskedLMHead(
            token_embedding=layers["token_embedding"],
            intermediate_activation=layers["transformer_layer_0"].activation,
            layer_norm_epsilon=arguments.layer_norm_epsilon,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            dtype="float32",
            name="masked_language_model_head",
        )
        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
            "mask_positions": keras.Input((None,), dtype="int32", name="mask_positions"),
        }
        hidden = encoder({name: inputs[name] for name in ("token_ids", "padding_mask")})
        logits = head(hidden, inputs["mask_positions"])  # (batch, predictions, vocab_size)
        # The classifier is not kept: Keras would count its head among this model's weights.
        super().__init__(inputs=inputs, outputs=logits, name="masked_language_model")
        self.head = head
