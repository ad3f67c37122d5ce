"""The Transformer's layers (Vaswani et al. 2017, "Attention Is All You Need"), on `keras.ops`.

One file per layer; each docstring has its formula and the section of the paper. In the order in
which a text passes through them: `InputEmbedding`, `PositionalEncoding`, `Encoder` (of
`EncoderBlock`s), `Decoder` (of `DecoderBlock`s), `Projection`; the blocks consist of
`MultiHeadAttention`, `FeedForward` and, around each, a `ResidualConnection` with its
`LayerNormalization`.

T5 (Raffel et al. 2020) exchanges some parts: `T5Encoder` and `T5Decoder` are these same blocks
around `T5Attention` and `T5FeedForward`, with a `RootMeanSquareNormalization` in each
`ResidualConnection`, and a `RelativePositionBias` in place of the positional encoding.

Encoders such as BERT (Devlin et al. 2019) are `TransformerLayer`s around `SelfAttention`, under a
`MaskedLanguageHead` while they learn a language. Later ones tell positions apart by turning queries
and keys (`RotaryTransformerLayer`, `RotaryAttention`), or compare tokens with distances
(`DisentangledTransformerLayer`, `DisentangledAttention`, `RelativePositionEmbedding`).

`VirtualTokens` is the place before the embeddings of a text which methods of tuning fill.
"""

from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.decoder import Decoder, DecoderBlock
from kerasft.layers.disentangled_attention import DisentangledAttention
from kerasft.layers.disentangled_transformer_layer import DisentangledTransformerLayer
from kerasft.layers.encoder import Encoder, EncoderBlock
from kerasft.layers.feed_forward import FeedForward
from kerasft.layers.input_embedding import InputEmbedding
from kerasft.layers.layer_normalization import LayerNormalization
from kerasft.layers.masked_language_head import MaskedLanguageHead
from kerasft.layers.masks import causal_mask, padding_mask
from kerasft.layers.multi_head_attention import MultiHeadAttention
from kerasft.layers.positional_encoding import PositionalEncoding, sinusoids
from kerasft.layers.projection import Projection
from kerasft.layers.relative_position_bias import RelativePositionBias
from kerasft.layers.relative_position_embedding import RelativePositionEmbedding
from kerasft.layers.residual_connection import ResidualConnection
from kerasft.layers.root_mean_square_normalization import RootMeanSquareNormalization
from kerasft.layers.rotary_attention import RotaryAttention
from kerasft.layers.rotary_transformer_layer import RotaryTransformerLayer
from kerasft.layers.self_attention import SelfAttention
from kerasft.layers.t5_attention import T5Attention
from kerasft.layers.t5_decoder import T5Decoder, T5DecoderBlock
from kerasft.layers.t5_encoder import T5Encoder, T5EncoderBlock
from kerasft.layers.t5_feed_forward import T5FeedForward
from kerasft.layers.transformer_layer import TransformerLayer
from kerasft.layers.virtual_tokens import VirtualTokens

__all__ = [
    "ACTIVATIONS",
    "Decoder",
    "DecoderBlock",
    "DisentangledAttention",
    "DisentangledTransformerLayer",
    "Encoder",
    "EncoderBlock",
    "FeedForward",
    "InputEmbedding",
    "LayerNormalization",
    "MaskedLanguageHead",
    "MultiHeadAttention",
    "PositionalEncoding",
    "Projection",
    "RelativePositionBias",
    "RelativePositionEmbedding",
    "ResidualConnection",
    "RootMeanSquareNormalization",
    "RotaryAttention",
    "RotaryTransformerLayer",
    "SelfAttention",
    "T5Attention",
    "T5Decoder",
    "T5DecoderBlock",
    "T5Encoder",
    "T5EncoderBlock",
    "T5FeedForward",
    "TransformerLayer",
    "VirtualTokens",
    "causal_mask",
    "padding_mask",
    "sinusoids",
]
