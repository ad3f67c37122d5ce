"""An encoder under the head of its Hugging Face twin: a classifier of texts, a tagger of tokens."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from kerasft.architectures.architecture import POOLINGS, head_dense
from kerasft.architectures.encoder import EncoderArguments, EncoderStack
from kerasft.architectures.frozen_backbone import (
    EncoderAbove,
    EncoderBelow,
    FrozenEncoder,
    still,
    without_dropout,
)
from kerasft.architectures.name_table import Entry, TwinModel
from kerasft.architectures.registry import find_encoder
from kerasft.errors import ConfigError


class HeadedEncoder(TwinModel):
    """An encoder and a head on it; the base of `Classifier` and `Tagger`.

    Inputs: those of `EncoderStack`. Output: float32 logits.

    Layer paths do not depend on what was built before in the process: "classifier",
    "transformer_layer_1/self_attention_layer/query", ...

    Args:
        architecture: The family's name: "bert", "distilbert", ...
        num_labels: Outputs of the head; a classifier of labels that exclude each other has 2 or
            more, a model of a number 1.
        pooling: What the head reads: "first" token, "mean" of the tokens, or "none", which is each
            token by itself.
        initialize: False leaves the encoder's weights 0, when all of them are loaded afterwards;
            the head is always random.

    Attributes:
        backbone: The encoder alone: the same inputs -> hidden states (batch, length, hidden_size).
        head: The head's layers, from the bottom up; the last one is `classifier`.
        twin: What transformers calls such a head (of the class).
        least_labels: How few outputs it may have (of the class).

    Raises:
        ConfigError: An argument cannot work.
    """

    twin: ClassVar[str]
    least_labels: ClassVar[int] = 1

    def __init__(
        self,
        architecture: str,
        arguments: EncoderArguments,
        num_labels: int,
        pooling: str,
        initialize: bool = True,
    ) -> None:
        least, is_whole = self.least_labels, isinstance(num_labels, int)
        if isinstance(num_labels, bool) or not is_whole or num_labels < least:
            raise ConfigError(
                f"num_labels must be a whole number of at least {least}, not {num_labels}"
            )
        family = find_encoder(architecture)
        super().__init__(name="headed_encoder")
        self.architecture = architecture
        self.arguments = arguments
        self.num_labels = num_labels
        self.pooling = pooling
        self.backbone: EncoderStack = family.build(arguments, initialize)
        if pooling == "none":
            below = family.token_head(arguments)
        else:
            below = family.sequence_head(arguments, pooling)
        self.head = [*below, head_dense(num_labels, "classifier")]
        for layer in self.head:
            if not isinstance(layer, keras.layers.Dropout):
                layer.build((None, arguments.hidden_size))
        self.build()

    @property
    def head_layers(self) -> tuple[str, ...]:
        """Paths of the head's layers that have weights, from the bottom up."""
        return tuple(layer.path for layer in self.head if layer.weights)

    @property
    def encoding_layers(self) -> list[keras.layers.Layer]:
        """What is below the head."""
        return [self.backbone]

    @property
    def output_module(self) -> str:
        """What transformers calls the layer `classifier`."""
        return find_encoder(self.architecture).output_module(self.pooling)

    @property
    def max_length(self) -> int:
        """Most tokens of a text: the positions that virtual tokens leave."""
        taken = self.backbone.virtual_tokens.count + self.backbone.first_position
        return self.arguments.max_length - taken

    @property
    def reads_segments(self) -> bool:
        """Whether it tells the texts of a pair apart by its inputs' `segment_ids`."""
        return self.arguments.num_segments > 1

    def entries(self) -> list[Entry]:
        """The model's name table, from the bottom up."""
        family = find_encoder(self.architecture)
        return family.entries(self.arguments, self.num_labels, self.pooling)

    def to_config(self, label_names: Sequence[str]) -> dict[str, Any]:
        """A `config.json` with which transformers rebuilds this classifier or tagger.

        It does not compute the same for a pooling that no head of the family has there, see
        `EncoderArchitecture.pooling_config`.

        Args:
            label_names: The names of its labels, in their order.
        """
        family = find_encoder(self.architecture)
        config = {
            "architectures": [family.twin + self.twin],
            "model_type": family.name,
            **family.config_from_arguments(self.arguments),
            "id2label": {str(number): label for number, label in enumerate(label_names)},
            "label2id": {label: number for number, label in enumerate(label_names)},
        }
        if self.pooling != "none":
            config |= family.pooling_config(self.pooling) or {}
            config["problem_type"] = "single_label_classification"
        return config

    def cached_attention(self) -> list[keras.layers.Layer]:
        """Those of all blocks, or none; see `TwinModel.cached_attention`."""
        blocks: list[Any] = self.backbone.blocks if self.backbone.caches else []
        return [block.attention for block in blocks]

    def frozen_backbone(self) -> FrozenEncoder | None:
        """Splits the model below its first layer that trains.

        The upper part computes what the whole model computes, with the very same layers: training
        it trains the model. Positions of padding may hold anything in the hidden states, as long as
        it is finite; nothing that counts reads them. Where a classifier's head is all that trains,
        the lower part makes only what the head reads, one vector per text.

        Returns:
            The parts; None where no whole layer is frozen below the first that trains.

        Example:
            >>> peft.apply(model, LoRAConfig(targets=("transformer_layer_5/.*/query",)))
            >>> model.frozen_backbone().description
            'embeddings and 5 of 6 layers'
        """
        backbone, blocks = self.backbone, self.backbone.blocks
        frozen = [not block.trainable_variables for block in blocks]
        layers = frozen.index(False) if False in frozen else len(blocks)
        if not layers or any(layer.trainable_variables for layer in backbone.bottom):
            return None
        if backbone.virtual_tokens.count:  # the lower part counts the tokens of a text alone
            return None
        pooled = self.pooling if layers == len(blocks) and self.pooling != "none" else None
        first = self.pooling == "first"
        below, above = (self.pool, None) if pooled else (None, self.pool)
        lower = EncoderBelow(backbone, layers, below, first and pooled is not None)
        upper = EncoderAbove(backbone, layers, self.head, above, self.read_out, first)
        return FrozenEncoder(lower, upper, self.arguments, layers, self.architecture, pooled)

    def still_frozen(self) -> int:
        """Takes the dropout out of all layers in which nothing trains.

        Returns:
            How many transformer layers are still now.
        """
        if not any(layer.trainable_variables for layer in self.backbone.bottom):
            without_dropout(self.backbone.bottom)
        return sum(still(block) for block in self.backbone.blocks)

    def build(self, input_shape: Any = None) -> None:
        """Has nothing to do: `__init__` builds the layers."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Computes logits; of the uppermost block only what the head reads.

        Returns:
            (batch, num_labels), or with pooling "none" (batch, length, num_labels).
        """
        return self.read_out(self.pooled(inputs, training), training)

    def pooled(self, inputs: Any, training: bool | None = None) -> Any:
        """What the head reads of the model's inputs; see `pool`."""
        first_only = self.pooling == "first"
        hidden = self.backbone(inputs, first_only=first_only, training=training)
        return self.pool(hidden, inputs["padding_mask"])

    def pool(self, hidden: Any, padding_mask: Any) -> Any:
        """What the head reads of hidden states.

        Args:
            hidden: (batch, length, hidden_size); for "first" a length of 1 is enough.
            padding_mask: (batch, length) bool.

        Returns:
            (batch, hidden_size), or with pooling "none" (batch, length, hidden_size).
        """
        if self.pooling == "none":
            return hidden
        if self.pooling == "first":
            return hidden[:, 0]
        weights = ops.expand_dims(ops.cast(padding_mask, hidden.dtype), -1)  # (batch, length, 1)
        # At least 1: a row that is all padding (it fills up a batch) gets zeros, not NaN.
        return ops.sum(hidden * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)

    def below_classifier(self, pooled: Any, training: bool | None = None) -> Any:
        """What the layer `classifier` reads, of what `pool` returns: (..., hidden_size)."""
        for layer in self.head[:-1]:
            dropout = isinstance(layer, keras.layers.Dropout)
            pooled = layer(pooled, training=training) if dropout else layer(pooled)
        return pooled

    def read_out(self, pooled: Any, training: bool | None = None) -> Any:
        """What the head makes of what `pool` returns: logits (..., num_labels)."""
        return self.head[-1](self.below_classifier(pooled, training))


