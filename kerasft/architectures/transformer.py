"""The encoder-decoder Transformer (Vaswani et al. 2017, "Attention Is All You Need")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kerasft import layers
from kerasft.architectures.arguments import Arguments
from kerasft.architectures.seq2seq import State, TokenLossModel
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


@keras.saving.register_keras_serializable(package="kerasft")
class Transformer(TokenLossModel):
    """Encoder, decoder and projection, built at once.

    Inputs: `{"source_ids": (batch, s) int32, "target_ids": (batch, t) int32}`; the targets begin
    with the start token, and both are padded at the end with `pad_id`. Output: at each position of
    the target, the log-probabilities of the token that comes next, (batch, t, tgt_vocab_size)
    float32.

    `compile` wants a loss whose value is the mean over a batch's real tokens, see
    `TokenLossModel`.

    Example:
        >>> model = Transformer(TransformerArguments(100, 120, 20, 20, d_model=16, N=1, h=2))
        >>> model({"source_ids": np.array([[2, 7, 3]]), "target_ids": np.array([[2, 9]])})
    """

    architecture = "transformer"

    def __init__(self, arguments: TransformerArguments) -> None:
        super().__init__(name="transformer")
        self.arguments = arguments
        a = arguments
        stack = (a.N, a.d_model, a.h, a.d_ff, a.dropout, a.norm_first)
        self.source_embedding = layers.InputEmbedding(
            a.src_vocab_size, a.d_model, name="source_embedding"
        )
        self.virtual_tokens = layers.VirtualTokens(
            *(a.d_model, a.src_seq_len, a.src_vocab_size, self.source_embedding.call),
            name="virtual_tokens",
        )
        self.source_positions = layers.PositionalEncoding(
            a.src_seq_len, a.d_model, a.dropout, name="source_positions"
        )
        self.encoder = layers.Encoder(*stack, name="encoder")
        self.target_embedding = layers.InputEmbedding(
            a.tgt_vocab_size, a.d_model, name="target_embedding"
        )
        self.target_positions = layers.PositionalEncoding(
            a.tgt_seq_len, a.d_model, a.dropout, name="target_positions"
        )
        self.decoder = layers.Decoder(*stack, name="decoder")
        self.projection = layers.Projection(
            a.d_model, a.tgt_vocab_size, tied=a.tie_embeddings, name="projection"
        )
        self._track_token_loss()
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights; `__init__` has done it."""
        for layer in (self.source_embedding, self.target_embedding):
            layer.build((None, None))
        for layer in (
            *(self.virtual_tokens, self.source_positions, self.encoder),
            *(self.target_positions, self.decoder, self.projection),
        ):
            layer.build((None, None, self.arguments.d_model))

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Scores each next token of given targets.

        Returns:
            (batch, t, tgt_vocab_size) float32 log-probabilities.

        Raises:
            DataError: A source or target has more tokens than the model has positions.
        """
        source_mask = self.source_mask(inputs["source_ids"])
        target_mask = self.target_mask(inputs["target_ids"])
        memory = self.encode(inputs["source_ids"], source_mask, training=training)
        x = self.decode(memory, source_mask, inputs["target_ids"], target_mask, training=training)
        return self.project(x)

    def source_mask(self, source_ids: Any) -> Any:
        """Hides the padding of the sources; virtual tokens before them count among their length s.

        Args:
            source_ids: (batch, s) int.

        Returns:
            (batch, 1, 1, s) bool.
        """
        mask = layers.padding_mask(source_ids, self.arguments.pad_id)
        return self.virtual_tokens.extend(mask, True)

    def target_mask(self, target_ids: Any) -> Any:
        """Hides the padding of the targets, and from each position those after it.

        Args:
            target_ids: (batch, t) int.

        Returns:
            (batch, 1, t, t) bool.
        """
        padding = layers.padding_mask(target_ids, self.arguments.pad_id)  # (batch, 1, 1, t)
        causal = layers.causal_mask(ops.shape(target_ids)[1])  # (1, 1, t, t)
        return ops.logical_and(padding, causal)

    def encode(self, source_ids: Any, source_mask: Any, training: bool | None = None) -> Any:
        """Reads the sources.

        Args:
            source_ids: (batch, s) int.
            source_mask: (batch, 1, 1, s) bool.

        Returns:
            The memory, (batch, s, d_model).
        """
        x = self.virtual_tokens(self.source_embedding(source_ids), training=training)
        x = self.source_positions(x, training=training)
        return self.encoder(x, source_mask=source_mask, training=training)

    def decode(
        self,
        memory: Any,
        source_mask: Any,
        target_ids: Any,
        target_mask: Any,
        training: bool | None = None,
        return_scores: bool = False,
    ) -> Any:
        """Reads the targets beside the memory.

        Args:
            memory: (batch, s, d_model).
            source_mask: (batch, 1, 1, s) bool.
            target_ids: (batch, t) int.
            target_mask: (batch, 1, t, t) bool.
            return_scores: Whether to return the last block's attention to the source as well.

        Returns:
            (batch, t, d_model), or with `return_scores` also the scores (batch, h, t, s).
        """
        x = self.target_positions(self.target_embedding(target_ids), training=training)
        return self.decoder(
            x,
            memory,
            source_mask=source_mask,
            target_mask=target_mask,
            return_scores=return_scores,
            training=training,
        )

    def project(self, x: Any) -> Any:
        """Scores the next token.

        Args:
            x: (batch, t, d_model).

        Returns:
            (batch, t, tgt_vocab_size) float32 log-probabilities.
        """
        if self.arguments.tie_embeddings:
            table = ops.convert_to_tensor(self.target_embedding.embeddings)
            return self.projection(x, table=table)
        return self.projection(x)

    def cross_attention(self, inputs: Mapping[str, Any]) -> Any:
        """How the last decoder block looks at the source, for a picture.

        Returns:
            The scores, (batch, h, t, s): each row sums to 1.
        """
        source_ids, target_ids = map(
            ops.convert_to_tensor, (inputs["source_ids"], inputs["target_ids"])
        )
        source_mask = self.source_mask(source_ids)
        memory = self.encode(source_ids, source_mask)
        _, scores = self.decode(
            memory, source_mask, target_ids, self.target_mask(target_ids), return_scores=True
        )
        return scores

    def start_decoding(self, source_ids: Any, length: int, beams: int = 1) -> State:
        """Reads the sources and makes room for targets; see `generation.StepModel`.

        Raises:
            ConfigError: `length` is more than the model's `tgt_seq_len`.
        """
        if not 1 <= length <= self.arguments.tgt_seq_len:
            raise ConfigError(
                f"the length to decode is {length}; the model has positions for 1 to "
                f"{self.arguments.tgt_seq_len} tokens"
            )
        source_ids = ops.convert_to_tensor(source_ids)
        source_mask = self.source_mask(source_ids)
        memory = self.encode(source_ids, source_mask, training=False)
        return {"source_mask": source_mask, "blocks": self.decoder.start(memory, length * beams)}

    def decode_step(
        self, state: State, token_ids: Any, visible: Any, position: Any
    ) -> tuple[Any, State]:
        """Scores the token after one more token, with all earlier work remembered.

        It can stand in the body of `ops.while_loop`; see `generation.StepModel` for the shapes.
        """
        if keras.backend.backend() == "torch":
            position = int(position)  # it computes at once, and slices far faster by whole numbers
        x = self.target_embedding.call(token_ids)  # (batch, beams, d_model)
        x = x + ops.cast(self.target_positions.at(position), x.dtype)
        slot = position * token_ids.shape[1]
        x, blocks = self.decoder.step(
            x, state["blocks"], state["source_mask"], visible[:, None], slot
        )
        return self.project(x), {"source_mask": state["source_mask"], "blocks": blocks}

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the model again."""
        return {"arguments": self.arguments.to_dict()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Transformer":
        """Makes the model that `get_config` described."""
        return cls(TransformerArguments.from_dict(config["arguments"]))


def build_transformer(
    src_vocab_size: int,
    tgt_vocab_size: int,
    src_seq_len: int,
    tgt_seq_len: int,
    d_model: int = 512,
    N: int = 6,
    h: int = 8,
    dropout: float = 0.1,
    d_ff: int = 2048,
    *,
    tie_embeddings: bool = False,
    norm_first: bool = True,
    pad_id: int = 1,
) -> Transformer:
    """A Transformer with random weights, every matrix drawn as Glorot and Bengio 2010 (Xavier).

    The arguments are those of `TransformerArguments`, which explains them.

    Raises:
        ConfigError: A value is out of range.

    Example:
        >>> model = build_transformer(100, 120, 20, 20, d_model=16, N=1, h=2, d_ff=32)
    """
    arguments = TransformerArguments(
        src_vocab_size=src_vocab_size,
        tgt_vocab_size=tgt_vocab_size,
        src_seq_len=src_seq_len,
        tgt_seq_len=tgt_seq_len,
        d_model=d_model,
        N=N,
        h=h,
        dropout=dropout,
        d_ff=d_ff,
        tie_embeddings=tie_embeddings,
        norm_first=norm_first,
        pad_id=pad_id,
    )
    return Transformer(arguments)
