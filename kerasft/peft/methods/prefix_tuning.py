"""Prefix tuning: trained keys and values before those of the text, in every attention layer.

Li and Liang, "Prefix-Tuning: Optimizing Continuous Prompts for Generation" (arXiv:2101.00190),
section 4; Liu et al., "P-Tuning v2" (arXiv:2110.07602), the same for understanding:

    Attention(Q, [P_K; K], [P_V; V])         P_K, P_V (num_virtual_tokens, d_model) in each layer

Every query may look at the prefix. While training, one small network may make the prefixes of all
layers ("prefix_projection", section 4.3), P = tanh(E W1 + b1) W2 + b2; P-tuning v2 has none.

In a file, as https://huggingface.co/docs/peft/package_reference/prefix_tuning has it: one array
`prompt_embeddings` (num_virtual_tokens, 2 * layers * d_model), the network's output, and the head
under `base_model.`. PEFT gives a prefix to the layers whose keys and values transformers can cache
(`past_key_values`): all of a BERT, a T5's decoder. Adapters on other layers have files of our own,
with `<module>.prefix_keys` and `<module>.prefix_values`, which PEFT does not load.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasft.architectures import HeadedEncoder, TwinModel
from kerasft.errors import AdapterError, ConfigError
from kerasft.layers import MultiHeadAttention, SelfAttention, T5Attention
from kerasft.layers.inner_layers import all_layers
from kerasft.layers.masks import with_earlier
from kerasft.peft.adapted import AdaptedLayer
from kerasft.peft.fields import Fields
from kerasft.peft.methods.method import Method
from kerasft.peft.modules import Module, SideBySide, Slot
from kerasft.peft.targets import find_layers

ARRAY = "prompt_embeddings"


@dataclass(frozen=True)
class PrefixSettings:
    """The numbers of one layer's prefix.

    Attributes:
        num_virtual_tokens: Number of keys and values before those of the text.
        prefix_projection: Compute the prefixes with a small network while training.
        encoder_hidden_size: Width of that network.

    Raises:
        ConfigError: A number is out of range or of the wrong type.
    """

    num_virtual_tokens: int = 20
    prefix_projection: bool = False
    encoder_hidden_size: int = 512

    def __post_init__(self) -> None:
        for name, most in {"num_virtual_tokens": 10_000, "encoder_hidden_size": 100_000}.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise ConfigError(
                    f"The {name} of prefix tuning must be a whole number from 1 to {most:,}, got "
                    f"{value!r}."
                )
        if not isinstance(self.prefix_projection, bool):
            raise ConfigError(
                "The prefix_projection of prefix tuning must be true or false, got "
                f"{self.prefix_projection!r}."
            )


class PrefixLayer(AdaptedLayer):
    """What the attention layers with a prefix share.

    Attributes:
        prefix_keys: P_K, (num_virtual_tokens, heads, d_k), drawn from N(0, 1).
        prefix_values: P_V, of the same shape.

    With a projection in place of both, the first three the same variables in all layers:

    Attributes:
        prefix_tokens: E, (num_virtual_tokens, heads * d_k), drawn from N(0, 1).
        prefix_inner: W1, (heads * d_k, encoder_hidden_size), and its bias.
        prefix_outer: W2 for this layer, (encoder_hidden_size, 2, heads, d_k), and its bias.
    """

    settings_class = PrefixSettings
    helpers = ("prefix_length",)

    prefix_keys: Any
    prefix_values: Any
    prefix_tokens: Any
    prefix_inner: Any
    prefix_inner_bias: Any
    prefix_outer: Any
    prefix_outer_bias: Any

    positions_in_mask: bool
    axis: ClassVar[int]
    """The axis of keys and values along which the positions stand."""

    @property
    def added(self) -> tuple[str, ...]:  # type: ignore[override]  # it depends on the settings
        """Names of the variables."""
        if not self.adapter.settings.prefix_projection:
            return ("prefix_keys", "prefix_values")
        parts = ("tokens", "inner", "inner_bias", "outer", "outer_bias")
        return tuple(f"prefix_{part}" for part in parts)

    def add_adapter(self) -> None:
        """Makes the variables; those that all layers share only in the first of them."""
        layer: Any = self
        settings, shared = self.adapter.settings, self.adapter.shared
        tokens, hidden = settings.num_virtual_tokens, settings.encoder_hidden_size
        head = (layer.heads, layer.d_k)
        width = math.prod(head)
        self.prefix_length = tokens
        # Each its own: Keras's initializers draw the same numbers at every call.
        if not settings.prefix_projection:
            for name in self.added:
                setattr(self, name, self.add_variable(name, (tokens, *head), _normal()))
            return
        for name, shape, start in (
            ("prefix_tokens", (tokens, width), _normal()),
            ("prefix_inner", (width, hidden), _uniform(width)),
            ("prefix_inner_bias", (hidden,), "zeros"),
        ):
            if name not in shared:
                shared[name] = self.add_variable(name, shape, start)
            setattr(self, name, shared[name])
        self.prefix_outer = self.add_variable("prefix_outer", (hidden, 2, *head), _uniform(hidden))
        self.prefix_outer_bias = self.add_variable("prefix_outer_bias", (2, *head), "zeros")

    def prefix(self) -> tuple[Any, Any]:
        """P_K and P_V, (num_virtual_tokens, heads, d_k)."""
        if not self.adapter.settings.prefix_projection:
            return self.prefix_keys, self.prefix_values
        inner = ops.tanh(ops.matmul(self.prefix_tokens, self.prefix_inner) + self.prefix_inner_bias)
        both = ops.tensordot(inner, self.prefix_outer, axes=1) + self.prefix_outer_bias
        return both[:, 0], both[:, 1]

    def with_prefix(self, key: Any, value: Any, attention_mask: Any) -> tuple[Any, Any, Any]:
        """Puts the prefix before keys and values; every query may look at it.

        Args:
            key: (batch, s, heads, d_k) or (batch, heads, s, d_k), by the layer.
            value: The same shape.
            attention_mask: As in the layer's `call`, or None.
        """
        keys, values = map(self._before, self.prefix(), (key, value))
        if attention_mask is not None and not self.positions_in_mask:
            attention_mask = with_earlier(attention_mask, self.prefix_length)
        return keys, values, attention_mask

    def _before(self, prefix: Any, given: Any) -> Any:
        if self.axis == 2:
            prefix = ops.transpose(prefix, (1, 0, 2))  # (heads, num_virtual_tokens, d_k)
        first = given[:, :1] if self.axis == 1 else given[:, :, :1]
        rows = ops.zeros_like(first) + ops.cast(prefix, given.dtype)[None]  # one for each row
        return ops.concatenate([rows, given], axis=self.axis)


@keras.saving.register_keras_serializable("kerasft")
class PrefixSelfAttention(PrefixLayer, SelfAttention):
    """`kerasft.layers.SelfAttention` with a prefix.

    Usually made by `kerasft.peft.apply` out of a built layer; can also be constructed like one,
    with `num_virtual_tokens`, `prefix_projection` and `encoder_hidden_size` besides.

    Example:
        >>> attention = PrefixSelfAttention(d_model=16, heads=4, num_virtual_tokens=5)
        >>> attention(x, x, attention_mask=padding_mask(token_ids, 0))  # (batch, length, 16)
    """

    axis = 1


@keras.saving.register_keras_serializable("kerasft")
class PrefixMultiHeadAttention(PrefixLayer, MultiHeadAttention):
    """`kerasft.layers.MultiHeadAttention` with a prefix.

    Example:
        >>> attention = PrefixMultiHeadAttention(d_model=16, heads=4, num_virtual_tokens=5)
        >>> attention(x, x, x, attention_mask=causal_mask(5))  # (batch, 5, 16)
    """

    axis = 2


@keras.saving.register_keras_serializable("kerasft")
class PrefixRelativeAttention(PrefixLayer, T5Attention):
    """`kerasft.layers.T5Attention` with a prefix, at the positions before the first."""

    axis = 2


@dataclass(frozen=True)
class PrefixTuningConfig(PrefixSettings, Method):
    """The config of prefix tuning, for `kerasft.apply`.

    Attributes:
        targets: Regular expressions over the paths of attention layers (see
            `kerasft.peft.targets`), such as "self_attention_layer". By default all to which PEFT
            gives a prefix (of a T5 the decoder's to itself), or simply all where PEFT has none.
        num_virtual_tokens: Number of virtual tokens before each text. In a BERT each takes one
            position.
        prefix_projection: Compute the prefixes with a small network while training, as for
            generation (Li and Liang); otherwise they train directly, as for classification
            (P-tuning v2).
        encoder_hidden_size: Width of the network that computes the virtual tokens.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the prefixes (the head).

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = PrefixTuningConfig(num_virtual_tokens=20, modules_to_save=("classifier",))
    """

    targets: tuple[str, ...] = ()

    name = "prefix"
    title = "Prefix tuning"
    peft_type = "PREFIX_TUNING"
    usual_targets = ()
    usual_rate = 1e-2
    layers: ClassVar = {
        SelfAttention: PrefixSelfAttention,
        MultiHeadAttention: PrefixMultiHeadAttention,
        T5Attention: PrefixRelativeAttention,
    }
    kind = "kerasft attention layer"
    suffixes = ("prefix_keys", "prefix_values")
    array = ARRAY
    prefix = "base_model."
    merges = False
    peft_fields = frozenset(
        {
            *("num_virtual_tokens", "prefix_projection", "encoder_hidden_size", "init_weights"),
            *("num_layers", "token_dim", "num_attention_heads", "num_transformer_submodules"),
        }
    )

    def __post_init__(self) -> None:
        Method.__post_init__(self)
        PrefixSettings.__post_init__(self)

    def find(self, model: keras.Model, in_full: Iterable[Any]) -> list[Any]:
        """See `Method.find`; without targets those that PEFT takes, or all.

        Raises:
            AdapterError: There are none, or the model has no position left for a text.
        """
        in_full = list(in_full)
        if self.targets:
            found = super().find(model, in_full)
        else:
            if not any(map(self.fits, all_layers(model))):
                raise AdapterError(
                    "The model has no attention layer of kerasft.layers, which prefix tuning "
                    "needs; choose another method."
                )
            found = find_layers(model, [".*"], fits=self.fits, kind=self.kind, excluding=in_full)
            usual = {id(layer) for layer in self.places(model)}
            found = [layer for layer in found if id(layer) in usual] or found
        _check_room(model, found, self.num_virtual_tokens)
        return found

    def settings_of(self, layer: keras.layers.Layer) -> PrefixSettings:
        """The same numbers for every layer."""
        return PrefixSettings(
            self.num_virtual_tokens, self.prefix_projection, self.encoder_hidden_size
        )

    @classmethod
    def check(cls, layer: Any, settings: PrefixSettings) -> None:
        """Refuses a class of one's own, which may attend in another way; see `Method.check`."""
        if type(layer) not in cls.layers:
            raise AdapterError(
                f"Layer {layer.path!r} cannot take a prefix because {type(layer).__name__} attends "
                "in a way of its own; choose another method."
            )

    @classmethod
    def slots(cls, module: Module, settings: PrefixSettings) -> tuple[Slot, ...]:
        """P_K and P_V, (num_virtual_tokens, heads * d_k); a network may compute them."""
        layer = module.layer
        shape = (settings.num_virtual_tokens, layer.heads * layer.d_k)
        return tuple(
            Slot(
                f"{module.name}.{name}",
                shape,
                lambda place=place: layer.prefix()[place],  # type: ignore[misc]
                np.asarray,
                np.asarray,
            )
            for place, name in enumerate(cls.suffixes)
        )

    @classmethod
    def places(cls, model: keras.Model) -> list[Any]:
        """The layers to which PEFT gives a prefix, in its order; none of some models."""
        return model.cached_attention() if isinstance(model, TwinModel) else []

    @classmethod
    def arrays(
        cls,
        model: keras.Model,
        adapted: Sequence[tuple[Module, PrefixSettings]],
        shapes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> list[Slot]:
        """PEFT's one array where it is exactly PEFT's layers that are adapted; else two a layer.

        Raises:
            AdapterError: The model has no position left for a text.
        """
        layers = [module.layer for module, _ in adapted]
        _check_room(model, layers, adapted[0][1].num_virtual_tokens)
        slots = {id(module.layer): cls.slots(module, settings) for module, settings in adapted}
        cached = [slots.get(id(layer), ()) for layer in cls.places(model)]
        apart = shapes is not None and ARRAY not in shapes
        if apart or not all(cached) or len(cached) != len(slots):
            return [slot for pair in slots.values() for slot in pair]
        tokens, width = cached[0][0].shape
        pairs, numbers = _pairs(model, len(cached)), list(range(len(cached)))
        if _is_doubled(model):
            if shapes is not None:
                pairs = max(len(cached), math.prod(shapes[ARRAY]) // (2 * width * tokens))
            numbers = [2 * number % pairs for number in numbers]
        parts = [
            (slot, 2 * number + side)
            for number, pair in zip(numbers, cached, strict=True)
            for side, slot in enumerate(pair)
        ]
        return [SideBySide.of(ARRAY, 2 * pairs, parts)]

    @classmethod
    def from_peft(cls, fields: Fields) -> Callable[[str], PrefixSettings]:
        """Reads how long the prefix is; a file holds no network, whatever computed the prefix."""
        settings = PrefixSettings(fields.values.get("num_virtual_tokens", 0))
        return lambda module: settings

    @classmethod
    def to_peft(cls, settings: Mapping[str, PrefixSettings]) -> dict[str, Any]:
        """How long the prefix is."""
        tokens = next(iter(settings.values())).num_virtual_tokens
        return {"num_virtual_tokens": tokens, "prefix_projection": False}

    @classmethod
    def sizes(cls, model: keras.Model) -> dict[str, Any]:
        """The sizes with which PEFT takes its one array apart."""
        if not (cached := cls.places(model)):
            return {}
        return {
            "num_layers": _pairs(model, len(cached)),
            "token_dim": cached[0].heads * cached[0].d_k,
            "num_attention_heads": cached[0].heads,
            "num_transformer_submodules": 1 + _is_doubled(model),
        }


def _pairs(model: keras.Model, layers: int) -> int:
    """The pairs in PEFT's array; where it skips, an odd number, so that no two layers share one."""
    return layers + 1 - layers % 2 if _is_doubled(model) else layers


def _is_doubled(model: keras.Model) -> bool:
    """Whether PEFT puts its array twice, one behind the other, and gives a layer every other pair.

    It does so for models that write texts, of which the second pair is meant for the attention to
    the source, and is thrown away: layer i has pair 2 i, counted around (`PeftModel.get_prompt`).
    """
    return getattr(model, "peft_task", None) == "SEQ_2_SEQ_LM"


def _check_room(model: keras.Model, found: list[Any], tokens: int) -> None:
    """Refuses a prefix that takes all positions of a model.

    Raises:
        AdapterError: It does.
    """
    if not isinstance(model, HeadedEncoder):
        return
    most = model.arguments.max_length
    if tokens >= most and any(layer in found for layer in model.cached_attention()[:1]):
        raise AdapterError(
            f"A prefix of {tokens} tokens leaves no position for a text, as the model has {most}; "
            "choose a smaller num_virtual_tokens."
        )


def _normal() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=1.0)


def _uniform(width: int) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-(width**-0.5), width**-0.5)
