"""The numbers that make a T5, and the names of the weights that they make."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from kerasft.architectures.arguments import Arguments
from kerasft.architectures.name_table import Entry
from kerasft.errors import ConfigError
from kerasft.layers.relative_position_bias import check_buckets

_ROOT = "t5/"  # the model's name, with which its layers' paths begin

V1_1: dict[str, Any] = {
    "activation": "gelu_approximate",
    "gated": True,
    "tie_embeddings": False,
    "scale_outputs": False,
}
"""What version 1.1 and the flan-t5 models have besides `T5Arguments`' defaults."""


@dataclass(frozen=True)
class T5Arguments(Arguments):
    """The shape of a T5: everything that rebuilds it, apart from its weights.

    The defaults are those of t5-small (Raffel et al. 2020, section 3.7). Version 1.1 and the
    flan-t5 models have those of `V1_1` besides.

    Attributes:
        vocab_size: Rows of the embedding table.
        d_model: Width of the vectors between layers.
        d_kv: Width of an attention head; need not be d_model / heads.
        d_ff: Width inside the feed-forward layers.
        encoder_layers: Blocks of the encoder.
        decoder_layers: Blocks of the decoder.
        heads: Attention heads.
        relative_buckets: Buckets of relative positions, of the encoder and of the decoder.
        relative_max_distance: From which distance on all is one bucket.
        bias_per_block: Whether each block has relative positions of its own (umT5), or those of a
            stack share theirs.
        activation: Of the feed-forward layers, one of `layers.ACTIVATIONS`.
        gated: Whether the feed-forward layers have a gate.
        tie_embeddings: Whether the head uses the embedding table.
        scale_outputs: Whether the head reads the decoder's output times d_model ** -0.5.
        dropout: Dropout, the same everywhere.
        layer_norm_epsilon: Epsilon of every normalization.
        pad_id: The token id that is padding.
        end_id: The token id that ends sources and targets.
        start_id: The token id that the decoder starts from (in T5 the padding).

    Raises:
        ConfigError: A value is out of range.

    Example:
        >>> T5Arguments(100, d_model=16, d_kv=8, d_ff=32, encoder_layers=2, decoder_layers=1,
        ...             heads=2)
    """

    vocab_size: int = 32128
    d_model: int = 512
    d_kv: int = 64
    d_ff: int = 2048
    encoder_layers: int = 6
    decoder_layers: int = 6
    heads: int = 8
    relative_buckets: int = 32
    relative_max_distance: int = 128
    activation: str = "relu"
    gated: bool = False
    tie_embeddings: bool = True
    scale_outputs: bool = True
    dropout: float = 0.1
    layer_norm_epsilon: float = 1e-6
    pad_id: int = 0
    end_id: int = 1
    start_id: int = 0
    bias_per_block: bool = False

    KIND = "T5"
    RANGES: ClassVar = {
        "vocab_size": (1, 4_000_000),
        "d_model": (1, 20_000),
        "d_kv": (1, 20_000),
        "d_ff": (1, 200_000),
        "encoder_layers": (1, 200),
        "decoder_layers": (1, 200),
        "heads": (1, 1_000),
        "relative_buckets": (4, 10_000),
        "relative_max_distance": (1, 1_000_000),
        "pad_id": (0, 4_000_000),
        "end_id": (0, 4_000_000),
        "start_id": (0, 4_000_000),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        check_buckets(self.relative_buckets, self.relative_max_distance)
        for name in ("pad_id", "end_id", "start_id"):
            if getattr(self, name) >= self.vocab_size:
                raise ConfigError(
                    f"{name} ({getattr(self, name)}) must be a token of the vocabulary of "
                    f"{self.vocab_size:,} tokens"
                )
        if self.end_id in (self.pad_id, self.start_id):
            raise ConfigError(
                f"end_id ({self.end_id}) must be another token than pad_id and start_id"
            )
        self._check_size()

    @property
    def parameter_count(self) -> int:
        """Weights of the model."""
        width = self.d_model
        attention = 4 * width * self.heads * self.d_kv + width
        feed_forward = (3 if self.gated else 2) * width * self.d_ff + width
        blocks = self.encoder_layers * (attention + feed_forward)
        blocks += self.decoder_layers * (2 * attention + feed_forward)
        stacks = self.encoder_layers + self.decoder_layers if self.bias_per_block else 2
        positions = stacks * self.relative_buckets * self.heads
        tables = 1 if self.tie_embeddings else 2
        return tables * self.vocab_size * width + blocks + positions + 2 * width


def t5_entries(arguments: T5Arguments) -> list[Entry]:
    """The name table of T5ForConditionalGeneration, from the bottom up."""
    width = arguments.d_model
    table = (arguments.vocab_size, width)
    rows = [Entry("shared", _ROOT + "shared", "embedding", table)]
    for stack, depth in (
        ("encoder", arguments.encoder_layers),
        ("decoder", arguments.decoder_layers),
    ):
        for number in range(depth):
            if arguments.bias_per_block or not number:
                block = f"/block_{number}" if arguments.bias_per_block else ""
                rows.append(
                    Entry(
                        f"{stack}.block.{number}.layer.0.SelfAttention.relative_attention_bias",
                        f"{_ROOT}{stack}{block}/relative_position_bias",
                        "embedding",
                        (arguments.relative_buckets, arguments.heads),
                    )
                )
            rows.extend(_block(arguments, stack, number))
        rows.append(Entry(f"{stack}.final_layer_norm", f"{_ROOT}{stack}/norm", "scale", (width,)))
    if not arguments.tie_embeddings:
        rows.append(Entry("lm_head", _ROOT + "lm_head", "matrix", table))
    return rows


def _block(arguments: T5Arguments, stack: str, number: int) -> Iterator[Entry]:
    """The entries of one block: in transformers a list of two or three numbered layers."""
    width, inner, joined = arguments.d_model, arguments.d_ff, arguments.heads * arguments.d_kv
    theirs, ours = f"{stack}.block.{number}.layer", f"{_ROOT}{stack}/block_{number}"
    attentions = [("SelfAttention", "self_attention")]
    if stack == "decoder":
        attentions.append(("EncDecAttention", "cross_attention"))
    for place, (module, layer) in enumerate(attentions):
        for name in "qkvo":
            shape = (width, joined) if name == "o" else (joined, width)
            yield Entry(
                f"{theirs}.{place}.{module}.{name}", f"{ours}/{layer}/{name}", "matrix", shape
            )
        yield Entry(
            f"{theirs}.{place}.layer_norm", f"{ours}/{layer}_residual/norm", "scale", (width,)
        )
    place = len(attentions)
    for name in ("wi_0", "wi_1") if arguments.gated else ("wi",):
        yield Entry(
            f"{theirs}.{place}.DenseReluDense.{name}",
            f"{ours}/feed_forward/{name}",
            "matrix",
            (inner, width),
        )
    yield Entry(
        f"{theirs}.{place}.DenseReluDense.wo", f"{ours}/feed_forward/wo", "matrix", (width, inner)
    )
    yield Entry(
        f"{theirs}.{place}.layer_norm", f"{ours}/feed_forward_residual/norm", "scale", (width,)
    )
