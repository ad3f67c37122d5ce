"""LoRA: a frozen weight W plus a trainable product of two thin matrices.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv:2106.09685), section 4.1:

    x ---> W (frozen) -----------------> + ---> bias, activation
    |                                    ^
    +--> dropout --> A (in, r) --> B (r, out) * s          s = alpha / r

B starts at zero, so a fresh adapter changes nothing. While training, only thin products are formed;
W + s A B exists only after `merge`. "Rank-stabilized" means s = alpha / sqrt(r) (Kalajdzievski,
"A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", arXiv:2312.03732, section 3).
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasft.errors import AdapterError, ConfigError
from kerasft.peft.adapted import AdaptedLayer, drop_attributes, reopened
from kerasft.peft.equations import Factors, dense_factors, einsum_factors
from kerasft.peft.methods.lora_settings import LoRASettings


@dataclass(frozen=True)
class LoRAConfig:
    """What `kerasft.peft.apply` needs to know to put LoRA on a model.

    Attributes:
        targets: Regular expressions over layer paths (see `kerasft.peft.targets`); the layers
            that they match get an adapter.
        rank: r, the width of the bottleneck, from 1 to 4096.
        alpha: Strength; x A B is multiplied by alpha / rank.
        dropout: Share of the adapter's inputs that is zeroed while training, in [0, 1).
        rank_stabilized: Multiply by alpha / sqrt(rank) instead.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the adapter (the head).
        bias: Which biases of the frozen layers train; only "none" is supported.

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = LoRAConfig(targets=("transformer_layer_[45]/.*/(query|value)",), rank=8,
        ...                     modules_to_save=("classifier",))
    """

    targets: tuple[str, ...]
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    rank_stabilized: bool = False
    modules_to_save: tuple[str, ...] = ()
    bias: str = "none"

    def __post_init__(self) -> None:
        for name in ("targets", "modules_to_save"):
            patterns = getattr(self, name)
            if isinstance(patterns, str):
                raise ConfigError(
                    f"LoRA's {name} must be a list of patterns, got the text {patterns!r}; "
                    f"write [{patterns!r}]."
                )
            if not all(isinstance(each, str) for each in patterns):
                raise ConfigError(f"LoRA's {name} must be a list of patterns, got {patterns!r}.")
            object.__setattr__(self, name, tuple(patterns))
        if self.bias != "none":
            raise ConfigError(
                f"LoRA's bias policy {self.bias!r} is not supported; 'none' keeps every bias of a "
                "frozen layer frozen (name a layer in modules_to_save to train it in full)."
            )
        _ = self.settings

    @property
    def settings(self) -> LoRASettings:
        """The numbers of one layer's adapter."""
        return LoRASettings(self.rank, self.alpha, self.dropout, self.rank_stabilized)

    @property
    def kinds(self) -> tuple[type, ...]:
        """The Keras classes that this method can adapt."""
        return tuple(LORA_CLASSES)

    def check(self, layer: keras.layers.Layer) -> None:
        """Refuses a layer that LoRA cannot adapt.

        Raises:
            AdapterError: It names the layer and the reason.
        """
        check_adaptable(layer)

    def adapt(self, layer: keras.layers.Layer) -> None:
        """Puts a fresh adapter on a layer, in place."""
        adapt(layer, self.settings)