class Classifier(HeadedEncoder):
    """A head over whole texts: logits (batch, num_labels), of a number its value.

    The head is transformers' own, so that trained heads load into it; see the family's
    `sequence_head`. With `pooling="first"` it reads the first token's hidden state (what
    transformers does), with "mean" the mean over the tokens that are not padding.

    Args:
        architecture: The family's name: "bert", "distilbert", ...
        num_labels: Outputs of the head: classes, labels, or 1 for a number.
        pooling: "first" or "mean".
        initialize: False leaves the encoder's weights 0; see `HeadedEncoder`.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> arguments = EncoderArguments(vocab_size=100, num_layers=2, num_heads=2,
        ...     hidden_size=16, intermediate_size=32, max_length=64)
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
        super().__init__(architecture, arguments, num_labels, pooling, initialize)


class Tagger(HeadedEncoder):
    """A tagger of tokens: logits (batch, length, num_labels).

    The head is transformers' own, so that trained heads load into it; see the family's
    `token_head`.

    Source: Devlin et al., "BERT" (2019), section 5.3.

    Args:
        architecture: The family's name: "bert", "distilbert", ...
        num_labels: Number of tags, at least 2.
        initialize: False leaves the encoder's weights 0; see `HeadedEncoder`.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> model = Tagger("distilbert", arguments, num_labels=9)
    """

    twin = "ForTokenClassification"
    least_labels = 2
    peft_task = "TOKEN_CLS"

    def __init__(
        self,
        architecture: str,
        arguments: EncoderArguments,
        num_labels: int,
        initialize: bool = True,
    ) -> None:
        super().__init__(architecture, arguments, num_labels, "none", initialize)
