"""IA3: learned vectors that inhibit or amplify what a layer puts out, or what it is given.

Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context
Learning" (arXiv:2205.05638), section 3.3:

    key, value         activation((x W + b) * l)     l (out,)
    feed-forward       activation((x * l) W + b)     l (in,)

Each l starts at one, so a fresh adapter changes nothing. The paper scales the hidden values of the
feed-forward network; here, as in PEFT, they are the inputs of its second layer.

In a file: `<module>.ia3_l`, (out, 1), or (1, in) for a module in `feedforward_modules`, as
https://huggingface.co/docs/peft/package_reference/ia3 has them.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasft.errors import AdapterError
from kerasft.peft.adapted import AdaptedLayer
from kerasft.peft.fields import Fields
from kerasft.peft.methods.method import Method
from kerasft.peft.modules import Module, Slot
from kerasft.peft.projections import check_projection, factors_of, finish, project
from kerasft.peft.targets import matches


@dataclass(frozen=True)
class IA3Settings:
    """What is scaled in one layer.

    Attributes:
        feedforward: Whether its inputs are scaled, instead of its outputs.
    """

    feedforward: bool = False


class IA3Layer(AdaptedLayer):
    """What `IA3Dense` and `IA3EinsumDense` share.

    Attributes:
        ia3_l: l, `(*contracted dims,)` of a feed-forward layer, else `(*output dims,)`; ones at
            first.
    """

    settings_class = IA3Settings
    added = ("ia3_l",)

    ia3_l: Any

    def add_adapter(self) -> None:
        """Makes l."""
        layer: Any = self
        factors = factors_of(layer)
        shape = factors.in_shape if self.adapter.settings.feedforward else factors.out_shape
        self.ia3_l = self.add_variable("ia3_l", shape, "ones")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Computes activation((x W + b) * l), or activation((x * l) W + b).

        Args:
            inputs: x, `(batch, ..., *contracted dims)`.
            training: Of no use here; nothing is dropped out.

        Returns:
            `(batch, ..., *output dims)`.
        """
        self.check_trainable(training)
        layer: Any = self
        if self.adapter.settings.feedforward:
            return finish(layer, project(layer, ops.multiply(inputs, self.ia3_l)))
        return finish(layer, project(layer, inputs), scale=self.ia3_l)


@keras.saving.register_keras_serializable("kerasft")
class IA3Dense(IA3Layer, keras.layers.Dense):
    """`keras.layers.Dense` with a vector on its outputs, or on its inputs.

    Usually made by `kerasft.peft.apply` out of a built `Dense`; can also be constructed like one,
    with `feedforward` besides.

    Example:
        >>> IA3Dense(3, feedforward=True)(np.ones((2, 5))).shape
        (2, 3)
    """


@keras.saving.register_keras_serializable("kerasft")
class IA3EinsumDense(IA3Layer, keras.layers.EinsumDense):
    """`keras.layers.EinsumDense` with a vector on its outputs, or on its inputs.

    Example:
        >>> IA3EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de")(np.ones((1, 5, 8))).shape
        (1, 5, 2, 4)
    """


