"""ModernBERT (Warner et al. 2024, "Smarter, Better, Faster, Longer")."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kerasft.architectures.architecture import (
    ACTIVATION_NAMES,
    ACTIVATION_OF,
    INITIAL_DEVIATION,
    EncoderArchitecture,
    Pooling,
    head_dense,
)
from kerasft.architectures.encoder import (
    EncoderArguments,
    EncoderStack,
    embedding,
    positions,
    virtual_tokens,
)
from kerasft.architectures.name_table import Entry
from kerasft.errors import ConfigError, PresetError
from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.rotary_attention import rotation_table
from kerasft.layers.rotary_transformer_layer import RotaryTransformerLayer
from kerasft.text.pretrained import TokenizerKind

POOLINGS: dict[str, Pooling] = {"cls": "first", "mean": "mean"}
"""What a sequence head reads, as transformers calls it -> as we do."""


@dataclass(frozen=True)
class ModernBertArguments(EncoderArguments):
    """The shape of a ModernBERT: what it has beyond an `EncoderArguments`.

    Attributes:
        mlp_dropout: Dropout within the feed-forward parts.
        global_attn_every_n_layers: Of so many layers one sees the whole text, beginning with the
            lowest; the others see a window.
        local_attention: Width of the window, in tokens: half of it on either side.
        global_rope_theta: Base of the angles in the layers that see the whole text.
        local_rope_theta: Base of the angles in the others.
        attention_bias: Whether attention's matrices have biases.
        mlp_bias: Whether those of the feed-forward parts have.
        norm_bias: Whether the normalizations shift.
        classifier_bias: Whether the head's first matrix has a bias.
        classifier_activation: The head's activation, one of `layers.ACTIVATIONS`.
        classifier_pooling: What a trained sequence head reads: "cls" or "mean".

    Raises:
        ConfigError: A value is out of range.
    """

    dropout: float = 0.0
    attention_dropout: float = 0.0
    head_dropout: float = 0.0
    layer_norm_epsilon: float = 1e-5
    mlp_dropout: float = 0.0
    global_attn_every_n_layers: int = 3
    local_attention: int = 128
    global_rope_theta: float = 160_000.0
    local_rope_theta: float = 10_000.0
    attention_bias: bool = False
    mlp_bias: bool = False
    norm_bias: bool = False
    classifier_bias: bool = False
    classifier_activation: str = "gelu"
    classifier_pooling: str = "cls"

    RANGES: ClassVar = {
        **EncoderArguments.RANGES,
        "global_attn_every_n_layers": (1, 1_000),
        "local_attention": (0, 1_000_000),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_size // self.num_heads % 2:
            raise ConfigError(
                f"hidden_size ({self.hidden_size}) / num_heads ({self.num_heads}) must be even, as "
                "positions turn pairs of values"
            )
        for name in ("global_rope_theta", "local_rope_theta"):
            if not 1 <= getattr(self, name) < 1e12:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name, known in (
            ("classifier_activation", ACTIVATIONS),
            ("classifier_pooling", POOLINGS),
        ):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"{name} {getattr(self, name)!r} is not one of {', '.join(known)}"
                )

    @property
    def parameter_count(self) -> int:
        """Weights of the encoder without a head."""
        width, inner = self.hidden_size, self.intermediate_size
        norm = width * (1 + self.norm_bias)
        attention = 4 * (width * width + width * self.attention_bias)
        feed_forward = 3 * width * inner + (2 * inner + width) * self.mlp_bias
        blocks = self.num_layers * (attention + feed_forward + 2 * norm) - norm
        return self.vocab_size * width + norm + blocks + norm


class ModernBertEncoder(EncoderStack):
    """Embeddings of tokens, normalized, under rotary pre-norm blocks, of which some see a window.

    Args:
        initialize: False leaves the matrices 0.
    """

    arguments: ModernBertArguments

    def __init__(self, arguments: ModernBertArguments, initialize: bool = True) -> None:
        super().__init__(arguments, initialize)
        a, deviation = arguments, INITIAL_DEVIATION if initialize else 0.0
        width, last = a.hidden_size, a.num_layers - 1
        self.token_embedding = embedding(a.vocab_size, width, deviation, "token_embedding")
        self.virtual_tokens = virtual_tokens(a, self.token_embedding)
        self.norm = _norm(a, "embeddings_layer_norm")
        self.dropout = keras.layers.Dropout(a.dropout, name="embeddings_dropout")
        self.blocks = [
            RotaryTransformerLayer(
                width,
                a.num_heads,
                a.intermediate_size,
                a.activation,
                "local" if number % a.global_attn_every_n_layers else "global",
                attention_dropout=a.attention_dropout,
                feedforward_dropout=a.mlp_dropout,
                epsilon=a.layer_norm_epsilon,
                attention_bias=a.attention_bias,
                feedforward_bias=a.mlp_bias,
                norm_bias=a.norm_bias,
                norm_attention=number > 0,
                norm_output=number == last,
                initial_deviation=deviation,
                output_deviation=deviation / (2 * a.num_layers) ** 0.5,
                name=f"transformer_layer_{number}",
            )
            for number in range(a.num_layers)
        ]
        bases = {"global": a.global_rope_theta, "local": a.local_rope_theta}
        self.rotations = {
            scope: rotation_table(a.max_length, width // a.num_heads, base)
            for scope, base in bases.items()
        }
        self.token_embedding.build((None, None))
        for layer in (self.virtual_tokens, self.norm, *self.blocks):
            layer.build((None, None, width))
        self.build()

    def embed(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Looks the tokens up; see `EncoderStack.embed`."""
        self.check_length(inputs["token_ids"])
        x = self.token_embedding(inputs["token_ids"])
        x = self.norm(self.virtual_tokens(x, training=training))
        return self.dropout(x, training=training)

    def mask(self, padding_mask: Any) -> Any:
        """What each block sees, by scope; see `RotaryTransformerLayer.call`."""
        real = super().mask(padding_mask)  # (batch, 1, 1, length)
        places = positions(real[:, 0, 0, :, None])  # (1, length)
        apart = ops.absolute(places[:, None, :] - places[:, :, None])  # (1, length, length)
        near = ops.less_equal(apart, self.arguments.local_attention // 2)
        masks = {"global": real, "local": ops.logical_and(real, near[:, None])}
        return {
            scope: {"mask": masks[scope], "rotation": ops.take(table, places[0], axis=1)}
            for scope, table in self.rotations.items()
        }


class ModernBert(EncoderArchitecture):
    """ModernBERT in transformers and here."""

    name = "modernbert"
    tokenizers = (TokenizerKind(None, (), ("modernbert",)),)
    arguments = ModernBertArguments
    encoder = ModernBertEncoder
    twin = "ModernBert"
    prefix = "model."
    token_table = "embeddings.tok_embeddings"
    fixed: ClassVar = {**EncoderArchitecture.fixed, "rope_scaling": None}

    def head_pooling(self, arguments: EncoderArguments) -> Pooling:
        """What `classifier_pooling` says."""
        assert isinstance(arguments, ModernBertArguments)
        return POOLINGS[arguments.classifier_pooling]

    def pooling_config(self, pooling: str) -> dict[str, Any]:
        """The same, the other way round."""
        theirs = next(name for name, ours in POOLINGS.items() if ours == pooling)
        return {"classifier_pooling": theirs}

    def new_arguments(self, pad_id: int, **sizes: Any) -> EncoderArguments:
        """One rate of dropout for all."""
        rate = sizes.get("dropout", 0.0)
        return ModernBertArguments(**{"mlp_dropout": rate, **sizes})

    def sequence_head(self, arguments: EncoderArguments, pooling: str) -> list[keras.layers.Layer]:
        """A linear layer with an activation, a normalization and a dropout."""
        assert isinstance(arguments, ModernBertArguments)
        a = arguments
        dense = head_dense(
            a.hidden_size, "head_dense", a.classifier_activation, use_bias=a.classifier_bias
        )
        dropout = keras.layers.Dropout(a.head_dropout, name="head_dropout")
        return [dense, _norm(a, "head_norm"), dropout]

    def token_head(self, arguments: EncoderArguments) -> list[keras.layers.Layer]:
        """The same."""
        return self.sequence_head(arguments, "none")

    def entries(self, arguments: EncoderArguments, num_labels: int, pooling: str) -> list[Entry]:
        """The names in ModernBertForSequenceClassification and ...ForTokenClassification."""
        assert isinstance(arguments, ModernBertArguments)
        a, width, inner = arguments, arguments.hidden_size, arguments.intermediate_size

        def linear(theirs: str, ours: str, out: int, into: int, bias: bool, head: bool) -> Entry:
            return Entry(theirs, ours, "linear" if bias else "matrix", (out, into), head)

        def norm(theirs: str, ours: str, head: bool = False) -> Entry:
            return Entry(theirs, ours, "norm" if a.norm_bias else "gain", (width,), head)

        def block(number: int) -> Iterator[Entry]:
            theirs, ours = f"model.layers.{number}.", f"transformer_layer_{number}/"
            attention, biases = ours + "self_attention_", (a.attention_bias, a.mlp_bias)
            if number:
                yield norm(theirs + "attn_norm", attention + "residual/norm")
            for name, part, sizes, bias in (
                ("attn.Wqkv", attention + "layer/query_key_value", (3 * width, width), biases[0]),
                ("attn.Wo", attention + "layer/attention_output", (width, width), biases[0]),
                ("mlp.Wi", ours + "feedforward_intermediate_dense", (2 * inner, width), biases[1]),
                ("mlp.Wo", ours + "feedforward_output_dense", (width, inner), biases[1]),
            ):
                if name == "mlp.Wi":
                    yield norm(theirs + "mlp_norm", ours + "feedforward_residual/norm")
                yield linear(theirs + name, part, *sizes, bias, False)

        last = f"transformer_layer_{a.num_layers - 1}/"
        return [
            Entry("model.embeddings.tok_embeddings", "token_embedding", "embedding",
                  (a.vocab_size, width)),
            norm("model.embeddings.norm", "embeddings_layer_norm"),
            *(entry for number in range(a.num_layers) for entry in block(number)),
            norm("model.final_norm", last + "output_norm"),
            linear("head.dense", "head_dense", width, width, a.classifier_bias, True),
            norm("head.norm", "head_norm", True),
            Entry("classifier", "classifier", "linear", (num_labels, width), head=True),
        ]  # fmt: skip

    def arguments_from_config(self, config: Mapping[str, Any], source: str) -> EncoderArguments:
        """Reads a `config.json`; see `EncoderArchitecture.arguments_from_config`.

        Raises:
            PresetError: Its layers see other parts of a text, or its positions turn otherwise.
        """
        every, types = _every(config), config.get("layer_types")
        count = config.get("num_hidden_layers", 22)
        if isinstance(every, int) and every > 0 and isinstance(count, int) and types is not None:
            usual = ["sliding_attention" if n % every else "full_attention" for n in range(count)]
            if types != usual:
                raise PresetError(
                    f"{source} sets layer_types to another order than one full_attention, then the "
                    "same number of sliding_attention; only that is supported"
                )
        for scope, own in (config.get("rope_parameters") or {}).items():
            further = set(own or {}) - {"rope_type", "rope_theta"}
            if further or (own or {}).get("rope_type", "default") != "default":
                raise PresetError(
                    f"{source} sets rope_parameters of {scope} to {own!r}; only the rope_type "
                    "'default' is supported"
                )
        head = config.get("classifier_activation", "gelu")
        if head not in ACTIVATION_OF:
            raise PresetError(
                f"{source} has the classifier_activation {head!r}, which is not supported; it must "
                f"be one of {', '.join(ACTIVATION_OF)}"
            )
        return super().arguments_from_config(config, source)

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`, of transformers' version 4 or 5."""
        ropes = config.get("rope_parameters") or {}

        def base(scope: str, older: str, default: float) -> Any:
            return (ropes.get(scope) or {}).get("rope_theta", config.get(older, default))

        activation = config.get("classifier_activation", "gelu")
        return {
            "vocab_size": config.get("vocab_size", 50368),
            "num_layers": config.get("num_hidden_layers", 22),
            "num_heads": config.get("num_attention_heads", 12),
            "hidden_size": config.get("hidden_size", 768),
            "intermediate_size": config.get("intermediate_size", 1152),
            "max_length": config.get("max_position_embeddings", 8192),
            "dropout": config.get("embedding_dropout", 0.0),
            "attention_dropout": config.get("attention_dropout", 0.0),
            "mlp_dropout": config.get("mlp_dropout", 0.0),
            "head_dropout": config.get("classifier_dropout", 0.0),
            "activation": config.get("hidden_activation", "gelu"),
            "layer_norm_epsilon": config.get("norm_eps", 1e-5),
            "global_attn_every_n_layers": _every(config),
            "local_attention": config.get("local_attention", 128),
            "global_rope_theta": base("full_attention", "global_rope_theta", 160_000.0),
            "local_rope_theta": base("sliding_attention", "local_rope_theta", 10_000.0),
            "attention_bias": config.get("attention_bias", False),
            "mlp_bias": config.get("mlp_bias", False),
            "norm_bias": config.get("norm_bias", False),
            "classifier_bias": config.get("classifier_bias", False),
            "classifier_activation": ACTIVATION_OF[activation],
            "classifier_pooling": config.get("classifier_pooling", "cls"),
        }

    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse, in the names that versions 4 and 5 both read."""
        assert isinstance(arguments, ModernBertArguments)
        a = arguments
        return {
            "vocab_size": a.vocab_size,
            "num_hidden_layers": a.num_layers,
            "num_attention_heads": a.num_heads,
            "hidden_size": a.hidden_size,
            "intermediate_size": a.intermediate_size,
            "max_position_embeddings": a.max_length,
            "embedding_dropout": a.dropout,
            "attention_dropout": a.attention_dropout,
            "mlp_dropout": a.mlp_dropout,
            "classifier_dropout": a.head_dropout,
            "hidden_activation": ACTIVATION_NAMES[a.activation],
            "norm_eps": a.layer_norm_epsilon,
            "global_attn_every_n_layers": a.global_attn_every_n_layers,
            "local_attention": a.local_attention,
            "global_rope_theta": a.global_rope_theta,
            "local_rope_theta": a.local_rope_theta,
            "attention_bias": a.attention_bias,
            "mlp_bias": a.mlp_bias,
            "norm_bias": a.norm_bias,
            "classifier_bias": a.classifier_bias,
            "classifier_activation": ACTIVATION_NAMES[a.classifier_activation],
            "classifier_pooling": a.classifier_pooling,
            "pad_token_id": None,
        }


def _norm(arguments: ModernBertArguments, name: str) -> keras.layers.Layer:
    return keras.layers.LayerNormalization(
        epsilon=arguments.layer_norm_epsilon, center=arguments.norm_bias, name=name
    )


def _every(config: Mapping[str, Any]) -> Any:
    """Of how many layers one sees the whole text: from the list of all layers, or the number."""
    types = config.get("layer_types")
    if not isinstance(types, list):
        return config.get("global_attn_every_n_layers", 3)
    further = [number for number, kind in enumerate(types) if number and kind == "full_attention"]
    return further[0] if further else max(len(types), 1)
