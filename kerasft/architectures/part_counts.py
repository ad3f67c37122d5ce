"""How many parameters each part of a classifier has: embeddings, every layer, head."""

import math
import re

import keras

from kerasft.architectures.headed_encoder import Classifier

ALL = "all parts"


def part_counts(model: Classifier) -> dict[str, dict[str, int]]:
    """Counts the parameters of each part of a classifier.

    Args:
        model: The classifier, with adapters or without.

    Returns:
        Part -> {"parameters": all of them, "trained": those that training moves}, from the bottom
        up: "embeddings", "layer 1", "layer 2", ..., "head", "all parts". An adapter belongs to its
        layer.

    Example:
        >>> part_counts(model)["head"]
        {'parameters': 645, 'trained': 645}
    """
    counts: dict[str, dict[str, int]] = {}
    for weight in model.weights:
        size = math.prod(weight.shape)
        for name in (_part(weight, model.head_layers), ALL):
            part = counts.setdefault(name, {"parameters": 0, "trained": 0})
            part["parameters"] += size
            part["trained"] += size if weight.trainable else 0
    counts[ALL] = counts.pop(ALL)  # last, whatever was counted first
    return counts


def _part(weight: keras.Variable, head_layers: tuple[str, ...]) -> str:
    """The name of the part that a weight belongs to, by its path."""
    top = weight.path.split("/")[0]
    if top in head_layers:
        return "head"
    layer = re.fullmatch(r"transformer_layer_(\d+)", top)
    return f"layer {int(layer[1]) + 1}" if layer else "embeddings"
