"""LoRA: a frozen weight W plus a trainable product of two thin matrices.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv:2106.09685), section 4.1:

    x ---> W (frozen) -----------------> + ---> bias, activation
    |                                    ^
    +--> dropout --> A (in, r) --> B (r, out) * s          s = alpha / r

B starts at zero, so a fresh adapter changes nothing. While training, only thin products are formed;
W + s A B exists only after `merge`. "Rank-stabilized" means s = alpha / sqrt(r) (Kalajdzievski,
"A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", arXiv:2312.03732, section 3).

In a file: `<module>.lora_A.weight` (rank, in) and `<module>.lora_B.weight` (out, rank), as
https://huggingface.co/docs/peft/package_reference/lora has them.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasft.errors import AdapterError, ConfigError
from kerasft.peft.adapted import AdaptedLayer
from kerasft.peft.fields import Fields
from kerasft.peft.methods.method import Method
from kerasft.peft.modules import Module, Slot
from kerasft.peft.projections import Factors, check_projection, factors_of, finish, project

MAX_RANK = 4096


@dataclass(frozen=True)
class LoRASettings:
    """The numbers of one layer's adapter.

    Attributes:
        rank: r, the width of the bottleneck, from 1 to 4096.
        alpha: The strength of the adapter before it is divided by r (or its square root).
        dropout: Share of the adapter's inputs that is zeroed while training, in [0, 1).
        rank_stabilized: Whether to divide by sqrt(r) and not by r.

    Raises:
        ConfigError: A number is out of range or of the wrong type.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    rank_stabilized: bool = False

    def __post_init__(self) -> None:
        if not _is_number(self.rank, int) or not 1 <= self.rank <= MAX_RANK:
            raise ConfigError(
                f"The LoRA rank must be a whole number from 1 to {MAX_RANK}, got {self.rank!r}."
            )
        if not _is_number(self.alpha, int, float) or not 0 < self.alpha < math.inf:
            raise ConfigError(f"The LoRA alpha must be a number above 0, got {self.alpha!r}.")
        if not _is_number(self.dropout, int, float) or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"The LoRA dropout must be a share from 0 to below 1, got {self.dropout!r}."
            )
        if not isinstance(self.rank_stabilized, bool):
            raise ConfigError(
                f"LoRA's rank_stabilized must be true or false, got {self.rank_stabilized!r}."
            )

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
    added = ("lora_a", "lora_b")
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
        y = project(self, inputs)
        return finish(self, ops.add(y, self.low_rank(inputs, training)))

    def low_rank(self, x: Any, training: bool | None) -> Any:
        """Computes s (dropout(x) A) B.

        Args:
            x: The layer's input, `(..., *contracted dims)`.
            training: Whether dropout is drawn.

        Returns:
            What is added to x W, `(..., *output dims)`.
        """
        settings = self.adapter.settings
        if training and self._lora_seed is not None:
            x = keras.random.dropout(x, settings.dropout, seed=self._lora_seed)
        thin = ops.einsum(self._factors.down, x, self.lora_a)  # (..., rank)
        thin = ops.multiply(thin, settings.scale)  # here, where the tensor is smallest
        return ops.einsum(self._factors.up, thin, self.lora_b)


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

    bias: str = "none"

    name = "lora"
    title = "LoRA"
    peft_type = "LORA"
    usual_targets = ("query|q", "value|v")
    usual_rate = 2e-3
    layers: ClassVar = {
        keras.layers.Dense: LoRADense,
        keras.layers.EinsumDense: LoRAEinsumDense,
    }
    suffixes = ("lora_A.weight", "lora_B.weight")

    def __post_init__(self) -> None:
        Method.__post_init__(self)
        if self.bias != "none":
            raise ConfigError(
                f"LoRA's bias policy {self.bias!r} is not supported; 'none' keeps every bias of a "
                "frozen layer frozen (name a layer in modules_to_save to train it in full)."
            )
        LoRASettings.__post_init__(self)

    def settings_of(self, layer: keras.layers.Layer) -> LoRASettings:
        """The same numbers for every layer."""
        return LoRASettings(self.rank, self.alpha, self.dropout, self.rank_stabilized)

    @classmethod
    def check(cls, layer: Any, settings: LoRASettings) -> None:
        """Refuses what is no plain projection; see `Method.check`."""
        check_projection(layer, "a LoRA adapter")

    @classmethod
    def folded(cls, layer: Any) -> list[tuple[keras.Variable, np.ndarray]]:
        """The kernel W + s A B, and a B of zeros."""
        kernel, a, b = (
            ops.convert_to_numpy(each).astype("float32")
            for each in (layer._kernel, layer.lora_a, layer.lora_b)
        )
        delta = np.einsum(layer._factors.product, a, b)
        merged = kernel + layer.adapter.settings.scale * delta
        return [(layer._kernel, merged), (layer.lora_b, np.zeros_like(b))]

    @classmethod
    def slots(cls, module: Module, settings: LoRASettings) -> tuple[Slot, ...]:
        """A and B as PEFT keeps them: (rank, in) and (out, rank)."""
        layer, rank = module.layer, settings.rank
        factors = factors_of(layer)
        into, out = math.prod(factors.in_shape), math.prod(factors.out_shape)
        return (
            Slot(
                f"{module.name}.lora_A.weight",
                (rank, into),
                lambda: layer.lora_a,
                lambda array: array.reshape(into, rank).T,
                np.transpose,
            ),
            Slot(
                f"{module.name}.lora_B.weight",
                (out, rank),
                lambda: layer.lora_b,
                lambda array: array.reshape(rank, out).T,
                np.transpose,
            ),
        )

    @classmethod
    def spelling(cls, name: str) -> str:
        """`lora_A.default.weight`, as a PEFT model calls its own weights, is `lora_A.weight`."""
        return re.sub(r"(\.lora_[AB])\.default\.weight$", r"\1.weight", name)

    @classmethod
    def refusal(cls, rest: str) -> str | None:
        """PEFT's LoRA of embeddings, which is not supported."""
        return "an adapter of an embedding" if rest.startswith("lora_embedding_") else None

    # Fields without a say in what a trained adapter computes,
    _HARMLESS: ClassVar = {
        *("corda_config", "ensure_weight_tying", "eva_config", "lora_ga_config"),
        *("megatron_config", "megatron_core", "qalora_group_size", "runtime_config"),
    }
    # those that `from_peft` reads,
    _READ: ClassVar = {
        *("r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern", "alpha_pattern"),
        *("bias", "init_lora_weights", "fan_in_fan_out", "use_dora", "loftq_config"),
    }
    # and what PEFT 0.21 knows besides, each with a say in what the adapter computes.
    _UNSUPPORTED: ClassVar = {
        *("alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication"),
        *("lora_bias", "monteclora_config", "target_parameters", "trainable_token_indices"),
        *("use_bdlora", "use_qalora", "velora_config"),
    }
    peft_fields = frozenset(_HARMLESS | _READ | _UNSUPPORTED)

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
        )
        ranks, alphas = fields.by_pattern("rank_pattern"), fields.by_pattern("alpha_pattern")
        for rank in ranks.values.values():
            LoRASettings(rank=rank)
        for alpha in alphas.values.values():
            LoRASettings(alpha=alpha)
        return lambda module: LoRASettings(
            ranks.get(module, default.rank),
            alphas.get(module, default.alpha),
            default.dropout,
            default.rank_stabilized,
        )

    @classmethod
    def to_peft(cls, settings: Mapping[str, LoRASettings]) -> dict[str, Any]:
        """The most frequent numbers, and a pattern for each module that has others."""
        usual = Counter(settings.values()).most_common(1)[0][0]
        return {
            "r": usual.rank,
            "lora_alpha": usual.alpha,
            "lora_dropout": usual.dropout,
            "use_rslora": usual.rank_stabilized,
            "rank_pattern": {
                re.escape(name): each.rank
                for name, each in settings.items()
                if each.rank != usual.rank
            },
            "alpha_pattern": {
                re.escape(name): each.alpha
                for name, each in settings.items()
                if each.alpha != usual.alpha
            },
            "bias": "none",
            "fan_in_fan_out": False,
            "init_lora_weights": True,
            "use_dora": False,
        }

    @classmethod
    def _check_supported(cls, fields: Fields) -> None:
        """Refuses whatever would make the adapter compute something else than W + s A B."""
        path, values = fields.path, fields.values
        if values.get("use_dora"):
            raise AdapterError(f"{path} is a DoRA adapter (use_dora), which is not supported.")
        if values.get("bias", "none") not in ("none", None):
            raise AdapterError(
                f"{path} trains biases (bias: {values['bias']!r}), which is not supported; "
                "only 'none' is."
            )
        # Some starts change the base model's weights; these leave them as they are.
        start = values.get("init_lora_weights")
        if values.get("loftq_config") or start not in (
            *(None, True, False, "gaussian", "eva", "orthogonal"),
        ):
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