@dataclass(frozen=True)
class IA3Config(Method):
    """The config of IA3, for `kerasft.apply`.

    Attributes:
        targets: Regular expressions over layer paths (see `kerasft.peft.targets`); the layers
            that they match get a vector.
        feedforward: The targets whose inputs are scaled instead of their outputs, as patterns.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the adapter (the head).

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = IA3Config(targets=("key", "value", "feedforward_output_dense"),
        ...                    modules_to_save=("classifier",))
    """

    feedforward: tuple[str, ...] = ("feedforward_output_dense|wo",)

    name = "ia3"
    title = "IA3"
    peft_type = "IA3"
    usual_targets = (
        "key|k|query_key_value",
        "value|v|query_key_value",
        "feedforward_output_dense|wo",
    )
    usual_rate = 1e-2
    pattern_fields = ("targets", "modules_to_save", "feedforward")
    layers: ClassVar = {keras.layers.Dense: IA3Dense, keras.layers.EinsumDense: IA3EinsumDense}
    suffixes = ("ia3_l",)
    peft_fields = frozenset({"feedforward_modules", "fan_in_fan_out", "init_ia3_weights"})

    def find(self, model: keras.Model, in_full: Iterable[Any]) -> list[Any]:
        """See `Method.find`; a pattern of `feedforward` must mean a target, unless it is the usual.

        Raises:
            AdapterError: It means none.
        """
        found = super().find(model, in_full)
        for pattern in set(self.feedforward) - set(IA3Config.feedforward):
            if not any(matches(pattern, layer.path) for layer in found):
                raise AdapterError(
                    f"The feedforward pattern {pattern!r} matches none of the {len(found)} "
                    "targets; name layers that the targets match too."
                )
        return found

    def settings_of(self, layer: keras.layers.Layer) -> IA3Settings:
        """Whether the layer is one of `feedforward`."""
        return IA3Settings(any(matches(pattern, layer.path) for pattern in self.feedforward))

    @classmethod
    def check(cls, layer: Any, settings: IA3Settings) -> None:
        """Refuses what is no plain projection, or is not multiplied along its last dimensions."""
        check_projection(layer, "a vector of IA3")
        factors = factors_of(layer)
        bias = layer.bias
        is_whole = bias is None or math.prod(bias.shape) == math.prod(factors.out_shape)
        if not (factors.ends and (settings.feedforward or is_whole)):
            raise AdapterError(
                f"Layer {layer.path!r} cannot take a vector of IA3 because its equation "
                f"{layer.equation!r} does not end in the dimensions to be scaled, or its bias has "
                "not all of them; leave it out of the targets."
            )

    @classmethod
    def merged(cls, layer: Any) -> list[tuple[keras.Variable, np.ndarray]]:
        """Kernel and bias times l, and an l of ones."""
        factors = factors_of(layer)
        is_feedforward = layer.adapter.settings.feedforward
        kernel, scale = (
            ops.convert_to_numpy(each).astype("float32") for each in (layer._kernel, layer.ia3_l)
        )
        equation = factors.in_scale if is_feedforward else factors.out_scale
        values = [
            (layer._kernel, np.einsum(equation, kernel, scale)),
            (layer.ia3_l, np.ones_like(scale)),
        ]
        if layer.bias is not None and not is_feedforward:
            bias = ops.convert_to_numpy(layer.bias).astype("float32")
            values.append((layer.bias, bias * scale.reshape(bias.shape)))
        return values

    @classmethod
    def slots(cls, module: Module, settings: IA3Settings) -> tuple[Slot, ...]:
        """L as PEFT keeps it: (1, in) of a feed-forward layer, else (out, 1)."""
        layer = module.layer
        factors = factors_of(layer)
        shape = (math.prod(factors.out_shape), 1)
        if settings.feedforward:
            shape = (1, math.prod(factors.in_shape))
        name = f"{module.name}.ia3_l"
        return (Slot(name, shape, lambda: layer.ia3_l, np.asarray, np.asarray),)

    @classmethod
    def from_peft(cls, fields: Fields) -> Callable[[str], IA3Settings]:
        """Reads which modules are feed-forward ones."""
        if fields.values.get("fan_in_fan_out"):
            fields.notes.append("fan_in_fan_out is ignored, as PEFT does for Linear layers")
        modules = fields.modules("feedforward_modules")
        if isinstance(modules.names, str):
            return lambda module: IA3Settings(modules.mean(module))
        ends = modules.names  # of letters, not of whole parts as the targets'
        return lambda module: IA3Settings(module.endswith(ends))

    @classmethod
    def to_peft(cls, settings: Mapping[str, IA3Settings]) -> dict[str, Any]:
        """Names the feed-forward modules."""
        return {
            "feedforward_modules": sorted(n for n, each in settings.items() if each.feedforward),
            "fan_in_fan_out": False,
            "init_ia3_weights": True,
        }
