"""The frozen lower part of a model, and what is above it, as two models of the same layers.

What lies below the first layer that trains makes the same hidden states of a text at every step, if
it drops nothing out. So it can run once per text; the rest trains on what it made.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasft.architectures.encoder import EncoderStack
from kerasft.layers.inner_layers import all_layers

Inputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class FrozenBackbone(ABC):
    """A model in two parts: what is frozen below the first layer that trains, and the rest.

    Attributes:
        lower: Some of the whole model's inputs -> hidden states (batch, positions, width).
        upper: The inputs that `above` makes -> what the whole model puts out. It shares its layers
            and variables with the whole model.
        arguments: The whole model's shape.
        layers: Blocks of the lower part.
    """

    lower: keras.Model
    upper: keras.Model
    arguments: Any
    layers: int

    @property
    @abstractmethod
    def width(self) -> int:
        """Values of a hidden state."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What the lower part is: "embeddings and 4 of 6 layers"."""

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Of what shape the lower part is, as JSON."""

    @abstractmethod
    def tokens_of(self, inputs: Inputs) -> list[np.ndarray]:
        """What each row is made of, without padding: its token ids, one (tokens,) array a row.

        Where segments count too, the array is (tokens, 2): token ids and segment ids.
        """

    def positions(self, tokens: int) -> int:
        """How many hidden states the lower part makes of so many tokens."""
        return tokens

    @abstractmethod
    def below(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """The inputs of the lower part among those of the whole model."""

    @abstractmethod
    def above(self, inputs: Inputs, hidden: np.ndarray) -> dict[str, np.ndarray]:
        """The inputs of the upper part: hidden states (batch, positions, width) and what else."""

    def digest(self, facts: Mapping[str, Any]) -> str:
        """The SHA-256 of all that decides what the lower part makes: weights, shape, and `facts`.

        Args:
            facts: What else counts, such as versions, as JSON.

        Returns:
            64 hexadecimal digits.
        """
        sha = hashlib.sha256(json.dumps({**facts, **self.facts}, sort_keys=True).encode())
        for weight in self.lower.weights:
            array = np.ascontiguousarray(ops.convert_to_numpy(weight))
            sha.update(f"{weight.path} {array.dtype} {array.shape}".encode())
            sha.update(array.data if array.size else b"")
        return sha.hexdigest()


@dataclass(frozen=True)
class FrozenEncoder(FrozenBackbone):
    """A classifier or a tagger in two parts.

    Attributes:
        lower: An encoder's inputs -> hidden states (batch, positions, hidden_size).
        upper: {"hidden": (batch, positions, hidden_size) float32, "padding_mask":
            (batch, positions) bool} -> logits.
        architecture: The family's name.
        pooled: "first" or "mean", where the lower part ends with what the head reads, one position
            a text; None where it makes one of each token.
    """

    architecture: str
    pooled: str | None = None

    @property
    def width(self) -> int:
        """Values of a hidden state."""
        size: int = self.arguments.hidden_size
        return size

    @property
    def description(self) -> str:
        """What the lower part is."""
        return lower_part(self.layers, self.arguments.depth)

    @property
    def facts(self) -> dict[str, Any]:
        """Of what shape the lower part is."""
        arguments = self.arguments.to_dict()
        facts = {"architecture": self.architecture, **arguments, "layers": self.layers}
        return {**facts, "pooled": self.pooled} if self.pooled else facts

    def tokens_of(self, inputs: Inputs) -> list[np.ndarray]:
        """The token ids of each row, without padding; of pairs with their segment ids."""
        tokens = inputs["token_ids"]
        if "segment_ids" in inputs:
            tokens = np.stack([tokens, inputs["segment_ids"]], axis=-1)
        return [row[mask] for row, mask in zip(tokens, inputs["padding_mask"], strict=True)]

    def positions(self, tokens: int) -> int:
        """One for a text whose head is all that trains, else as many as there are tokens."""
        return min(tokens, 1) if self.pooled else tokens

    def below(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """The inputs of the lower part: all."""
        return dict(inputs)

    def above(self, inputs: Inputs, hidden: np.ndarray) -> dict[str, np.ndarray]:
        """The inputs of the upper part."""
        # The first of a text's tokens is real: where one position is left, so is it.
        return {"hidden": hidden, "padding_mask": inputs["padding_mask"][:, : hidden.shape[1]]}


class EncoderBelow(keras.Model):
    """The embeddings and the first blocks of an encoder.

    Args:
        count: How many blocks.
        pool: What the head reads of hidden states and the mask, where the head is all that trains.
        first_only: Whether that is the first token.
    """

    def __init__(
        self,
        backbone: EncoderStack,
        count: int,
        pool: Callable[[Any, Any], Any] | None,
        first_only: bool,
    ) -> None:
        super().__init__(name="frozen_backbone")
        self.parts = [*backbone.bottom, *backbone.blocks[:count]]
        # Methods and not what they are of: Keras would count the layers above among these.
        self.embed, self.run = backbone.embed, backbone.run_blocks
        self.count, self.pool, self.first_only = count, pool, first_only
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Has nothing to do: all layers are built."""

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Reads an encoder's inputs; returns what `FrozenEncoder.lower` says."""
        real = inputs["padding_mask"]
        hidden = self.run(
            self.embed(inputs, training),
            real,
            stop=self.count,
            first_only=self.first_only,
            training=training,
        )
        return hidden if self.pool is None else self.pool(hidden, real)[:, None]


