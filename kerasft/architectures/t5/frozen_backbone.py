"""The frozen lower part of a T5's encoder, and what is above it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasft import layers
from kerasft.architectures.frozen_backbone import FrozenBackbone, Inputs, lower_part
from kerasft.architectures.t5.arguments import T5Arguments
from kerasft.layers.inner_layers import all_layers
from kerasft.layers.masks import hide
from kerasft.layers.relative_position_bias import RelativePositionBias
from kerasft.layers.t5_encoder import T5EncoderBlock


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
        return f"{lower_part(self.layers, self.arguments.encoder_layers)} of the encoder"

    @property
    def facts(self) -> dict[str, Any]:
        """Of what shape the lower part is."""
        return {"architecture": "t5", **self.arguments.to_dict(), "layers": self.layers}

    def tokens_of(self, inputs: Inputs) -> list[np.ndarray]:
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


def is_plain(block: keras.layers.Layer) -> bool:
    """Whether a block has no adapter, not even one that is frozen: `T5Below` copies none."""
    kinds = (keras.layers.Dense, layers.T5Attention)
    parts = [part for part in all_layers(block) if isinstance(part, kinds)]
    return all(type(part) in kinds for part in parts)


class T5Below(keras.Model):
    """A copy of a T5's embeddings and first encoder blocks.

    A copy, because table and positions serve the upper part too, and while JAX trains that, its
    variables are empty.

    Args:
        table: The numbers of the T5.
        shared: Its table of tokens.
        encoder: Its encoder.
        count: How many blocks.
    """

    def __init__(
        self, table: T5Arguments, shared: keras.layers.Embedding, encoder: Any, count: int
    ) -> None:
        super().__init__(name="frozen_backbone")
        self.pad_id = table.pad_id
        self.shared = keras.layers.Embedding(
            table.vocab_size, table.d_model, "zeros", name="shared"
        )
        self.blocks = [
            T5EncoderBlock(**block.settings, name=block.name) for block in encoder.blocks[:count]
        ]
        self.positions = None
        copies: list[Any] = [self.shared, *self.blocks]
        originals: list[Any] = [shared, *encoder.blocks[:count]]
        if encoder.positions is not None:
            settings = encoder.positions.settings
            self.positions = RelativePositionBias(**settings, name="relative_position_bias")
            copies.append(self.positions)
            originals.append(encoder.positions)
        self.build()
        for layer, original in zip(copies, originals, strict=True):
            layer.set_weights(original.get_weights())
        self.trainable = False

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights; `__init__` has done it."""
        self.shared.build((None, None))
        if self.positions is not None:
            self.positions.build()
        for block in self.blocks:
            block.build((None, None, self.shared.output_dim))

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Reads {"source_ids": (batch, s)}; returns (batch, s, d_model)."""
        source_ids = inputs["source_ids"]
        mask = layers.padding_mask(source_ids, self.pad_id)
        length, x = ops.shape(source_ids)[1], self.shared(source_ids)
        shared = None if self.positions is None else self.positions.square(length)
        for block in self.blocks:
            bias = block.positions.square(length) if block.positions is not None else shared
            x = block(x, source_mask=hide(mask, bias), training=training)
        return x
