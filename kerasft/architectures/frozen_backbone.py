"""The frozen lower part of a model, and what is above it, as two models of the same layers.

What lies below the first layer that trains makes the same hidden states of a text at every step, if
it drops nothing out. So it can run once a text; the rest trains on what it made.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

if TYPE_CHECKING:
    from kerasft.architectures.headed_encoder import HeadedEncoder

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
    def token_ids(self, inputs: Inputs) -> list[np.ndarray]:
        """The token ids of each row, without padding: one (tokens,) array a row."""

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
        return describe(self.layers, self.arguments.num_layers)

    @property
    def facts(self) -> dict[str, Any]:
        """Of what shape the lower part is."""
        arguments = self.arguments.to_dict()
        facts = {"architecture": self.architecture, **arguments, "layers": self.layers}
        return {**facts, "pooled": self.pooled} if self.pooled else facts

    def token_ids(self, inputs: Inputs) -> list[np.ndarray]:
        """The token ids of each row, without padding."""
        rows = zip(inputs["token_ids"], inputs["padding_mask"], strict=True)
        return [ids[mask] for ids, mask in rows]

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


def split_encoder(model: "HeadedEncoder") -> FrozenEncoder | None:
    """Splits a classifier or a tagger below its first layer that trains.

    The upper part computes what the whole model computes, with the very same layers: training it
    trains the model. Positions of padding may hold anything in the hidden states, as long as it is
    finite; nothing that counts reads them. Where a classifier's head is all that trains, the lower
    part makes only what the head reads, one vector a text.

    Args:
        model: With its adapters on it and what is frozen frozen.

    Returns:
        The parts; None where no whole layer is frozen below the first that trains.

    Example:
        >>> peft.apply(model, LoRAConfig(targets=("transformer_layer_5/.*/query",)))
        >>> split_encoder(model).description
        'embeddings and 5 of 6 layers'
    """
    blocks = model.backbone.blocks
    frozen = [not block.trainable_variables for block in blocks]
    layers = frozen.index(False) if False in frozen else len(blocks)
    if not layers or any(layer.trainable_variables for layer in _bottom(model)):
        return None
    if model.backbone.virtual_tokens.count:  # the lower part counts the tokens of a text alone
        return None
    pooled = model.pooling if layers == len(blocks) and model.pooling != "none" else None
    lower, upper = _Below(model, layers, pooled is not None), _Above(model, layers, pooled)
    return FrozenEncoder(lower, upper, model.arguments, layers, model.architecture, pooled)


def _bottom(model: "HeadedEncoder") -> list[keras.layers.Layer]:
    """The encoder's layers that are no blocks: they embed the tokens."""
    backbone = model.backbone
    blocks = {id(block) for block in backbone.blocks}
    return [layer for layer in backbone.layers if id(layer) not in blocks]


class _Below(keras.Model):
    """The embeddings and the first blocks of an encoder."""

    def __init__(self, model: "HeadedEncoder", count: int, pools: bool) -> None:
        super().__init__(name="frozen_backbone")
        self.parts = [*_bottom(model), *model.backbone.blocks[:count]]
        # Methods and not what they are of: Keras would count the layers above among these.
        self.embed, self.run = model.backbone.embed, model.backbone.run_blocks
        self.count, self.pool = count, model.pool if pools else None
        self.first_only = pools and model.pooling == "first"
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


class _Above(keras.Model):
    """The other blocks of an encoder, and its head."""

    def __init__(self, model: "HeadedEncoder", start: int, pooled: str | None) -> None:
        super().__init__(name="above_backbone")
        self.parts = [*model.backbone.blocks[start:], *model.head]
        self.run, self.pool, self.read_out = model.backbone.run_blocks, model.pool, model.read_out
        self.start, self.pooled, self.first_only = start, pooled, model.pooling == "first"
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Has nothing to do: all layers are built."""

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Reads what `FrozenEncoder.upper` says; returns logits."""
        hidden, real = inputs["hidden"], inputs["padding_mask"]
        if self.pooled:
            return self.read_out(hidden[:, 0], training)
        hidden = self.run(
            hidden, real, start=self.start, first_only=self.first_only, training=training
        )
        return self.read_out(self.pool(hidden, real), training)


def still_encoder(model: "HeadedEncoder") -> int:
    """Takes the dropout out of all layers of a classifier or a tagger in which nothing trains.

    Args:
        model: With its adapters on it and what is frozen frozen.

    Returns:
        How many transformer layers are still now.
    """
    bottom = _bottom(model)
    if not any(layer.trainable_variables for layer in bottom):
        without_dropout(bottom)
    return sum(still(block) for block in model.backbone.blocks)


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
        for part in layer._flatten_layers():
            if isinstance(part, keras.layers.Dropout):
                part.rate = 0.0


def describe(layers: int, of: int) -> str:
    """The lower part of a model in words."""
    what = f"{layers} of {of} layers" if layers < of else f"all {of} layers"
    return f"embeddings and {what}"