class LoRALayer(AdaptedLayer):
    """What `LoRADense` and `LoRAEinsumDense` share.

    Attributes:
        lora: The adapter's `LoRASettings`.
        lora_a: A, `(*contracted dims, rank)`, drawn from U(-1/sqrt(in), 1/sqrt(in)).
        lora_b: B, `(rank, *output dims)`, zeros at first.
    """

    lora: LoRASettings
    lora_a: Any
    lora_b: Any
    _kernel: Any
    _factors: Factors
    _lora_seed: keras.random.SeedGenerator | None
    _aside: "_Aside | None"

    def __init__(
        self,
        *args: Any,
        rank: int = 8,
        alpha: float = 16.0,
        dropout: float = 0.05,
        rank_stabilized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lora = LoRASettings(rank, alpha, dropout, rank_stabilized)

    def build(self, input_shape: Any) -> None:
        """Makes the plain layer's weights, then A and B."""
        super().build(input_shape)  # type: ignore[misc]
        self.add_adapter()

    def add_adapter(self) -> None:
        """Makes A, B and the dropout's random state (the settings are in `lora`)."""
        layer: Any = self
        self._factors = factors_of(layer)
        self._aside = None
        bound = 1.0 / math.sqrt(math.prod(self._factors.in_shape))
        self.lora_a = layer.add_weight(
            shape=(*self._factors.in_shape, self.lora.rank),
            initializer=keras.initializers.RandomUniform(-bound, bound),
            name="lora_a",
        )
        self.lora_b = layer.add_weight(
            shape=(self.lora.rank, *self._factors.out_shape), initializer="zeros", name="lora_b"
        )
        self._lora_seed = None
        if self.lora.dropout:
            self._lora_seed = keras.random.SeedGenerator(name="lora_dropout")

    def low_rank(self, x: Any, training: bool | None) -> Any:
        """Computes s (dropout(x) A) B.

        Args:
            x: The layer's input, `(..., *contracted dims)`.
            training: Whether dropout is drawn.

        Returns:
            What is added to x W, `(..., *output dims)`.
        """
        if training and self.is_merged:
            raise AdapterError(
                "A merged adapter cannot be trained; call kerasft.peft.unmerge(model) first."
            )
        if training and self._lora_seed is not None:
            x = keras.random.dropout(x, self.lora.dropout, seed=self._lora_seed)
        thin = ops.einsum(self._factors.down, x, self.lora_a)  # (..., rank)
        thin = ops.multiply(thin, self.lora.scale)  # here, where the tensor is smallest
        return ops.einsum(self._factors.up, thin, self.lora_b)

    def finish(self, y: Any) -> Any:
        """Adds the bias and applies the activation, as the plain layer does."""
        layer: Any = self
        if layer.bias is not None:
            y = ops.add(y, layer.bias)
        return y if layer.activation is None else layer.activation(y)

    @property
    def is_merged(self) -> bool:
        """Whether s A B is currently inside the kernel."""
        return self._aside is not None

    def merge(self) -> None:
        """Adds s A B to the kernel and sets B to zero, keeping both as they were aside.

        With B at zero the low-rank path adds nothing, so a function that was compiled before the
        merge still gives the right outputs.
        """
        if self.is_merged:
            return
        kernel = keras.ops.convert_to_numpy(self._kernel)
        b = keras.ops.convert_to_numpy(self.lora_b)
        a = keras.ops.convert_to_numpy(self.lora_a)
        delta = np.einsum(self._factors.product, a.astype("float32"), b.astype("float32"))
        self._kernel.assign(kernel.astype("float32") + self.lora.scale * delta)
        self.lora_b.assign(np.zeros_like(b))
        self._aside = _Aside(kernel, b)

    def unmerge(self) -> None:
        """Puts the kernel and B back as they were before `merge`, bit for bit."""
        if self._aside is None:
            return
        self._kernel.assign(self._aside.kernel)
        self.lora_b.assign(self._aside.b)
        self._aside = None

    def restore(self) -> None:
        """Merges for good and turns the layer back into a plain one."""
        self.merge()
        names = ["lora", "lora_a", "lora_b", "_lora_seed", "_factors", "_aside"]
        drop_attributes(self, names)
        self.__class__ = self.plain_class

    def save_own_variables(self, store: Any) -> None:
        """Adds A and B to what Keras keeps of the plain layer (`save`, `save_weights`)."""
        super().save_own_variables(store)  # type: ignore[misc]
        store["lora_a"], store["lora_b"] = self.lora_a, self.lora_b

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote."""
        super().load_own_variables(store)  # type: ignore[misc]
        self.lora_a.assign(store["lora_a"])
        self.lora_b.assign(store["lora_b"])

    def get_config(self) -> dict[str, Any]:
        """The plain layer's config and the adapter's numbers."""
        return {
            **super().get_config(),  # type: ignore[misc]
            "rank": self.lora.rank,
            "alpha": self.lora.alpha,
            "dropout": self.lora.dropout,
            "rank_stabilized": self.lora.rank_stabilized,
        }


@keras.saving.register_keras_serializable("kerasft")
class LoRADense(LoRALayer, keras.layers.Dense):
    """`keras.layers.Dense` with a low-rank path: activation(x W + s (x A) B + b).

    Usually made by `kerasft.peft.apply` out of a built `Dense`; can also be constructed like one,
    with `rank`, `alpha`, `dropout` and `rank_stabilized` besides.

    Shapes: x `(batch, ..., in)`, W `(in, units)`, A `(in, rank)`, B `(rank, units)`, result
    `(batch, ..., units)`.

    Example:
        >>> LoRADense(3, rank=4, alpha=8)(np.ones((2, 5))).shape
        (2, 3)
    """

    plain_class: ClassVar[type] = keras.layers.Dense

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Applies the layer.

        Args:
            inputs: `(batch, ..., in)`.
            training: Whether the adapter's dropout is drawn.
        """
        y = ops.matmul(inputs, self.kernel)  # (batch, ..., units)
        return self.finish(ops.add(y, self.low_rank(inputs, training)))


@keras.saving.register_keras_serializable("kerasft")
class LoRAEinsumDense(LoRALayer, keras.layers.EinsumDense):
    """`keras.layers.EinsumDense` with a low-rank path, e.g. for attention's query and value.

    A keeps the kernel's contracted dimensions and B its output dimensions: for
    "abc,cde->abde" A is `(c, rank)` and B `(rank, d, e)`; for "abcd,cde->abe" A is `(c, d, rank)`
    and B `(rank, e)`. Flattened, they are what PEFT puts on the equivalent `torch.nn.Linear`.

    Example:
        >>> layer = LoRAEinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de", rank=4)
        >>> layer(np.ones((1, 5, 8))).shape
        (1, 5, 2, 4)
    """

    plain_class: ClassVar[type] = keras.layers.EinsumDense

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Applies the layer.

        Args:
            inputs: As the equation's first operand says, e.g. `(batch, length, d_model)`.
            training: Whether the adapter's dropout is drawn.
        """
        y = ops.einsum(self.equation, inputs, self.kernel)
        return self.finish(ops.add(y, self.low_rank(inputs, training)))


LORA_CLASSES: dict[type, type[LoRALayer]] = {
    keras.layers.Dense: LoRADense,
    keras.layers.EinsumDense: LoRAEinsumDense,
}


def factors_of(layer: keras.layers.Layer) -> Factors:
    """How a built `Dense` or `EinsumDense` splits into A and B.

    Raises:
        AdapterError: The equation of the `EinsumDense` is no plain projection.
    """
    shape = tuple(layer._kernel.shape)
    if isinstance(layer, keras.layers.EinsumDense):
        return einsum_factors(layer.equation, shape, where=layer.path)
    return dense_factors(shape)


def check_adaptable(layer: keras.layers.Layer) -> None:
    """Refuses a layer that LoRA cannot adapt.

    Raises:
        AdapterError: It names the layer and the reason.
    """
    name = f"Layer {layer.path!r} cannot take a LoRA adapter because it"
    advice = "leave it out of the targets."
    if isinstance(layer, AdaptedLayer):
        raise AdapterError(f"{name} already has an adapter; call kerasft.peft.remove(model) first.")
    if type(layer) not in LORA_CLASSES:
        kinds = " or ".join(kind.__name__ for kind in LORA_CLASSES)
        raise AdapterError(f"{name} is a {type(layer).__name__} and not a {kinds}; {advice}")
    if layer.quantization_mode is not None:
        raise AdapterError(f"{name} is quantized ({layer.quantization_mode}); {advice}")
    if layer.lora_enabled:
        raise AdapterError(f"{name} has Keras's own LoRA enabled; build the model without it.")
    factors_of(layer)


def adapt(layer: keras.layers.Layer, settings: LoRASettings) -> None:
    """Turns a built `Dense` or `EinsumDense` into its LoRA twin, in place.

    `refresh` the outermost model afterwards; `kerasft.peft.apply` does all of it.

    Args:
        layer: The layer; its kernel and bias stay as they are.
        settings: The adapter's numbers.

    Raises:
        AdapterError: The layer cannot be adapted.
    """
    check_adaptable(layer)
    with reopened(layer):
        layer.__class__ = LORA_CLASSES[type(layer)]
        layer.lora = settings
        layer.add_adapter()


@dataclass(frozen=True)
class _Aside:
    """What `merge` keeps so that `unmerge` is exact: the kernel and B as they were."""

    kernel: np.ndarray
    b: np.ndarray
