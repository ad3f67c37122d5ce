"""The numbers that make a Transformer."""

from dataclasses import dataclass
from typing import ClassVar

from kerasft.architectures.arguments import Arguments
from kerasft.errors import ConfigError


@dataclass(frozen=True)
class TransformerArguments(Arguments):
    """The shape of a Transformer: everything that rebuilds it, apart from its weights.

    The defaults are the paper's base model (section 3.1 and table 3).

    Attributes:
        src_vocab_size: Tokens of the source language.
        tgt_vocab_size: Tokens of the target language.
        src_seq_len: Most tokens in a source.
        tgt_seq_len: Most tokens in a target.
        d_model: Width of the vectors between layers.
        N: Blocks of the encoder, and as many of the decoder.
        h: Attention heads; must divide `d_model`.
        dropout: Dropout on what each sublayer adds and on the embedded inputs (section 5.4).
        d_ff: Width inside the feed-forward layers.
        tie_embeddings: Whether the projection uses the target embedding's table (section 3.4).
        norm_first: Whether residual connections normalize first (pre-norm) or last (the paper's).
        pad_id: The token id, of both languages, that is padding.

    Raises:
        ConfigError: A value is out of range.

    Example:
        >>> TransformerArguments(100, 120, 20, 20, d_model=16, N=1, h=2, d_ff=32)
    """

    src_vocab_size: int
    tgt_vocab_size: int
    src_seq_len: int
    tgt_seq_len: int
    d_model: int = 512
    N: int = 6
    h: int = 8
    dropout: float = 0.1
    d_ff: int = 2048
    tie_embeddings: bool = False
    norm_first: bool = True
    pad_id: int = 1

    KIND = "transformer"
    RANGES: ClassVar = {
        "src_vocab_size": (1, 4_000_000),
        "tgt_vocab_size": (1, 4_000_000),
        "src_seq_len": (1, 100_000),
        "tgt_seq_len": (1, 100_000),
        "d_model": (1, 20_000),
        "N": (1, 200),
        "h": (1, 1_000),
        "d_ff": (1, 100_000),
        "pad_id": (0, 4_000_000),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.h:
            raise ConfigError(
                f"the number of heads h ({self.h}) must divide d_model ({self.d_model}); choose "
                "another of the two"
            )
        if self.pad_id >= min(self.src_vocab_size, self.tgt_vocab_size):
            raise ConfigError(
                f"pad_id ({self.pad_id}) must be a token of both vocabularies, of "
                f"{self.src_vocab_size:,} and {self.tgt_vocab_size:,} tokens"
            )
        self._check_size()

    @property
    def parameter_count(self) -> int:
        """Weights of the model."""
        width, inner, target = self.d_model, self.d_ff, self.tgt_vocab_size
        norm = 2 * width
        attention = 4 * (width * width + width) + norm
        feed_forward = 2 * width * inner + inner + width + norm
        blocks = self.N * (3 * attention + 2 * feed_forward)
        final_norms = 2 * norm if self.norm_first else 0
        embeddings = (self.src_vocab_size + target) * width
        projection = target if self.tie_embeddings else target * width + target
        return embeddings + blocks + final_norms + projection
