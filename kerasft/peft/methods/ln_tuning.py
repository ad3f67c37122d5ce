"""LayerNorm tuning: the normalizations' scales and shifts train, and nothing else.

Zhao et al., "Tuning LayerNorm in Attention: Towards Efficient Multi-Modal LLM Finetuning"
(arXiv:2312.11420), section 3:

    y = (x - mean(x)) / sqrt(variance(x) + epsilon) * scale + shift         scale, shift (d,)

A normalization by the root of the mean square (T5's) has a scale alone.

In a file: `<module>.ln_tuning_layers.weight` (d,), the scale, and `<module>.ln_tuning_layers.bias`
(d,), the shift, as https://huggingface.co/docs/peft/package_reference/layernorm_tuning has them.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import keras

from kerasft.layers import LayerNormalization, RootMeanSquareNormalization
from kerasft.peft.adapted import Adapter
from kerasft.peft.methods.method import Method
from kerasft.peft.model_layers import own_variables
from kerasft.peft.modules import Module, Slot

NORMALIZATIONS = (
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    LayerNormalization,
    RootMeanSquareNormalization,
)
PEFT_NAMES = {
    **dict.fromkeys(("gamma", "alpha", "scale"), "weight"),
    **dict.fromkeys(("beta", "bias"), "bias"),
}
"""What PEFT calls a normalization's variable, by its name in Keras or here."""


@dataclass(frozen=True)
class LNTuningConfig(Method):
    """The config of LayerNorm tuning, for `kerasft.apply`.

    Attributes:
        targets: Regular expressions over layer paths (see `kerasft.peft.targets`); the
            normalizations that they match train. All of them by default.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the normalizations (the head).

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = LNTuningConfig(modules_to_save=("classifier",))
    """

    targets: tuple[str, ...] = (".*",)

    name = "layer_norm"
    title = "LayerNorm tuning"
    peft_type = "LN_TUNING"
    usual_targets = (".*norm",)
    usual_rate = 3e-3
    kind = "normalization"
    suffixes = ("ln_tuning_layers.weight", "ln_tuning_layers.bias")

    @classmethod
    def fits(cls, layer: keras.layers.Layer) -> bool:
        """Whether it is a normalization with a scale or a shift."""
        return isinstance(layer, NORMALIZATIONS) and bool(own_variables(layer, PEFT_NAMES))

    @classmethod
    def adapt(cls, layer: Any, adapter: Adapter) -> None:
        """Lets scale and shift train."""
        layer.adapter = adapter
        for variable in own_variables(layer, PEFT_NAMES):
            variable.trainable = True

    @classmethod
    def release(cls, layer: Any) -> None:
        """Freezes scale and shift, which stay as they were trained."""
        for variable in own_variables(layer, PEFT_NAMES):
            variable.trainable = False

    @classmethod
    def slots(cls, module: Module, settings: None) -> tuple[Slot, ...]:
        """Scale and shift under PEFT's names."""
        names = {name: f"{module.name}.ln_tuning_layers.{PEFT_NAMES[name]}" for name in module.own}
        return tuple(
            dataclasses.replace(slot, name=names[name]) for name, slot in module.own.items()
        )

    @classmethod
    def spelling(cls, name: str) -> str:
        """A PEFT model calls its own `ln_tuning_layers.default.weight`."""
        return name.replace(".ln_tuning_layers.default.", ".ln_tuning_layers.")
