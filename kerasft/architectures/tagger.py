"""A tagger of tokens: a pretrained encoder with the token head of its Hugging Face twin."""

from typing import Any

import keras

from kerasft.architectures.encoder import EncoderArguments, build_backbone
from kerasft.architectures.headed_encoder import (
    HeadedEncoder,
    encoder_inputs,
    encoder_of,
    head_options,
    hidden_states,
)
from kerasft.errors import ConfigError


class Tagger(HeadedEncoder):
    """An encoder that gives every token logits of the tags, as a functional Keras model.

    Inputs: `{"token_ids": (batch, length) int32, "padding_mask": (batch, length) bool}`, the mask
    True where there is a token. Any length up to `arguments.max_sequence_length` works. Output:
    logits (batch, length, num_labels), float32.

    The head is that of transformers' `BertForTokenClassification` and
    `DistilBertForTokenClassification`, so that trained heads load into it: dropout, `classifier`.
    As there, BERT's rate of dropout is `head_dropout`, DistilBERT's that of its layers.

    Source: Devlin et al., "BERT" (2019), section 5.3.

    Args:
        architecture: "bert" or "distilbert".
        arguments: The encoder's shape.
        num_labels: Number of tags, at least 2.
        initialize: False leaves the encoder's weights 0, for whoever loads all of them at once; the
            head is always random.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> arguments = EncoderArguments(vocab_size=100, num_layers=2, num_heads=2,
        ...     hidden_dim=16, intermediate_dim=32, max_sequence_length=64)
        >>> model = Tagger("distilbert", arguments, num_labels=9)
        >>> model({"token_ids": np.ones((1, 5), "int32"), "padding_mask": np.ones((1, 5), bool)})
    """

    twin = "ForTokenClassification"
    peft_task = "TOKEN_CLS"

    def __init__(
        self,
        architecture: str,
        arguments: EncoderArguments,
        num_labels: int,
        initialize: bool = True,
    ) -> None:
        if isinstance(num_labels, bool) or not isinstance(num_labels, int) or num_labels < 2:
            raise ConfigError(f"num_labels must be a whole number of at least 2, not {num_labels}")
        backbone = build_backbone(architecture, arguments, initialize)
        inputs = encoder_inputs()
        # (batch, length, hidden_dim)
        hidden = hidden_states(architecture, encoder_of(architecture, backbone), inputs)
        rate = arguments.head_dropout if architecture == "bert" else arguments.dropout
        hidden = keras.layers.Dropout(rate, name="head_dropout")(hidden)
        logits = keras.layers.Dense(num_labels, name="classifier", **head_options())(hidden)
        super().__init__(inputs=inputs, outputs=logits, name="tagger")

        self.architecture = architecture
        self.arguments = arguments
        self.num_labels = num_labels
        self.pooling = "none"
        self.head_layers = ("classifier",)

    def read_out(self, hidden: Any, padding_mask: Any) -> Any:
        """What the head makes of hidden states (batch, length, hidden_dim), token by token."""
        return self.get_layer("classifier")(self.get_layer("head_dropout")(hidden))
