"""BitFit: of the adapted layers the biases train, and nothing else.

Ben Zaken et al., "BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked
Language-models" (arXiv:2106.10199), section 3. A normalization's beta is its bias.

PEFT has no such method, so its files are ours alone and PEFT does not load them: the same two
files, `"peft_type": "BITFIT"`, and each bias under the name that its model in transformers gives
it, after "base_model.model.".
"""

from dataclasses import dataclass
from typing import Any

import keras

from kerasft.peft.adapted import Adapter
from kerasft.peft.methods.method import Method
from kerasft.peft.model_layers import BIASES, biases_of
from kerasft.peft.modules import Module, Slot


@dataclass(frozen=True)
class BitFitConfig(Method):
    """The config of BitFit, for `kerasft.apply`.

    Attributes:
        targets: Regular expressions over layer paths (see `kerasft.peft.targets`); the biases of
            the layers that they match train. All layers by default.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the biases (the head).

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = BitFitConfig(modules_to_save=("classifier",))
    """

    targets: tuple[str, ...] = (".*",)

    name = "bitfit"
    title = "BitFit"
    peft_type = "BITFIT"
    usual_targets = (".*",)
    usual_rate = 5e-3
    kind = "layer with a bias"
    suffixes = BIASES

    @classmethod
    def fits(cls, layer: keras.layers.Layer) -> bool:
        """Whether it has a bias."""
        return bool(biases_of(layer))

    @classmethod
    def adapt(cls, layer: Any, adapter: Adapter) -> None:
        """Lets the bias train."""
        layer.adapter = adapter
        for bias in biases_of(layer):
            bias.trainable = True

    @classmethod
    def release(cls, layer: Any) -> None:
        """Freezes the bias, which stays as it was trained."""
        for bias in biases_of(layer):
            bias.trainable = False

    @classmethod
    def slots(cls, module: Module, settings: None) -> tuple[Slot, ...]:
        """The bias as it stands among the model's own weights."""
        return module.biases
