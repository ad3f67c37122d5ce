"""What a classifier and a tagger share: a KerasHub encoder under a head."""

from abc import abstractmethod
from typing import Any, ClassVar

import keras
from keras import ops

from kerasft.architectures.encoder import EncoderArguments


class HeadedEncoder(keras.Model):
    """An encoder and a head on it, as a functional Keras model; the base of `Classifier`, `Tagger`.

    Attributes:
        architecture: "bert" or "distilbert".
        arguments: The encoder's shape.
        num_labels: Outputs of the head.
        pooling: What the head reads: "first" token, "mean" of the tokens, or "none", which is each
            token by itself.
        head_layers: Paths of the head's layers, from the bottom up.
        twin: What transformers calls such a head (of the class).
        peft_task: What PEFT calls such a task (of the class).
    """

    architecture: str
    arguments: EncoderArguments
    num_labels: int
    pooling: str
    head_layers: tuple[str, ...]

    twin: ClassVar[str]
    peft_task: ClassVar[str]

    @property
    def backbone(self) -> keras.Model:
        """KerasHub's layers as one model, without a pooler (see `backbone_outputs`)."""
        return self.get_layer("backbone")

    @property
    def backbone_outputs(self) -> keras.Model:
        """The encoder alone: the same inputs -> hidden states (batch, length, hidden_dim)."""
        inputs = dict(self.input)
        return keras.Model(inputs, hidden_states(self.architecture, self.backbone, inputs))

    @abstractmethod
    def read_out(self, hidden: Any, padding_mask: Any) -> Any:
        """What the head makes of the encoder's hidden states.

        Args:
            hidden: (batch, length, hidden_dim).
            padding_mask: (batch, length) bool.

        Returns:
            The logits.
        """


def encoder_inputs() -> dict[str, keras.KerasTensor]:
    """The inputs: token_ids (batch, length) int32 and padding_mask (batch, length) bool."""
    return {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }


def encoder_of(architecture: str, backbone: keras.Model) -> keras.Model:
    """The backbone's graph up to the hidden states, which leaves BERT's pooler behind."""
    outputs = backbone.output["sequence_output"] if architecture == "bert" else backbone.output
    return keras.Model(backbone.input, outputs, name="backbone")


def below_last_layer(backbone: keras.Model) -> keras.Model:
    """The backbone's graph up to what its last transformer layer is given."""
    below = [backbone.embeddings_dropout, *backbone.transformer_layers][-2]
    return keras.Model(backbone.input, below.output, name="below_last_layer")


def hidden_states(
    architecture: str, encoder: keras.Model, inputs: dict[str, keras.KerasTensor]
) -> keras.KerasTensor:
    """Hidden states (batch, length, hidden_dim) of token_ids and padding_mask (batch, length)."""
    token_ids = inputs["token_ids"]
    features = {"token_ids": token_ids, "padding_mask": ops.cast(inputs["padding_mask"], "int32")}
    if architecture == "bert":
        features["segment_ids"] = ops.zeros_like(token_ids)  # one text: all of segment 0
    return encoder(features)


def head_options() -> dict:
    """What transformers' heads start from: a normal of deviation 0.02 (here cut at two of them)."""
    return {
        "kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.02),
        "dtype": "float32",
    }
