"""LoRA: a frozen weight W plus a trainable product of two thin matrices.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv:2106.09685), section 4.1:

    x ---> W (frozen) -----------------> + ---> bias, activation
    |                                    ^
    +--> dropout --> A (in, r) --> B (r, out) * s          s = alpha / r

B starts at zero, so a fresh adapter changes nothing. While training, only thin products are formed;
W + s A B exists only after `merge`. "Rank-stabilized" means s = alpha / sqrt(r) (Kalajdzievski,
"A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", arXiv:2312.03732, section 3).

LoRA+ gives B a higher learning rate than A (Hayou et al., "LoRA+: Efficient Low Rank Adaptation of
Large Models", arXiv:2402.12354, section 4): see `kerasft.training.adam`.

In a file: `<module>.lora_A.weight` (rank, in) and `<module>.lora_B.weight` (out, rank); with biases
`<module>.base_layer.bias` (out,), and `<module>.bias` of other layers, as
https://huggingface.co/docs/peft/package_reference/lora has them.
"""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import keras
import numpy as np
from keras import ops

from kerasft.errors import AdapterError, ConfigError
from kerasft.peft.adapted import AdaptedLayer, Adapter
from kerasft.peft.fields import Fields
from kerasft.peft.methods.method import Method
from kerasft.peft.model_layers import biases_of
from kerasft.peft.modules import Module, Slot
from kerasft.peft.projections import Factors, check_projection, factors_of, finish, project

MAX_RANK = 4096
BIAS_POLICIES = ("none", "all", "lora_only")


