"""A text classifier: a pretrained encoder with the classification head of its Hugging Face twin."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import keras
from keras import ops

from kerasft.architectures.encoder import EncoderArguments, build_backbone
from kerasft.architectures.first_token_layer import FirstTokenLayer
from kerasft.architectures.headed_encoder import (
    HeadedEncoder,
    below_last_layer,
    encoder_inputs,
    encoder_of,
    head_options,
    hidden_states,
)
from kerasft.errors import ConfigError

Pooling = Literal["first", "mean"]
POOLINGS: tuple[str, ...] = get_args(Pooling)


class Classifier(HeadedEncoder):
    """An encoder and its classification head, as a functional Keras model.

    Inputs: `{"token_ids": (batch, length) int32, "padding_mask": (batch, length) bool}`, the mask
    True where there is a token. Any length up to `arguments.max_sequence_length` works. Output:
    logits (batch, num_labels), float32.

    The head is transformers' own, so that trained heads load into it:

    - DistilBERT: `pre_classifier` (ReLU), dropout, `classifier`;
    - BERT: `pooled_dense` (tanh), dropout, `classifier`.

    `pooling="first"` hands it the first token's hidden state (what transformers does), "mean" the
    mean over the tokens that are not padding; BERT then has no `pooled_dense`.

    Where the head reads the first token alone, calling the model computes the last layer for that
    token alone (`FirstTokenLayer`). The functional graph, from `model.input` to `model.output`, is
    that of the whole layers, all of them stock ones; it computes the same numbers.

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
        >>> arguments = EncoderArguments(vocab_size=100, num_layers=2, num_heads=2,
        ...     hidden_dim=16, intermediate_dim=32, max_sequence_length=64)
        >>> model = Classifier("distilbert", arguments, num_labels=3)
        >>> model({"token_ids": np.ones((1, 5), "int32"), "padding_mask": np.ones((1, 5), bool)})
    """

    twin = "ForSequenceClassification"
    peft_task = "SEQ_CLS"

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
        encoder = encoder_of(architecture, backbone)

        inputs = encoder_inputs()
        hidden = hidden_states(architecture, encoder, inputs)  # (batch, length, hidden_dim)
        pooled = _pool(pooling, hidden, inputs["padding_mask"])
        names = ["classifier"]
        if architecture == "distilbert":
            names.insert(0, "pre_classifier")
            dense = keras.layers.Dense(
                arguments.hidden_dim, activation="relu", name="pre_classifier", **head_options()
            )
            pooled = dense(pooled)  # (batch, hidden_dim)
        elif pooling == "first":
            names.insert(0, "pooled_dense")
            pooled = backbone.pooled_dense(pooled)  # (batch, hidden_dim)
        pooled = keras.layers.Dropout(arguments.head_dropout, name="head_dropout")(pooled)
        logits = keras.layers.Dense(num_labels, name="classifier", **head_options())(pooled)
        super().__init__(inputs=inputs, outputs=logits, name="text_classifier")

        self.architecture = architecture
        self.arguments = arguments
        self.num_labels = num_labels
        self.pooling = pooling
        self.head_layers = tuple(names)
        self._first: Callable[..., Any] | None = None
        self._short: Callable[..., Any] | None = None
        if pooling == "first":
            below = hidden_states(architecture, below_last_layer(backbone), inputs)
            last = FirstTokenLayer(backbone.transformer_layers[-1])
            first = last(below, padding_mask=inputs["padding_mask"])  # (batch, 1, hidden_dim)
            short = keras.Model(inputs, self.read_out(first, inputs["padding_mask"]))
            # Functions and not the models: Keras would list them, and their layers, among this
            # model's.
            encode = keras.Model(inputs, first)
            self._first = lambda inputs: encode(inputs)
            self._short = lambda inputs, training=None: short(inputs, training=training)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Computes logits (batch, num_labels), of the last layer only what the head reads.

        Args:
            inputs: The inputs of the model.
            training: Whether to drop out.
            mask: Of no use here; Keras hands it to functional models.
        """
        if self._short is None:
            return super().call(inputs, training=training, mask=mask)
        return self._short(inputs, training=training)

    def read_out(self, hidden: Any, padding_mask: Any) -> Any:
        """What the head makes of hidden states (batch, length, hidden_dim): (batch, num_labels).

        With `pooling="first"` a length of 1 is enough.
        """
        x = self.pool(hidden, padding_mask)
        *below, last = self.head_layers
        for name in (*below, "head_dropout", last):
            x = self.get_layer(name)(x)
        return x

    def pool(self, hidden: Any, padding_mask: Any) -> Any:
        """What the head reads of hidden states (batch, length, hidden_dim): (batch, hidden_dim)."""
        return _pool(self.pooling, hidden, padding_mask)

    def pooled(self, inputs: Any) -> Any:
        """What the head reads of the model's inputs: (batch, hidden_dim)."""
        encode = self._first or self.backbone_outputs
        return self.pool(encode(inputs), inputs["padding_mask"])


def _pool(pooling: str, hidden: Any, padding_mask: Any) -> Any:
    """The first position, or the mean over the real ones: (batch, length, d) -> (batch, d)."""
    if pooling == "first":
        return hidden[:, 0, :]
    weights = ops.expand_dims(ops.cast(padding_mask, hidden.dtype), -1)  # (batch, length, 1)
    # At least 1: a row that is all padding (it fills up a batch) gets zeros, not NaN.
    return ops.sum(hidden * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)
