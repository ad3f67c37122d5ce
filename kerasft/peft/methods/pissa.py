"""PiSSA: LoRA that begins with the principal singular vectors of the weight.

Meng, Wang and Zhang, "PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large
Language Models" (arXiv:2404.02948), section 3. With W = U S V^T and the r largest of its singular
values,

    A0 = U[:, :r] sqrt(S[:r] / s)          B0 = sqrt(S[:r] / s) V^T[:r]

    x (W - s A0 B0) + s (dropout(x) A) B          A starts as A0, B as B0

The paper and PEFT put the rest W - s A0 B0 in W's place. Here W stays as it is, in the model and in
its files, and x A0 B0 is subtracted: so a fresh adapter changes nothing, to the bit.

In a file: A and B, as LoRA's, with `init_lora_weights: "pissa"`. Who loads it, PEFT too, makes A0
and B0 anew from the base model's W (https://huggingface.co/docs/peft/package_reference/lora).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasft.errors import AdapterError
from kerasft.peft.methods.lora import LoRAConfig, LoRALayer, LoRASettings
from kerasft.peft.projections import factors_of, finish, project


class PiSSALayer(LoRALayer):
    """What `PiSSADense` and `PiSSAEinsumDense` share.

    Attributes:
        start_a: A0, `(*contracted dims, rank)`; it never trains.
        start_b: B0, `(rank, *output dims)`; it never trains.
    """

    added = (*LoRALayer.added, "start_a", "start_b")

    start_a: Any
    start_b: Any

    def add_adapter(self) -> None:
        """Makes A and B and what they start from, and the dropout's random state."""
        super().add_adapter()
        a, b = self._principal()
        self.start_a, self.start_b = self._frozen("start_a", a), self._frozen("start_b", b)
        if not self.adapter.is_loading:
            self.lora_a.assign(a)
            self.lora_b.assign(b)

    def _frozen(self, name: str, array: np.ndarray) -> Any:
        layer: Any = self
        return layer.add_weight(array.shape, lambda *_, **__: array, trainable=False, name=name)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Computes activation(x (W - s A0 B0) + s (dropout(x) A) B + b).

        Args:
            inputs: x, `(batch, ..., *contracted dims)`.
            training: Whether the adapter's dropout is drawn.

        Returns:
            `(batch, ..., *output dims)`.
        """
        self.check_trainable(training)
        low = self.low_rank(self.drop(inputs, training), self.lora_a, self.lora_b)
        start = self.low_rank(inputs, self.start_a, self.start_b)
        return finish(self, ops.add(project(self, inputs), ops.subtract(low, start)))

    def _principal(self) -> tuple[np.ndarray, np.ndarray]:
        """A0 and B0 of the kernel; by NumPy, so that every backend has the same."""
        layer: Any = self
        settings, factors = self.adapter.settings, self._factors
        kernel = ops.convert_to_numpy(layer.kernel).astype("float64")
        matrix = np.moveaxis(kernel, factors.in_axes, range(len(factors.in_axes)))
        u, s, v = np.linalg.svd(matrix.reshape(math.prod(factors.in_shape), -1), False)
        root = np.sqrt(s[: settings.rank] / settings.scale)
        a, b = u[:, : settings.rank] * root, root[:, None] * v[: settings.rank]
        a, b = a.reshape(*factors.in_shape, -1), b.reshape(-1, *factors.out_shape)
        return a.astype("float32"), b.astype("float32")


@keras.saving.register_keras_serializable("kerasft")
class PiSSADense(PiSSALayer, keras.layers.Dense):
    """`keras.layers.Dense` with a low-rank path that begins with the weight's principal part.

    Usually made by `kerasft.peft.apply` out of a built `Dense`; can also be constructed like one,
    with `rank`, `alpha`, `dropout` and `rank_stabilized` besides.

    Example:
        >>> PiSSADense(3, rank=2, alpha=8)(np.ones((2, 5))).shape
        (2, 3)
    """


@keras.saving.register_keras_serializable("kerasft")
class PiSSAEinsumDense(PiSSALayer, keras.layers.EinsumDense):
    """`keras.layers.EinsumDense` with a low-rank path that begins with the weight's principal part.

    Example:
        >>> layer = PiSSAEinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de", rank=4)
        >>> layer(np.ones((1, 5, 8))).shape
        (1, 5, 2, 4)
    """


@dataclass(frozen=True)
class PiSSAConfig(LoRAConfig):
    """The config of PiSSA, for `kerasft.apply`; its fields are those of `LoRAConfig`.

    Attributes:
        rank: Number of singular vectors that train; at most the smaller side of the weight.
        alpha: The update x A B is multiplied by alpha / rank; A and B are scaled to make up for it.

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = PiSSAConfig(targets=("query", "value"), modules_to_save=("classifier",))
    """

    name = "pissa"
    title = "PiSSA"
    starts = ("pissa",)
    layers: ClassVar = {
        keras.layers.Dense: PiSSADense,
        keras.layers.EinsumDense: PiSSAEinsumDense,
    }

    @classmethod
    def check(cls, layer: Any, settings: LoRASettings) -> None:
        """Refuses what is no plain projection, or has too few singular values."""
        super().check(layer, settings)
        factors = factors_of(layer)
        most = min(math.prod(factors.in_shape), math.prod(factors.out_shape))
        if settings.rank > most:
            raise AdapterError(
                f"Layer {layer.path!r} has {most} singular vectors, so PiSSA cannot take "
                f"{settings.rank} of them; choose a rank of at most {most}."
            )

    @classmethod
    def merged(cls, layer: Any) -> list[tuple[keras.Variable, np.ndarray]]:
        """The kernel W + s (A B - A0 B0), and A and B as they started."""
        (kernel, moved), _ = super().merged(layer)
        a, b = (ops.convert_to_numpy(each) for each in (layer.start_a, layer.start_b))
        start = layer.adapter.settings.scale * np.einsum(layer._factors.product, a, b)
        return [(kernel, moved - start), (layer.lora_a, a), (layer.lora_b, b)]

    @classmethod
    def to_peft(cls, settings: Mapping[str, LoRASettings]) -> dict[str, Any]:
        """LoRA's fields, and how it started."""
        return {**super().to_peft(settings), "init_lora_weights": "pissa"}
