"""DoRA: LoRA on the direction of a weight, and its length learned beside it.

Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation" (arXiv:2402.09353), section 4:

    W' = m (W + s A B) / ||W + s A B||          || || and m: one number for each output, (out,)

m starts at ||W|| and B at zero, so a fresh adapter changes nothing. In the gradient the norm counts
as a constant (section 4.3). With g = m / ||W + s A B|| an adapted layer computes

    x W + (g - 1) (dropout(x) W) + g s (dropout(x) A) B

which without dropout is x W': as in PEFT, dropout spares x W itself.

In a file: LoRA's two matrices and `<module>.lora_magnitude_vector` (out,), with `use_dora`, as
https://huggingface.co/docs/peft/package_reference/lora has them.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasft.errors import AdapterError
from kerasft.peft.methods.lora import LoRAConfig, LoRALayer, LoRASettings
from kerasft.peft.modules import Module, Slot
from kerasft.peft.projections import factors_of, finish, project


class DoRALayer(LoRALayer):
    """What `DoRADense` and `DoRAEinsumDense` share.

    Attributes:
        magnitude: m, `(*output dims,)`; the norms of W's columns at first.
    """

    added = (*LoRALayer.added, "magnitude")

    magnitude: Any

    def add_adapter(self) -> None:
        """Makes A, B, m and the dropout's random state."""
        super().add_adapter()
        self.magnitude = self.add_variable(
            "magnitude", self._factors.out_shape, lambda shape, dtype: self.norm()
        )

    def norm(self) -> Any:
        """Computes ||W + s A B||, `(*output dims,)`."""
        layer: Any = self
        product = ops.einsum(self._factors.product, self.lora_a, self.lora_b)
        scale = self.adapter.settings.scale
        return _norm(ops.add(layer.kernel, ops.multiply(product, scale)), self._factors.in_axes)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Computes activation(x W' + b), with dropout as the top of this file has it.

        Args:
            inputs: x, `(batch, ..., *contracted dims)`.
            training: Whether the adapter's dropout is drawn.

        Returns:
            `(batch, ..., *output dims)`.
        """
        self.check_trainable(training)
        kept = self.drop(inputs, training)
        factor = ops.divide(self.magnitude, ops.stop_gradient(self.norm()))
        y = project(self, inputs)
        rest = y if kept is inputs else project(self, kept)
        low = self.low_rank(kept, self.lora_a, self.lora_b)
        change = ops.add(ops.multiply(rest, factor - 1), ops.multiply(low, factor))
        return finish(self, ops.add(y, change))


@keras.saving.register_keras_serializable("kerasft")
class DoRADense(DoRALayer, keras.layers.Dense):
    """`keras.layers.Dense` whose weight has a low-rank direction and a learned magnitude.

    Usually made by `kerasft.peft.apply` out of a built `Dense`; can also be constructed like one,
    with `rank`, `alpha`, `dropout` and `rank_stabilized` besides.

    Example:
        >>> DoRADense(3, rank=4, alpha=8)(np.ones((2, 5))).shape
        (2, 3)
    """


@keras.saving.register_keras_serializable("kerasft")
class DoRAEinsumDense(DoRALayer, keras.layers.EinsumDense):
    """`keras.layers.EinsumDense` whose weight has a low-rank direction and a learned magnitude.

    Example:
        >>> layer = DoRAEinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de", rank=4)
        >>> layer(np.ones((1, 5, 8))).shape
        (1, 5, 2, 4)
    """


@dataclass(frozen=True)
class DoRAConfig(LoRAConfig):
    """The config of DoRA, for `kerasft.apply`; its fields are those of `LoRAConfig`.

    Attributes:
        alpha: The update x A B of the direction is multiplied by alpha / rank.

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = DoRAConfig(targets=("query", "value"), modules_to_save=("classifier",))
    """

    name = "dora"
    title = "DoRA"
    layers: ClassVar = {
        keras.layers.Dense: DoRADense,
        keras.layers.EinsumDense: DoRAEinsumDense,
    }
    suffixes = (*LoRAConfig.suffixes, "lora_magnitude_vector")

    @classmethod
    def check(cls, layer: Any, settings: LoRASettings) -> None:
        """Refuses what is no plain projection onto its last dimensions."""
        super().check(layer, settings)
        if not factors_of(layer).ends:
            raise AdapterError(
                f"Layer {layer.path!r} cannot take a magnitude of DoRA because its equation "
                f"{layer.equation!r} does not end in the dimensions to be scaled; leave it out of "
                "the targets."
            )

    @classmethod
    def merged(cls, layer: Any) -> list[tuple[keras.Variable, np.ndarray]]:
        """The kernel W', a B of zeros, and an m that is the norm of W'."""
        (kernel, moved), nothing = super().merged(layer)
        axes = layer._factors.in_axes
        magnitude = ops.convert_to_numpy(layer.magnitude).astype("float32")
        factor = magnitude / ops.convert_to_numpy(_norm(moved, axes))
        merged = np.einsum(layer._factors.out_scale, moved, factor)
        norm = ops.convert_to_numpy(_norm(merged, axes))
        return [(kernel, merged), nothing, (layer.magnitude, norm)]

    @classmethod
    def slots(cls, module: Module, settings: LoRASettings) -> tuple[Slot, ...]:
        """A and B as PEFT keeps them, and m: (out,)."""
        layer = module.layer
        shape = (math.prod(factors_of(layer).out_shape),)
        name = f"{module.name}.lora_magnitude_vector"
        magnitude = Slot(name, shape, lambda: layer.magnitude, np.asarray, np.asarray)
        return (*super().slots(module, settings), magnitude)

    @classmethod
    def spelling(cls, name: str) -> str:
        """A PEFT model calls its own `lora_magnitude_vector.default.weight`."""
        name = re.sub(r"(\.lora_magnitude_vector)(\.default)?\.weight$", r"\1", name)
        return super().spelling(name)

    @classmethod
    def to_peft(cls, settings: Mapping[str, LoRASettings]) -> dict[str, Any]:
        """LoRA's fields, and that it is DoRA."""
        return {**super().to_peft(settings), "use_dora": True}


def _norm(weight: Any, axes: tuple[int, ...]) -> Any:
    """The length of a weight over the inputs, one number for each output.

    Args:
        weight: Of the kernel's shape.
        axes: Those of the inputs.
    """
    norm = ops.sqrt(ops.sum(ops.square(weight), axis=axes))
    return ops.maximum(norm, keras.backend.epsilon())  # an output without weights has none