class EncoderAbove(keras.Model):
    """The other blocks of an encoder, and its head.

    Args:
        start: How many blocks are below.
        head: The layers of the head.
        pool: What the head reads of hidden states and the mask; None where the lower part gives it.
        read_out: What the head makes of that.
        first_only: Whether the head reads the first token.
    """

    def __init__(
        self,
        backbone: EncoderStack,
        start: int,
        head: Iterable[keras.layers.Layer],
        pool: Callable[[Any, Any], Any] | None,
        read_out: Callable[..., Any],
        first_only: bool,
    ) -> None:
        super().__init__(name="above_backbone")
        self.parts = [*backbone.blocks[start:], *head]
        self.run, self.pool, self.read_out = backbone.run_blocks, pool, read_out
        self.start, self.first_only = start, first_only
        self.count = len(backbone.blocks) - start
        self.build()

    @property
    def encoding_layers(self) -> list[keras.layers.Layer]:
        """What is below the head."""
        return list(self.parts[: self.count])

    def build(self, input_shape: Any = None) -> None:
        """Has nothing to do: all layers are built."""

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Reads what `FrozenEncoder.upper` says; returns logits."""
        return self.read_out(self.pooled(inputs, training), training)

    def pooled(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """What the head reads: (batch, hidden_size)."""
        hidden, real = inputs["hidden"], inputs["padding_mask"]
        if self.pool is None:
            return hidden[:, 0]
        hidden = self.run(
            hidden, real, start=self.start, first_only=self.first_only, training=training
        )
        return self.pool(hidden, real)


def still(layer: keras.layers.Layer) -> bool:
    """Takes the dropout out of a layer in which nothing trains; returns whether it is such."""
    if layer.trainable_variables:
        return False
    without_dropout([layer])
    return True


def without_dropout(layers: Iterable[keras.layers.Layer]) -> None:
    """Sets all dropout rates of some layers, and of the layers in them, to 0.

    It counts for functions that are compiled from now on.
    """
    for layer in layers:
        for part in [layer, *all_layers(layer)]:
            if isinstance(part, keras.layers.Dropout):
                part.rate = 0.0


def lower_part(layers: int, of: int) -> str:
    """The lower part of a model in words."""
    what = f"{layers} of {of} layers" if layers < of else f"all {of} layers"
    return f"embeddings and {what}"