@dataclass(frozen=True)
class LoRASettings:
    """The numbers of one layer's adapter.

    Attributes:
        rank: Rank r of the update A B, from 1 to 4096.
        alpha: The update x A B is multiplied by alpha / rank.
        dropout: Dropout on the inputs of the adapter while training, in [0, 1).
        rank_stabilized: Multiply by alpha / sqrt(rank) instead.
        bias: Which biases train: "none", "all", or only this layer's ("lora_only").

    Raises:
        ConfigError: A number is out of range or of the wrong type.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    rank_stabilized: bool = False
    bias: Literal["none", "all", "lora_only"] = "none"

    def __post_init__(self) -> None:
        whole = _is_number(self.rank, int) and 1 <= self.rank <= MAX_RANK
        _require(whole, self, "rank", f"a whole number from 1 to {MAX_RANK}")
        _require(_is_above_0(self.alpha), self, "alpha", "a number above 0")
        share = _is_number(self.dropout, int, float) and 0 <= self.dropout < 1
        _require(share, self, "dropout", "a share from 0 to below 1")
        _require(isinstance(self.rank_stabilized, bool), self, "rank_stabilized", "true or false")
        policies = " or ".join(map(repr, BIAS_POLICIES))
        _require(self.bias in BIAS_POLICIES, self, "bias", policies)

    @property
    def scale(self) -> float:
        """s, what x A B is multiplied by."""
        return self.alpha / (math.sqrt(self.rank) if self.rank_stabilized else self.rank)


class LoRALayer(AdaptedLayer):
    """What `LoRADense` and `LoRAEinsumDense` share.

    Attributes:
        lora_a: A, `(*contracted dims, rank)`, drawn from U(-1/sqrt(in), 1/sqrt(in)).
        lora_b: B, `(rank, *output dims)`, zeros at first.
    """

    settings_class = LoRASettings
    added: ClassVar[tuple[str, ...]] = ("lora_a", "lora_b")
    helpers = ("_lora_seed", "_factors")

    lora_a: Any
    lora_b: Any
    _factors: Factors
    _lora_seed: keras.random.SeedGenerator | None

    def add_adapter(self) -> None:
        """Makes A, B and the dropout's random state."""
        layer: Any = self
        settings = self.adapter.settings
        self._factors = factors_of(layer)
        bound = 1.0 / math.sqrt(math.prod(self._factors.in_shape))
        uniform = keras.initializers.RandomUniform(-bound, bound)
        self.lora_a = self.add_variable("lora_a", (*self._factors.in_shape, settings.rank), uniform)
        self.lora_b = self.add_variable(
            "lora_b", (settings.rank, *self._factors.out_shape), "zeros"
        )
        self._lora_seed = None
        if settings.dropout:
            self._lora_seed = keras.random.SeedGenerator(name="lora_dropout")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Computes activation(x W + s (dropout(x) A) B + b).

        Args:
            inputs: x, `(batch, ..., *contracted dims)`.
            training: Whether the adapter's dropout is drawn.

        Returns:
            `(batch, ..., *output dims)`.
        """
        self.check_trainable(training)
        low = self.low_rank(self.drop(inputs, training), self.lora_a, self.lora_b)
        return finish(self, ops.add(project(self, inputs), low))

    def drop(self, x: Any, training: bool | None) -> Any:
        """What the low-rank path gets of the layer's input: dropout(x), or x itself.

        Args:
            x: `(..., *contracted dims)`.
            training: Whether dropout is drawn.
        """
        if not training or self._lora_seed is None:
            return x
        return keras.random.dropout(x, self.adapter.settings.dropout, seed=self._lora_seed)

    def low_rank(self, x: Any, a: Any, b: Any) -> Any:
        """Computes s (x A) B.

        Args:
            x: `(..., *contracted dims)`.
            a: A, `(*contracted dims, rank)`.
            b: B, `(rank, *output dims)`.

        Returns:
            What is added to x W, `(..., *output dims)`.
        """
        thin = ops.einsum(self._factors.down, x, a)  # (..., rank)
        thin = ops.multiply(thin, self.adapter.settings.scale)  # where the tensor is smallest
        return ops.einsum(self._factors.up, thin, b)


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


@dataclass(frozen=True)
class LoRAConfig(LoRASettings, Method):
    """The config of LoRA, for `kerasft.apply`.

    Attributes:
        targets: Regular expressions over layer paths (see `kerasft.peft.targets`); the layers
            that they match get an adapter.
        rank: Rank r of the update A B, from 1 to 4096.
        alpha: The update x A B is multiplied by alpha / rank.
        dropout: Dropout on the inputs of the adapter while training, in [0, 1).
        rank_stabilized: Multiply by alpha / sqrt(rank) instead.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the adapter (the head).
        bias: Which biases train and are saved: `none`, `all`, or those of the adapted layers
            (`lora_only`).
        lora_plus_ratio: LoRA+: the learning rate of B as a multiple of A's; 16 is usual.

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = LoRAConfig(targets=("transformer_layer_[45]/.*/(query|value)",), rank=8,
        ...                     modules_to_save=("classifier",))
    """

    lora_plus_ratio: float = 1.0

    name = "lora"
    title = "LoRA"
    peft_type = "LORA"
    usual_targets = ("query|q|query_key_value", "value|v|query_key_value")
    usual_rate = 2e-3
    layers: ClassVar = {keras.layers.Dense: LoRADense, keras.layers.EinsumDense: LoRAEinsumDense}
    suffixes: ClassVar[tuple[str, ...]] = ("lora_A.weight", "lora_B.weight", "base_layer.bias")
    starts: ClassVar[tuple[Any, ...]] = (None, True, False, "gaussian", "eva", "orthogonal")
    """How an adapter may have been started in PEFT: so that the base model stayed as it was."""

    def __post_init__(self) -> None:
        Method.__post_init__(self)
        LoRASettings.__post_init__(self)
        _require(_is_above_0(self.lora_plus_ratio), self, "lora_plus_ratio", "a number above 0")

    @property
    def rate_ratios(self) -> dict[str, float]:
        """That of B, where it is another than A's (LoRA+)."""
        return {} if self.lora_plus_ratio == 1 else {"lora_b": self.lora_plus_ratio}

    def settings_of(self, layer: keras.layers.Layer) -> LoRASettings:
        """The same numbers for every layer."""
        return LoRASettings(self.rank, self.alpha, self.dropout, self.rank_stabilized, self.bias)

    @classmethod
    def check(cls, layer: Any, settings: LoRASettings) -> None:
        """Refuses what is no plain projection; see `Method.check`."""
        check_projection(layer, "a LoRA adapter")

    @classmethod
    def adapt(cls, layer: Any, adapter: Adapter) -> None:
        """Puts A and B on a layer, and lets its bias train where it shall."""
        super().adapt(layer, adapter)
        for bias in biases_of(layer):
            bias.trainable = adapter.settings.bias != "none"

    @classmethod
    def release(cls, layer: Any) -> None:
        """Takes A and B off, and freezes the bias, which stays as it was trained."""
        super().release(layer)
        for bias in biases_of(layer):
            bias.trainable = False

    @classmethod
    def frees_biases(cls, settings: LoRASettings) -> bool:
        """Whether those of all layers train."""
        return settings.bias == "all"

    @classmethod
    def merged(cls, layer: Any) -> list[tuple[keras.Variable, np.ndarray]]:
        """The kernel W + s A B, and a B of zeros."""
        kernel, a, b = (
            ops.convert_to_numpy(each).astype("float32")
            for each in (layer._kernel, layer.lora_a, layer.lora_b)
        )
        delta = layer.adapter.settings.scale * np.einsum(layer._factors.product, a, b)
        return [(layer._kernel, kernel + delta), (layer.lora_b, np.zeros_like(b))]

    @classmethod
    def slots(cls, module: Module, settings: LoRASettings) -> tuple[Slot, ...]:
        """A and B as PEFT keeps them, (rank, in) and (out, rank); and the bias if it trains."""
        layer, rank = module.layer, settings.rank
        factors = factors_of(layer)
        into, out = math.prod(factors.in_shape), math.prod(factors.out_shape)

        def slot(end: str, shape: tuple[int, int], name: str) -> Slot:
            return Slot(
                f"{module.name}.{end}",
                shape,
                lambda: getattr(layer, name),
                lambda array: array.reshape(shape[::-1]).T,
                np.transpose,
            )

        trained = module.biases if settings.bias != "none" else ()
        return (
            slot("lora_A.weight", (rank, into), "lora_a"),
            slot("lora_B.weight", (out, rank), "lora_b"),
            *(dataclasses.replace(bias, name=f"{module.name}.base_layer.bias") for bias in trained),
        )

    @classmethod
    def spelling(cls, name: str) -> str:
        """`lora_A.default.weight`, as a PEFT model calls its own weights, is `lora_A.weight`."""
        return re.sub(r"(\.lora_[AB])\.default\.weight$", r"\1.weight", name)

    @classmethod
    def refusal(cls, rest: str) -> str | None:
        """PEFT's LoRA of embeddings, which is not supported."""
        return "an adapter of an embedding" if rest.startswith("lora_embedding_") else None

    # Fields that `from_peft` reads or that have no say in what a trained adapter computes,
    _KNOWN: ClassVar = {
        *("r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern", "alpha_pattern"),
        *("bias", "init_lora_weights", "fan_in_fan_out", "use_dora", "loftq_config"),
        *("corda_config", "ensure_weight_tying", "eva_config", "lora_ga_config"),
        *("megatron_config", "megatron_core", "qalora_group_size", "runtime_config"),
    }
    # and those of PEFT 0.21 that have one.
    _UNSUPPORTED: ClassVar = {
        *("alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication"),
        *("lora_bias", "monteclora_config", "target_parameters", "trainable_token_indices"),
        *("use_bdlora", "use_qalora", "velora_config"),
    }
    peft_fields = frozenset(_KNOWN | _UNSUPPORTED)

    @classmethod
    def reads(cls, values: Mapping[str, Any]) -> bool:
        """Whether a file is of this one of the methods that PEFT calls LORA."""
        start = "pissa" if values.get("init_lora_weights") == "pissa" else "lora"
        return super().reads(values) and cls.name == ("dora" if values.get("use_dora") else start)

    @classmethod
    def from_peft(cls, fields: Fields) -> Callable[[str], LoRASettings]:
        """Reads ranks and alphas, and refuses what is not W + s A B."""
        values = fields.values
        cls._check_supported(fields)
        default = LoRASettings(
            rank=values.get("r", 8),
            alpha=values.get("lora_alpha", 8),
            dropout=values.get("lora_dropout") or 0.0,
            rank_stabilized=values.get("use_rslora") or False,
            bias=values.get("bias") or "none",
        )
        ranks, alphas = fields.by_pattern("rank_pattern"), fields.by_pattern("alpha_pattern")
        for rank in ranks.values.values():
            LoRASettings(rank=rank)
        for alpha in alphas.values.values():
            LoRASettings(alpha=alpha)
        return lambda name: dataclasses.replace(
            default, rank=ranks.get(name, default.rank), alpha=alphas.get(name, default.alpha)
        )

    @classmethod
    def to_peft(cls, settings: Mapping[str, LoRASettings]) -> dict[str, Any]:
        """The most frequent numbers, and a pattern for each module that has others."""
        usual = Counter(settings.values()).most_common(1)[0][0]

        def others(name: str) -> dict[str, Any]:
            values = {module: getattr(each, name) for module, each in settings.items()}
            different = {m: value for m, value in values.items() if value != getattr(usual, name)}
            return {re.escape(module): value for module, value in different.items()}

        return {
            "r": usual.rank,
            "lora_alpha": usual.alpha,
            "lora_dropout": usual.dropout,
            "use_rslora": usual.rank_stabilized,
            "rank_pattern": others("rank"),
            "alpha_pattern": others("alpha"),
            "bias": usual.bias,
            "fan_in_fan_out": False,
            "init_lora_weights": True,
            "use_dora": False,
        }

    @classmethod
    def _check_supported(cls, fields: Fields) -> None:
        """Refuses whatever would make the adapter compute something else than W + s A B."""
        path, values = fields.path, fields.values
        start = values.get("init_lora_weights")
        if values.get("loftq_config") or start not in cls.starts:
            raise AdapterError(
                f"{path} was started with {start or 'loftq'!r}, which changes the base model's own "
                "weights, so it cannot be loaded; convert it to a plain LoRA adapter with PEFT "
                "first."
            )
        for name in sorted(cls._UNSUPPORTED & set(values)):
            if values[name]:
                raise AdapterError(
                    f"{path} sets {name} to {str(values[name])[:60]!r}, which is not supported."
                )
        if values.get("fan_in_fan_out"):
            fields.notes.append("fan_in_fan_out is ignored, as PEFT does for Linear layers")


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _is_above_0(value: object) -> bool:
    return _is_number(value, int, float) and 0 < value < math.inf  # type: ignore[operator]


def _require(holds: bool, config: LoRASettings, name: str, wanted: str) -> None:
    if not holds:
        raise ConfigError(f"LoRA's {name} must be {wanted}, got {getattr(config, name)!r}.")
