"""The frozen lower part of a model, and what is above it, as two models of the same layers.

What lies below the first layer that trains makes the same hidden states of a text at every step, if
it drops nothing out. So it can run once a text; the rest trains on what it made.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops

from kerasft.architectures.classifier import Classifier
from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.first_token_layer import FirstTokenLayer
from kerasft.architectures.headed_encoder import HeadedEncoder, encoder_inputs, hidden_states

Inputs = Mapping[str, np.ndarray]


class Trunk(Protocol):
    """A model in two parts: what is frozen below the first layer that trains, and the rest."""

    @property
    def lower(self) -> keras.Model:
        """Some of the whole model's inputs -> hidden states (batch, positions, width)."""

    @property
    def upper(self) -> keras.Model:
        """The inputs that `above` makes -> what the whole model puts out."""

    @property
    def width(self) -> int:
        """Values of a hidden state."""

    @property
    def description(self) -> str:
        """What the lower part is: "embeddings and 4 of 6 layers"."""

    @property
    def facts(self) -> dict[str, Any]:
        """Of what shape the lower part is, as JSON can hold it."""

    def token_ids(self, inputs: Inputs) -> list[np.ndarray]:
        """The token ids of each row, without padding: one (tokens,) array a row."""

    def positions(self, tokens: int) -> int:
        """How many hidden states the lower part makes of so many tokens."""

    def below(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """The inputs of the lower part among those of the whole model."""

    def above(self, inputs: Inputs, hidden: np.ndarray) -> dict[str, np.ndarray]:
        """The inputs of the upper part: hidden states (batch, positions, width) and what else."""


@dataclass(frozen=True)
class EncoderTrunk:
    """A classifier or a tagger in two parts, which share its layers and variables.

    Attributes:
        lower: {"token_ids": (batch, length) int32, "padding_mask": (batch, length) bool} -> hidden
            states (batch, positions, hidden_dim) of the last frozen layer.
        upper: {"hidden": (batch, positions, hidden_dim) float32, "padding_mask": (batch, positions)
            bool} -> logits.
        architecture: "bert" or "distilbert".
        arguments: The whole encoder's shape.
        layers: Transformer layers of the lower part.
        pooled: "first" or "mean", where the lower part ends with what the head reads, one position
            a text; None where it makes one of each token.
    """

    lower: keras.Model
    upper: keras.Model
    architecture: str
    arguments: EncoderArguments
    layers: int
    pooled: str | None = None

    @property
    def width(self) -> int:
        """Values of a hidden state."""
        return self.arguments.hidden_dim

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


def split_encoder(model: HeadedEncoder) -> EncoderTrunk | None:
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
        >>> trunk = split_encoder(model)
        >>> trunk.description
        'embeddings and 5 of 6 layers'
    """
    blocks = blocks_of(model)
    frozen = [not block.trainable_variables for block in blocks]
    layers = frozen.index(False) if False in frozen else len(blocks)
    if not layers:
        return None
    stack = keras.Model(model.backbone.input, blocks[layers - 1].output, name="trunk_layers")
    if stack.trainable_variables:
        return None
    inputs = encoder_inputs()
    is_whole = layers == len(blocks) and isinstance(model, Classifier)
    pooled = model.pooling if is_whole else None
    if pooled:
        states = ops.expand_dims(model.pooled(inputs), 1)  # (batch, 1, hidden_dim)
    else:
        states = hidden_states(model.architecture, stack, inputs)  # (batch, length, hidden_dim)
    lower = keras.Model(inputs, states, name="trunk")

    hidden = keras.Input((None, model.arguments.hidden_dim), dtype="float32", name="hidden")
    mask = keras.Input((None,), dtype="bool", name="padding_mask")
    x, real = hidden, ops.cast(mask, "int32")
    rest = blocks[layers:]
    if rest and model.pooling == "first":
        rest[-1] = FirstTokenLayer(rest[-1])
    for block in rest:
        x = block(x, padding_mask=real)  # (batch, length or 1, hidden_dim)
    above = {"hidden": hidden, "padding_mask": mask}
    upper = keras.Model(above, model.read_out(x, mask), name="above_trunk")
    return EncoderTrunk(lower, upper, model.architecture, model.arguments, layers, pooled)


def blocks_of(model: HeadedEncoder) -> list[keras.layers.Layer]:
    """The transformer layers of a classifier or a tagger, from the bottom up."""
    numbered = {
        int(found[1]): layer
        for layer in model.backbone.layers
        if (found := re.fullmatch(r"transformer_layer_(\d+)", layer.name))
    }
    return [numbered[number] for number in sorted(numbered)]


def still_encoder(model: HeadedEncoder) -> int:
    """Takes the dropout out of all layers of a classifier or a tagger in which nothing trains.

    Args:
        model: With its adapters on it and what is frozen frozen.

    Returns:
        How many transformer layers are still now.
    """
    blocks = blocks_of(model)
    rest = [layer for layer in model.backbone.layers if layer not in blocks]
    if not any(layer.trainable_variables for layer in rest):
        without_dropout(rest)
    return sum(still(block) for block in blocks)


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


def digest(trunk: Trunk, facts: Mapping[str, Any]) -> str:
    """The SHA-256 of all that decides what a trunk makes: its weights, its shape, and `facts`.

    Args:
        trunk: The trunk.
        facts: What else counts, such as versions, as JSON can hold it.

    Returns:
        64 hexadecimal digits.
    """
    sha = hashlib.sha256(json.dumps({**facts, **trunk.facts}, sort_keys=True).encode())
    for weight in trunk.lower.weights:
        array = np.ascontiguousarray(ops.convert_to_numpy(weight))
        sha.update(f"{weight.path} {array.dtype} {array.shape}".encode())
        sha.update(array.data if array.size else b"")
    return sha.hexdigest()
