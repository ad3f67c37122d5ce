"""A `.keras` file of stock Keras and KerasHub layers.

`keras.saving.load_model` reads it after `import keras_hub`, without kerasft. Inputs: a dict of
`token_ids` (batch, length) int32 and `padding_mask` (batch, length) bool. Output: logits. Reloaded
layers have KerasHub's single dropout rate, on which predictions do not depend.
"""

from pathlib import Path

import keras

from kerasft import backends
from kerasft.tasks.classification.load import Bundle


def write_keras(bundle: Bundle, path: Path) -> None:
    """Writes a loaded folder, whose adapters have been folded in, as a `.keras` file.

    KerasHub's backbone classes would come back with their fixed (in BERT approximate) activation.
    So the file holds the functional graph of their layers, each with its activation and epsilon.

    Args:
        bundle: The loaded folder; the activations of its model are replaced by equal ones.
        path: The file to write.
    """
    model = bundle.model
    activation = _stock_activation(model.arguments.activation)
    for layer in model.backbone.layers:
        if layer.name.startswith("transformer_layer_"):
            layer.activation = activation
            layer._feedforward_intermediate_dense.activation = activation
    plain = keras.Model(dict(model.input), model.output, name="text_classifier")
    # Keras looks at the suffix, which the sibling that is written first does not have.
    file = path.with_suffix(".keras")
    try:
        plain.save(file)
        file.replace(path)
    finally:
        file.unlink(missing_ok=True)


def _stock_activation(name: str) -> object:
    """The activation under a name by which Keras or KerasHub finds it again."""
    if name == "gelu_approximate":
        return backends.import_keras_hub().src.utils.keras_utils.gelu_approximate
    return keras.activations.get(name)  # "gelu" is the exact one
