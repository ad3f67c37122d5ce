"""BitFit: of the adapted layers the biases train, and nothing else.

Ben Zaken et al., "BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked
Language-models" (arXiv:2106.10199), section 3. A normalization's beta is its bias.

PEFT has no such method, so its files are ours alone and PEFT does not load them: the same two
files, `"peft_type": "BITFIT"`, and each bias under the name that its model in transformers gives
it, after "base_model.model.".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from kerasft.peft.adapted import Adapter
from kerasft.peft.fields import Fields
from kerasft.peft.methods.method import Method
from kerasft.peft.modules import Module, Slot

BIASES = ("bias", "beta")
"""What Keras's layers call their biases; a layer has at most one of them."""


@dataclass(frozen=True)
class BitFitConfig(Method):
    """What `kerasft.peft.apply` needs to know to train biases.

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
    usual_rate = 2e-3
    kind = "layer with a bias"
    suffixes = BIASES

    @classmethod
    def fits(cls, layer: keras.layers.Layer) -> bool:
        """Whether it has a bias."""
        # In a BatchNormalization that trains, the statistics would move too.
        is_batch = isinstance(layer, keras.layers.BatchNormalization)
        return _bias_of(layer) is not None and not is_batch

    def settings_of(self, layer: keras.layers.Layer) -> None:
        """There are none."""

    @classmethod
    def check(cls, layer: Any, settings: None) -> None:
        """Any layer with a bias will do."""

    @classmethod
    def adapt(cls, layer: Any, adapter: Adapter) -> None:
        """Lets the bias train."""
        layer.adapter = adapter
        _bias_of(layer).trainable = True

    @classmethod
    def release(cls, layer: Any) -> None:
        """Freezes the bias, which stays as it was trained."""
        _bias_of(layer).trainable = False

    @classmethod
    def slots(cls, module: Module, settings: None) -> tuple[Slot, ...]:
        """The bias as it stands among the model's own weights."""
        return tuple(slot for name, slot in module.own.items() if name in BIASES)

    @classmethod
    def from_peft(cls, fields: Fields) -> Callable[[str], None]:
        """There are no fields."""
        return lambda module: None

    @classmethod
    def to_peft(cls, settings: Mapping[str, None]) -> dict[str, Any]:
        """There are no fields."""
        return {}


def _bias_of(layer: Any) -> Any:
    """The variable that is a layer's bias, or None."""
    found = (getattr(layer, name, None) for name in BIASES)
    return next((each for each in found if isinstance(each, keras.Variable)), None)
