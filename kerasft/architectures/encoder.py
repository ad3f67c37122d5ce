"""The encoders that a classifier can stand on, and the numbers that make one of them."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from kerasft import backends
from kerasft.architectures.arguments import Arguments
from kerasft.errors import ConfigError

ACTIVATIONS = ("gelu", "gelu_approximate", "relu", "silu", "tanh")
"""Activations of the feed-forward layers, by our names. "gelu" is the exact one (with erf)."""


@dataclass(frozen=True)
class EncoderArguments(Arguments):
    """The shape of an encoder: everything that rebuilds it, apart from its weights.

    Attributes:
        vocab_size: Tokens in the embedding table.
        num_layers: Transformer layers.
        num_heads: Attention heads; must divide `hidden_dim`.
        hidden_dim: Width of the hidden states.
        intermediate_dim: Width inside the feed-forward layers.
        max_sequence_length: Positions in the embedding table: the longest text, in tokens.
        dropout: Dropout on the embeddings and on what each sublayer adds.
        attention_dropout: Dropout on the attention weights.
        head_dropout: Dropout before the classification layer.
        num_segments: Segments in the embedding table (BERT: 2, DistilBERT: 0, it has none).
        activation: Activation of the feed-forward layers, one of `ACTIVATIONS`.
        layer_norm_epsilon: Epsilon of every layer normalization.

    Raises:
        ConfigError: A value is out of range.

    Example:
        >>> EncoderArguments(vocab_size=100, num_layers=2, num_heads=2, hidden_dim=16,
        ...                  intermediate_dim=32, max_sequence_length=64)
    """

    vocab_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int
    max_sequence_length: int
    dropout: float = 0.1
    attention_dropout: float = 0.1
    head_dropout: float = 0.1
    num_segments: int = 0
    activation: str = "gelu"
    layer_norm_epsilon: float = 1e-12

    KIND = "encoder"
    RANGES: ClassVar = {
        "vocab_size": (1, 4_000_000),
        "num_layers": (1, 200),
        "num_heads": (1, 1_000),
        "hidden_dim": (1, 20_000),
        "intermediate_dim": (1, 100_000),
        "max_sequence_length": (1, 1_000_000),
        "num_segments": (0, 1_000),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_dim % self.num_heads:
            raise ConfigError(
                f"num_heads ({self.num_heads}) must divide hidden_dim ({self.hidden_dim})"
            )
        if self.activation not in ACTIVATIONS:
            raise ConfigError(
                f"activation {self.activation!r} is not one of {', '.join(ACTIVATIONS)}"
            )
        epsilon = self.layer_norm_epsilon
        if not (math.isfinite(epsilon) and 0 < epsilon < 1):
            raise ConfigError(f"layer_norm_epsilon must be between 0 and 1, not {epsilon}")
        self._check_size()

    @property
    def parameter_count(self) -> int:
        """Weights of the encoder without a head."""
        width, inner = self.hidden_dim, self.intermediate_dim
        rows = self.vocab_size + self.max_sequence_length + self.num_segments
        attention = 4 * (width * width + width)
        feed_forward = 2 * width * inner + inner + width
        return rows * width + 2 * width + self.num_layers * (attention + feed_forward + 4 * width)


def _shared(arguments: EncoderArguments, dropout: float) -> dict[str, Any]:
    """What the constructors of all KerasHub backbones here take."""
    return {
        "vocabulary_size": arguments.vocab_size,
        "num_layers": arguments.num_layers,
        "num_heads": arguments.num_heads,
        "hidden_dim": arguments.hidden_dim,
        "intermediate_dim": arguments.intermediate_dim,
        "max_sequence_length": arguments.max_sequence_length,
        "dropout": dropout,
        "dtype": "float32",
    }


def _distilbert(arguments: EncoderArguments, dropout: float) -> keras.Model:
    hub = backends.import_keras_hub()
    return hub.models.DistilBertBackbone(**_shared(arguments, dropout))


def _bert(arguments: EncoderArguments, dropout: float) -> keras.Model:
    hub = backends.import_keras_hub()
    return hub.models.BertBackbone(
        num_segments=arguments.num_segments, **_shared(arguments, dropout)
    )


ARCHITECTURES: dict[str, Callable[[EncoderArguments, float], keras.Model]] = {
    "bert": _bert,
    "distilbert": _distilbert,
}
"""The KerasHub backbone of each architecture, by the `model_type` of its Hugging Face twin."""


def _activation(name: str) -> Callable:
    """The function of that name, one that Keras can write into its own files and find again."""
    if name == "gelu_approximate":
        backends.import_keras_hub()
        return keras.saving.get_registered_object("keras_hub>gelu_approximate")
    return keras.activations.get(name)


@contextmanager
def _zeros_for_random() -> Iterator[None]:
    """Lets KerasHub's backbones, which name their initializer in their code, start from zeros."""
    drawn = keras.initializers.TruncatedNormal
    keras.initializers.TruncatedNormal = lambda **_: keras.initializers.Zeros()
    try:
        yield
    finally:
        keras.initializers.TruncatedNormal = drawn


def build_backbone(
    architecture: str, arguments: EncoderArguments, initialize: bool = True
) -> keras.Model:
    """Builds a KerasHub backbone that computes exactly what its Hugging Face twin computes.

    KerasHub fixes the activation (in BERT an approximate GELU, 1.7e-4 off in the hidden states),
    the epsilons and one dropout rate for everything. They are set here, before any compilation.

    Args:
        architecture: "bert" or "distilbert".
        arguments: The encoder's shape.
        initialize: False leaves the weights 0, for whoever loads all of them at once: drawing
            random ones takes seconds and four times the memory of the largest table.

    Returns:
        A `BertBackbone` or `DistilBertBackbone` in float32.

    Raises:
        ConfigError: The architecture is unknown, or its `num_segments` cannot be.
    """
    if architecture not in ARCHITECTURES:
        raise ConfigError(
            f"the architecture {architecture!r} is not supported; "
            f"it must be one of {', '.join(ARCHITECTURES)}"
        )
    if (arguments.num_segments > 0) != (architecture == "bert"):
        needed = "at least 1" if architecture == "bert" else "0"
        raise ConfigError(
            f"num_segments must be {needed} for {architecture}, not {arguments.num_segments}"
        )
    # A dropout layer made with rate 0 has no random generator: it could not be turned up later.
    highest = max(arguments.dropout, arguments.attention_dropout)
    with nullcontext() if initialize else _zeros_for_random():
        backbone = ARCHITECTURES[architecture](arguments, float(highest))
    activation = _activation(arguments.activation)
    epsilon = float(arguments.layer_norm_epsilon)
    backbone.embeddings_layer_norm.epsilon = epsilon
    backbone.embeddings_dropout.rate = arguments.dropout
    for layer in backbone.transformer_layers:
        layer.activation = activation
        layer.layer_norm_epsilon = epsilon
        layer._feedforward_intermediate_dense.activation = activation
        layer._self_attention_layer_norm.epsilon = epsilon
        layer._feedforward_layer_norm.epsilon = epsilon
        layer._feedforward_dropout.rate = arguments.dropout
        attention = layer._self_attention_layer
        attention._dropout = arguments.attention_dropout
        attention._dropout_layer.rate = arguments.attention_dropout
        # transformers' DistilBERT has no dropout on what its attention adds; its BERT has.
        layer._self_attention_dropout.rate = arguments.dropout if architecture == "bert" else 0.0
    return backbone
