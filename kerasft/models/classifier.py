"""A text classifier: a pretrained encoder with the classification head of its Hugging Face twin."""

import keras
from keras import ops

from kerasft.errors import ConfigError
from kerasft.models.architectures import EncoderArguments, build_backbone

POOLINGS = ("first", "mean")


class Classifier(keras.Model):
    """An encoder and its classification head, as a functional Keras model.

    Inputs: `{"token_ids": (batch, length) int32, "padding_mask": (batch, length) bool}`, the mask
    True where there is a token. Any length up to `arguments.max_sequence_length` works. Output:
    logits (batch, num_labels), float32.

    The head is transformers' own, so that trained heads load into it:

    - DistilBERT: `pre_classifier` (ReLU), dropout, `classifier`;
    - BERT: `pooled_dense` (tanh), dropout, `classifier`.

    `pooling="first"` hands it the first token's hidden state (what transformers does), "mean" the
    mean over the tokens that are not padding; BERT then has no `pooled_dense`.

    Layer paths do not depend on what was built before in the process: "classifier",
    "transformer_layer_1/self_attention_layer/query", ...

    Args:
        architecture: "bert" or "distilbert".
        arguments: The encoder's shape.
        num_labels: Number of classes, at least 2.
        pooling: "first" or "mean".
        initialize: False leaves the encoder's weights 0, for whoever loads all of them at once; the
            head is always random.

    Attributes:
        backbone_outputs: The encoder alone: the same inputs -> hidden states
            (batch, length, hidden_dim). It shares the classifier's layers.
        head_layers: Paths of the head's layers, from the bottom up.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> arguments = EncoderArguments(vocabulary_size=100, num_layers=2, num_heads=2,
        ...     hidden_dim=16, intermediate_dim=32, max_sequence_length=64)
        >>> model = Classifier("distilbert", arguments, num_labels=3)
        >>> model({"token_ids": np.ones((1, 5), "int32"), "padding_mask": np.ones((1, 5), bool)})
    """

    def __init__(
        self,
        architecture: str,
        arguments: EncoderArguments,
        num_labels: int,
        pooling: str = "first",
        initialize: bool = True,
    ) -> None:
        if pooling not in POOLINGS:
            raise ConfigError(f"pooling must be one of {', '.join(POOLINGS)}, not {pooling!r}")
        if isinstance(num_labels, bool) or not isinstance(num_labels, int) or num_labels < 2:
            raise ConfigError(f"num_labels must be a whole number of at least 2, not {num_labels}")
        backbone = build_backbone(architecture, arguments, initialize)
        encoder = _encoder(architecture, backbone)

        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
        }
        hidden = _hidden_states(architecture, encoder, inputs)  # (batch, length, hidden_dim)
        pooled = _mean(hidden, inputs["padding_mask"]) if pooling == "mean" else hidden[:, 0, :]
        names = ["classifier"]
        if architecture == "distilbert":
            names.insert(0, "pre_classifier")
            dense = keras.layers.Dense(
                arguments.hidden_dim, activation="relu", name="pre_classifier", **_dense_options()
            )
            pooled = dense(pooled)  # (batch, hidden_dim)
        elif pooling == "first":
            names.insert(0, "pooled_dense")
            pooled = backbone.pooled_dense(pooled)  # (batch, hidden_dim)
        pooled = keras.layers.Dropout(arguments.head_dropout, name="head_dropout")(pooled)
        logits = keras.layers.Dense(num_labels, name="classifier", **_dense_options())(pooled)
        super().__init__(inputs=inputs, outputs=logits, name="text_classifier")

        self.architecture = architecture
        self.arguments = arguments
        self.num_labels = num_labels
        self.pooling = pooling
        self.head_layers = tuple(names)

    @property
    def backbone(self) -> keras.Model:
        """KerasHub's layers as one model, without a pooler (see `backbone_outputs`)."""
        return self.get_layer("backbone")

    @property
    def backbone_outputs(self) -> keras.Model:
        """The encoder alone: the same inputs -> hidden states (batch, length, hidden_dim)."""
        inputs = dict(self.input)
        return keras.Model(inputs, _hidden_states(self.architecture, self.backbone, inputs))


def _encoder(architecture: str, backbone: keras.Model) -> keras.Model:
    """The backbone's graph up to the hidden states, which leaves BERT's pooler behind."""
    outputs = backbone.output["sequence_output"] if architecture == "bert" else backbone.output
    return keras.Model(backbone.input, outputs, name="backbone")


def _hidden_states(
    architecture: str, encoder: keras.Model, inputs: dict[str, keras.KerasTensor]
) -> keras.KerasTensor:
    """Hidden states (batch, length, hidden_dim) of token_ids and padding_mask (batch, length)."""
    token_ids = inputs["token_ids"]
    features = {"token_ids": token_ids, "padding_mask": ops.cast(inputs["padding_mask"], "int32")}
    if architecture == "bert":
        features["segment_ids"] = ops.zeros_like(token_ids)  # one text: all of segment 0
    return encoder(features)


def _mean(hidden: keras.KerasTensor, padding_mask: keras.KerasTensor) -> keras.KerasTensor:
    """Mean over the real tokens: (batch, length, d) and (batch, length) -> (batch, d)."""
    weights = ops.expand_dims(ops.cast(padding_mask, hidden.dtype), -1)  # (batch, length, 1)
    # At least 1: a row that is all padding (it fills up a batch) gets zeros, not NaN.
    return ops.sum(hidden * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)


def _dense_options() -> dict:
    """What transformers' heads start from: a normal of deviation 0.02 (here cut at two of them)."""
    return {
        "kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.02),
        "dtype": "float32",
    }
