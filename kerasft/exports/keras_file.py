"""A `.keras` file that Keras loads without any other package.

Inputs: a dict of `token_ids` (batch, length) int32 and `padding_mask` (batch, length) bool; of a
model that reads pairs by segments `segment_ids` (batch, length) int32 besides. Output: logits. It
holds the model as a functional graph of Keras's own layers and operations.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from kerasft.errors import ConfigError
from kerasft.layers.inner_layers import all_layers
from kerasft.tasks.labelled.text_model import TextModel


def write_keras(classifier: TextModel, path: Path) -> None:
    """Writes a loaded folder, whose adapters have been merged, as a `.keras` file.

    Args:
        classifier: The loaded folder.
        path: The file to write.

    Raises:
        ConfigError: It computes with weights that no layer of Keras's own holds.
    """
    model = plain_graph(classifier.model, classifier.gives_segments)
    # Keras looks at the suffix, which the sibling that is written first does not have.
    file = path.with_suffix(".keras")
    try:
        model.save(file)
        file.replace(path)
    finally:
        file.unlink(missing_ok=True)


def plain_graph(model: keras.Model, segments: bool = False) -> keras.Model:
    """A model of Keras's own layers and operations that computes what a classifier or tagger does.

    Args:
        model: The classifier or tagger, without adapters.
        segments: Whether it is also to read `segment_ids`.

    Returns:
        A functional model with a copy of the weights. Its layers are called by their paths, with
        "_" for "/".

    Raises:
        ConfigError: It computes with weights that no layer of Keras's own holds.
    """
    held = {id(w) for layer in all_layers(model) if _is_of_keras(layer) for w in layer.weights}
    if alone := [weight.path for weight in model.weights if id(weight) not in held]:
        raise ConfigError(
            f"a .keras file can only hold layers of Keras, and the weight {alone[0]!r} of this "
            "model is in none of them; export it to huggingface or onnx"
        )
    copies: dict[int, tuple[keras.layers.Layer, keras.layers.Layer]] = {}

    def copy_of(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) not in copies:
            name = (layer.path or f"{layer.name}_{len(copies)}").replace("/", "_")
            config = {**layer.get_config(), "name": name}
            # Of ours; and what is loaded needs no start.
            starts = {"kernel_initializer", "embeddings_initializer"} & set(config)
            copy = type(layer).from_config({**config, **dict.fromkeys(starts, "zeros")})
            copies[id(layer)] = layer, copy
        return copies[id(layer)][1]

    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }
    if segments:
        inputs["segment_ids"] = keras.Input((None,), dtype="int32", name="segment_ids")
    with _inlined(copy_of):
        outputs = model(inputs, training=False)
    plain = keras.Model(inputs, outputs, name=model.name)
    for layer, copy in copies.values():
        copy.set_weights(layer.get_weights())
    return plain


@contextmanager
def _inlined(copy_of: Callable[[keras.layers.Layer], keras.layers.Layer]) -> Iterator[None]:
    """Takes layers that are not Keras's own apart: calling one calls what it is made of."""
    call = keras.layers.Layer.__call__

    def inlined(layer: keras.layers.Layer, *inputs: Any, **options: Any) -> Any:
        if _is_of_keras(layer):
            return call(copy_of(layer), *inputs, **options)
        return layer.call(*inputs, **options)

    keras.layers.Layer.__call__ = inlined
    try:
        yield
    finally:
        keras.layers.Layer.__call__ = call


def _is_of_keras(layer: keras.layers.Layer) -> bool:
    return type(layer).__module__.startswith("keras.")
