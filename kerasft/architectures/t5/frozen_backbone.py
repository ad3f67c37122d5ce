"""The frozen lower part of a T5's encoder, and what is above it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from kerasft import layers
from kerasft.architectures.frozen_backbone import (
    FrozenBackbone,
    Inputs,
    describe,
    still,
    without_dropout,
)
from kerasft.architectures.seq2seq import TokenLossModel
from kerasft.layers.relative_position_bias import RelativePositionBias
from kerasft.layers.t5_attention import hide
from kerasft.layers.t5_encoder import T5EncoderBlock

if TYPE_CHECKING:
    from kerasft.architectures.t5.model import T5


@dataclass(frozen=True)
class FrozenT5(FrozenBackbone):
    """A T5 in two parts.

    Attributes:
        lower: {"source_ids": (batch, s) int32} -> hidden states (batch, s, d_model).
        upper: {"hidden": (batch, s, d_model), "source_ids": (batch, s) int32, "target_ids":
            (batch, t) int32} -> logits (batch, t, vocab_size).
        layers: Encoder blocks of the lower part.
    """

    @property
    def width(self) -> int:
        """Values of a hidden state."""
        size: int = self.arguments.d_model
        return size

    @property
    def description(self) -> str:
        """What the lower part is."""
        return f"{describe(self.layers, self.arguments.encoder_layers)} of the encoder"

    @property
    def facts(self) -> dict[str, Any]:
        """Of what shape the lower part is."""
        return {"architecture": "t5", **self.arguments.to_dict(), "layers": self.layers}

    def token_ids(self, inputs: Inputs) -> list[np.ndarray]:
        """The token ids of each source, without padding."""
        real = inputs["source_ids"] != self.arguments.pad_id  # (batch, s)
        # Up to the last real token: a text may name the padding token in its middle.
        lengths = real.shape[1] - np.argmax(real[:, ::-1], axis=1)
        return [ids[:n] for ids, n in zip(inputs["source_ids"], lengths, strict=True)]

    def below(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """The inputs of the lower part: the sources."""
        return {"source_ids": inputs["source_ids"]}

    def above(self, inputs: Inputs, hidden: np.ndarray) -> dict[str, np.ndarray]:
        """The inputs of the upper part."""
        return {"hidden": hidden, **inputs}


def split_t5(model: "T5") -> FrozenT5 | None:
    """Splits a T5 below the first block of its encoder that trains.

    Args:
        model: With its adapters on it and what is frozen frozen.

    Returns:
        The parts; None where no encoder block below the first that trains is frozen, or the
        embeddings train.

    Example:
        >>> peft.apply(model, LoRAConfig(targets=("encoder/block_5/self_attention/(q|v)",)))
        >>> split_t5(model).description
        'embeddings and 5 of 6 layers of the encoder'
    """
    frozen = [not block.trainable_variables and _is_plain(block) for block in model.encoder.blocks]
    count = frozen.index(False) if False in frozen else len(frozen)
    bottom = (model.shared, model.encoder.positions)
    if not count or any(layer.trainable_variables for layer in bottom):
        return None
    if model.virtual_tokens.count:  # the lower part counts the tokens of a text alone
        return None
    return FrozenT5(_Below(model, count), _Above(model, count), model.arguments, count)


def _is_plain(block: keras.layers.Layer) -> bool:
    """Whether a block has no adapter, not even one that is frozen: `_Below` copies none."""
    matrices = [part for part in block._flatten_layers() if isinstance(part, keras.layers.Dense)]
    return all(type(matrix) is keras.layers.Dense for matrix in matrices)


def still_t5(model: "T5") -> int:
    """Takes the dropout out of all parts of a T5 in which nothing trains.

    Args:
        model: With its adapters on it and what is frozen frozen.

    Returns:
        How many blocks, of encoder and decoder, are still now.
    """
    if not model.shared.trainable_variables:
        without_dropout([model.dropout])
    stacks: tuple[Any, ...] = (model.encoder, model.decoder)
    for stack in stacks:
        if not stack.norm.trainable_variables:
            without_dropout([stack.dropout])
    return sum(still(block) for block in [*model.encoder.blocks, *model.decoder.blocks])


class _Below(keras.Model):
    """A copy of a T5's embeddings and first encoder blocks.

    A copy, because table and positions serve the upper part too, and while JAX trains that, its
    variables are empty.
    """

    def __init__(self, model: "T5", count: int) -> None:
        super().__init__(name="frozen_backbone")
        table = model.arguments
        self.pad_id = table.pad_id
        self.shared = keras.layers.Embedding(
            table.vocab_size, table.d_model, "zeros", name="shared"
        )
        positions: dict[str, Any] = model.encoder.positions.settings
        self.positions = RelativePositionBias(**positions, name="relative_position_bias")
        self.blocks = [
            T5EncoderBlock(**block.settings, name=block.name)
            for block in model.encoder.blocks[:count]
        ]
        self.build()
        copies = [self.shared, self.positions, *self.blocks]
        originals = [model.shared, model.encoder.positions, *model.encoder.blocks[:count]]
        for layer, original in zip(copies, originals, strict=True):
            layer.set_weights(original.get_weights())
        self.trainable = False

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights; `__init__` has done it."""
        self.shared.build((None, None))
        self.positions.build()
        for block in self.blocks:
            block.build((None, None, self.shared.output_dim))

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Reads {"source_ids": (batch, s)}; returns (batch, s, d_model)."""
        source_ids = inputs["source_ids"]
        mask = layers.padding_mask(source_ids, self.pad_id)
        bias = hide(mask, self.positions.square(ops.shape(source_ids)[1]))
        x = self.shared(source_ids)
        for block in self.blocks:
            x = block(x, source_mask=bias, training=training)
        return x


class _Above(TokenLossModel):
    """A T5 that takes what leaves its first encoder blocks and goes on from there.

    Its layers are the T5's own, so training it trains the T5.
    """

    def __init__(self, model: "T5", first: int) -> None:
        super().__init__(name="above_backbone")
        self.t5, self.first = model, first
        self._track_token_loss()
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: the T5 is built."""

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Reads what `FrozenT5.upper` says; returns logits (batch, t, vocab_size)."""
        t5 = self.t5
        mask = t5.source_mask(inputs["source_ids"])
        memory = t5.encoder.call_from(self.first, inputs["hidden"], mask, training)
        return t5.project(t5.decode(memory, mask, inputs["target_ids"], training=training))
