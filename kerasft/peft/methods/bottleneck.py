"""Bottleneck adapters: two small layers inside each block, with a residual connection around them.

A sublayer (attention, feed-forward) makes h of x, and the block goes on with norm(x + h); in blocks
that normalize first, with x + h. An adapter reads r and adds its z to h:

    z = s * (f(r D + d) U + u)           D (in, size), U (size, out), size = in / reduction_factor

    style      r              after                         source
    houlsby    h              attention and feed-forward    Houlsby et al. (arXiv:1902.00751), 2.1
    pfeiffer   norm(x + h)    feed-forward                  Pfeiffer et al. (arXiv:2005.00247)
    parallel   x              feed-forward                  He et al. (arXiv:2110.04366), 3.3

These are AdapterHub's `DoubleSeqBnConfig`, `SeqBnConfig` and `ParBnConfig`, with their defaults
(https://docs.adapterhub.ml/methods.html#bottleneck-adapters). One thing differs: U and u start at
zero in all of them, so a fresh adapter changes nothing.

In any other Keras model an adapter can stand at a `Dense` layer: x is its input, h its output, and
h + z what it returns; "pfeiffer" reads h there.

PEFT has no such method, so its files are ours alone and PEFT does not load them: the same two
files, `"peft_type": "BOTTLENECK"`, with the fields of `BottleneckConfig`. The arrays have
AdapterHub's names after the place's: `adapter_down.0.weight` (size, in), `adapter_down.0.bias`,
`adapter_up.weight` (out, size) and `adapter_up.bias`.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import keras
import numpy as np
from keras import ops

from kerasft.errors import AdapterError, ConfigError
from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.inner_layers import all_layers
from kerasft.layers.residual_connection import ResidualConnection
from kerasft.peft.adapted import AdaptedLayer
from kerasft.peft.fields import Fields
from kerasft.peft.methods.method import Method
from kerasft.peft.modules import Module, Slot
from kerasft.peft.projections import check_projection, factors_of

Style = Literal["houlsby", "pfeiffer", "parallel"]

_FEED_FORWARD = "feed_?forward_residual"
_PLACES: dict[str, tuple[str, ...]] = {
    "houlsby": ("self_attention_residual", _FEED_FORWARD),
    "pfeiffer": (_FEED_FORWARD,),
    "parallel": (_FEED_FORWARD,),
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "houlsby": {"reduction_factor": 16, "non_linearity": "silu", "scaling": 1.0},
    "pfeiffer": {"reduction_factor": 16, "non_linearity": "relu", "scaling": 1.0},
    "parallel": {"reduction_factor": 2, "non_linearity": "relu", "scaling": 4.0},
}


@dataclass(frozen=True)
class BottleneckSettings:
    """The numbers of one layer's adapter.

    Attributes:
        style: What it reads: "houlsby", "pfeiffer" or "parallel".
        reduction_factor: How many times narrower than what it reads it is inside; 16 by default,
            2 for "parallel".
        non_linearity: f, one of `ACTIVATIONS`; "relu" by default, "silu" for "houlsby".
        scaling: s; 1 by default, 4 for "parallel".

    Raises:
        ConfigError: A value is out of range or of the wrong type.
    """

    style: Style = "houlsby"
    reduction_factor: float | None = None
    non_linearity: str | None = None
    scaling: float | None = None

    def __post_init__(self) -> None:
        _one_of("style", self.style, get_args(Style))
        for name, value in _DEFAULTS[self.style].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        _one_of("non_linearity", self.non_linearity, ACTIVATIONS)
        for name in ("reduction_factor", "scaling"):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not 0 < value < math.inf:
                raise ConfigError(f"A bottleneck's {name} must be a number above 0, got {value!r}.")


class BottleneckLayer(AdaptedLayer):
    """What the layers with an adapter share.

    Attributes:
        adapter_down: D, `(in, size)`, drawn from U(-1/sqrt(in), 1/sqrt(in)).
        adapter_down_bias: d, `(size,)`, zeros at first.
        adapter_up: U, `(size, out)`, zeros at first.
        adapter_up_bias: u, `(out,)`, zeros at first.
    """

    settings_class = BottleneckSettings
    added = ("adapter_down", "adapter_down_bias", "adapter_up", "adapter_up_bias")

    adapter_down: Any
    adapter_down_bias: Any
    adapter_up: Any
    adapter_up_bias: Any

    def add_adapter(self) -> None:
        """Makes D, d, U and u."""
        into, size, out = _sizes(self, self.adapter.settings)
        uniform = keras.initializers.RandomUniform(-(into**-0.5), into**-0.5)
        self.adapter_down = self.add_variable("adapter_down", (into, size), uniform)
        self.adapter_down_bias = self.add_variable("adapter_down_bias", (size,), "zeros")
        self.adapter_up = self.add_variable("adapter_up", (size, out), "zeros")
        self.adapter_up_bias = self.add_variable("adapter_up_bias", (out,), "zeros")

    def bottleneck(self, r: Any) -> Any:
        """Computes z.

        Args:
            r: What the adapter reads, `(..., in)`.

        Returns:
            `(..., out)`.
        """
        settings = self.adapter.settings
        thin = ops.add(ops.matmul(r, self.adapter_down), self.adapter_down_bias)
        thin = ACTIVATIONS[settings.non_linearity](thin)  # (..., size)
        z = ops.add(ops.matmul(thin, self.adapter_up), self.adapter_up_bias)
        return z if settings.scaling == 1 else ops.multiply(z, settings.scaling)


@keras.saving.register_keras_serializable("kerasft")
class BottleneckResidualConnection(BottleneckLayer, ResidualConnection):
    """`ResidualConnection` with an adapter: norm(x + h + z), or x + h + z.

    Made by `kerasft.peft.apply` out of a block's.
    """

    def add(self, x: Any, added: Any) -> Any:
        """See `ResidualConnection.add`; both arguments are `(batch, length, width)`."""
        style = self.adapter.settings.style
        if style == "houlsby":
            read = added
        elif style == "parallel":
            read = x
        else:
            read = super().add(x, added)
        return super().add(x, ops.add(added, self.bottleneck(read)))


class BottleneckProjection(BottleneckLayer):
    """What `BottleneckDense` and `BottleneckEinsumDense` share."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Computes h + z.

        Args:
            inputs: x, `(batch, ..., *contracted dims)`.

        Returns:
            `(batch, ..., out)`.
        """
        h = super().call(inputs, training=training)  # type: ignore[misc]
        return ops.add(h, self.bottleneck(inputs if _reads_input(self.adapter.settings) else h))


@keras.saving.register_keras_serializable("kerasft")
class BottleneckDense(BottleneckProjection, keras.layers.Dense):
    """`keras.layers.Dense` with an adapter behind it, or beside it.

    Usually made by `kerasft.peft.apply` out of a built `Dense`; can also be constructed like one,
    with `style`, `reduction_factor`, `non_linearity` and `scaling` besides.

    Example:
        >>> BottleneckDense(32, reduction_factor=4)(np.ones((2, 5))).shape
        (2, 32)
    """


@keras.saving.register_keras_serializable("kerasft")
class BottleneckEinsumDense(BottleneckProjection, keras.layers.EinsumDense):
    """`keras.layers.EinsumDense` with an adapter behind it, or beside it.

    Example:
        >>> layer = BottleneckEinsumDense("abcd,cde->abe", (None, 32), bias_axes="e")
        >>> layer(np.ones((1, 5, 2, 16))).shape
        (1, 5, 32)
    """


@dataclass(frozen=True)
class BottleneckConfig(BottleneckSettings, Method):
    """The config of bottleneck adapters, for `kerasft.apply`.

    Attributes:
        targets: Regular expressions over layer paths (see `kerasft.peft.targets`) of residual
            connections and `Dense` layers; those that they match get an adapter. By default the
            residual connections that belong to the style, in all blocks.
        style: Where the adapters are: "houlsby" after attention and feed-forward, "pfeiffer" after
            feed-forward, "parallel" beside feed-forward.
        reduction_factor: The model's width divided by the adapter's; null is 16, or 2 for
            "parallel".
        non_linearity: Activation inside the adapter: relu, silu, gelu, gelu_approximate or tanh;
            null is relu, or silu for "houlsby".
        scaling: Factor on the adapter's output; null is 1, or 4 for "parallel".
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the adapters (the head).

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = BottleneckConfig(style="pfeiffer", modules_to_save=("classifier",))
    """

    targets: tuple[str, ...] = ()

    name = "adapter"
    title = "Adapter tuning"
    peft_type = "BOTTLENECK"
    usual_targets = ()
    usual_rate = 2e-3
    layers: ClassVar = {
        ResidualConnection: BottleneckResidualConnection,
        keras.layers.Dense: BottleneckDense,
        keras.layers.EinsumDense: BottleneckEinsumDense,
    }
    kind = "residual connection or Dense layer"
    suffixes = (
        *("adapter_down.0.weight", "adapter_down.0.bias"),
        *("adapter_up.weight", "adapter_up.bias"),
    )
    peft_fields = frozenset(each.name for each in dataclasses.fields(BottleneckSettings))
    merges = False

    def __post_init__(self) -> None:
        Method.__post_init__(self)
        self.resolved()

    def find(self, model: keras.Model, in_full: Iterable[Any]) -> list[Any]:
        """See `Method.find`; without targets it finds the places of the style.

        Raises:
            AdapterError: There are none.
        """
        if self.targets:
            return super().find(model, in_full)
        if not any(isinstance(layer, ResidualConnection) for layer in all_layers(model)):
            raise AdapterError(
                "The model has no residual connections of kerasft's layers, where bottleneck "
                "adapters usually stand; name the Dense layers that they are to follow as targets."
            )
        return dataclasses.replace(self, targets=_PLACES[self.style]).find(model, in_full)

    def settings_of(self, layer: keras.layers.Layer) -> BottleneckSettings:
        """The same numbers for every layer."""
        return self.resolved()

    def resolved(self) -> BottleneckSettings:
        """The numbers, where none is given those of the style.

        Raises:
            ConfigError: One cannot work.
        """
        return BottleneckSettings(
            self.style, self.reduction_factor, self.non_linearity, self.scaling
        )

    @classmethod
    def check(cls, layer: Any, settings: BottleneckSettings) -> None:
        """Refuses what is no plain projection, or has heads where one width is needed."""
        if type(layer) is ResidualConnection:
            return
        check_projection(layer, "a bottleneck adapter")
        factors = factors_of(layer)
        shapes = [factors.out_shape, *([factors.in_shape] if _reads_input(settings) else [])]
        if not factors.ends or any(len(shape) > 1 for shape in shapes):
            raise AdapterError(
                f"Layer {layer.path!r} cannot take a bottleneck adapter of style "
                f"{settings.style!r} because what that would read or add to is not the last "
                f"dimension alone in its equation {layer.equation!r}; leave it out of the targets."
            )

    @classmethod
    def slots(cls, module: Module, settings: BottleneckSettings) -> tuple[Slot, ...]:
        """D, d, U and u as AdapterHub keeps them: matrices as (out, in)."""
        layer = module.layer
        into, size, out = _sizes(layer, settings)

        def slot(suffix: str, attribute: str, *shape: int) -> Slot:
            turn = np.transpose if len(shape) == 2 else np.asarray
            name = f"{module.name}.{suffix}"
            return Slot(name, shape, lambda: getattr(layer, attribute), turn, turn)

        return (
            slot("adapter_down.0.weight", "adapter_down", size, into),
            slot("adapter_down.0.bias", "adapter_down_bias", size),
            slot("adapter_up.weight", "adapter_up", out, size),
            slot("adapter_up.bias", "adapter_up_bias", out),
        )

    @classmethod
    def from_peft(cls, fields: Fields) -> Callable[[str], BottleneckSettings]:
        """Reads the numbers, the same for every module."""
        numbers: dict[str, Any] = {name: fields.values.get(name) for name in cls.peft_fields}
        settings = BottleneckSettings(**numbers)
        return lambda module: settings

    @classmethod
    def to_peft(cls, settings: Mapping[str, BottleneckSettings]) -> dict[str, Any]:
        """Those of the first module; all have the same."""
        return dataclasses.asdict(next(iter(settings.values())))


def _one_of(name: str, value: Any, known: Iterable[str]) -> None:
    if value not in tuple(known):
        raise ConfigError(
            f"A bottleneck's {name} must be one of {', '.join(known)}, not {value!r}."
        )


def _reads_input(settings: BottleneckSettings) -> bool:
    return settings.style == "parallel"


def _sizes(layer: Any, settings: BottleneckSettings) -> tuple[int, int, int]:
    """How wide what an adapter reads is, the adapter itself, and what it adds to."""
    if isinstance(layer, ResidualConnection):
        into = out = layer.norm.weights[0].shape[-1]
    else:
        factors = factors_of(layer)
        out = factors.out_shape[-1]
        into = factors.in_shape[-1] if _reads_input(settings) else out
    return into, max(1, int(into // settings.reduction_factor)), out
