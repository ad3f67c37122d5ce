"""The Transformer's layers (Vaswani et al. 2017, "Attention Is All You Need"), on `keras.ops`.

One file a layer; each docstring holds its formula and where the paper has it. In the order in which
a text passes through them: `InputEmbedding`, `PositionalEncoding`, `Encoder` (of `EncoderBlock`s),
`Decoder` (of `DecoderBlock`s), `Projection`; the blocks consist of `MultiHeadAttention`,
`FeedForward` and, around each of these, a `ResidualConnection` with its `LayerNormalization`.
"""

from kerasft.layers.decoder import Cache, Decoder, DecoderBlock
from kerasft.layers.encoder import Encoder, EncoderBlock
from kerasft.layers.feed_forward import FeedForward
from kerasft.layers.input_embedding import InputEmbedding
from kerasft.layers.layer_normalization import LayerNormalization
from kerasft.layers.masks import causal_mask, padding_mask
from kerasft.layers.multi_head_attention import MultiHeadAttention
from kerasft.layers.positional_encoding import PositionalEncoding, sinusoids
from kerasft.layers.projection import Projection
from kerasft.layers.residual_connection import ResidualConnection

__all__ = [
    "Cache",
    "Decoder",
    "DecoderBlock",
    "Encoder",
    "EncoderBlock",
    "FeedForward",
    "InputEmbedding",
    "LayerNormalization",
    "MultiHeadAttention",
    "PositionalEncoding",
    "Projection",
    "ResidualConnection",
    "causal_mask",
    "padding_mask",
    "sinusoids",
]
