"""The layers inside a layer."""

import keras


def all_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Every layer inside `layer` at any depth, each once, without itself.

    Example:
        >>> [each.name for each in all_layers(model)]
    """
    # Keras has no public name for it: `layers` of a model ends at the first level.
    layers: list[keras.layers.Layer] = layer._flatten_layers(include_self=False)
    return layers
