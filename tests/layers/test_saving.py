"""Keras can write each layer down and make it again."""

import keras
import pytest

from kerasft import layers

LAYERS = [
    layers.InputEmbedding(10, 8),
    layers.PositionalEncoding(7, 8, dropout=0.2),
    layers.LayerNormalization(epsilon=1e-3),
    layers.FeedForward(8, 12),
    layers.MultiHeadAttention(8, 2),
    layers.ResidualConnection(0.2, norm_first=False),
    layers.ResidualConnection(0.2, norm=layers.RootMeanSquareNormalization(1e-3)),
    layers.EncoderBlock(8, 2, 12, 0.2, norm_first=False),
    layers.Encoder(2, 8, 2, 12, 0.2, norm_first=False),
    layers.DecoderBlock(8, 2, 12, 0.2, norm_first=False),
    layers.Decoder(2, 8, 2, 12, 0.2, norm_first=False),
    layers.Projection(8, 10, tied=True),
    layers.RootMeanSquareNormalization(epsilon=1e-3),
    layers.RelativePositionBias(2, False, 7, 9, 0.3),
    layers.SelfAttention(8, 2, 0.2, 0.3),
    layers.TransformerLayer(8, 2, 12, "silu", 0.1, 0.2, 0.3, 1e-3, 0.1),
    layers.RotaryAttention(8, 2, 0.2, True, 0.3, 0.4),
    layers.RotaryTransformerLayer(
        8, 2, 12, "silu", "local", 0.1, 0.2, 1e-3, True, True, True, False, True, 0.1, 0.2
    ),
    layers.RelativePositionEmbedding(8, 30, 4, 9, False, 1e-3, 0.1),
    layers.DisentangledAttention(8, 2, 0.2, 0.3, 0.1, False, True, False),
    layers.DisentangledTransformerLayer(
        8, 2, 12, "silu", 0.1, 0.2, 1e-3, 0.1, False, True, False, 3, 2, "relu"
    ),
    layers.VirtualTokens(8, 30, 10),
    layers.MaskedLanguageHead(10, 8, "relu", 1e-3),
    layers.VirtualTokens(8, 12),
    layers.T5Attention(8, 2, 3, 0.2, 0.5),
    layers.T5FeedForward(8, 12, "silu", True, 0.2, 0.5),
    layers.T5EncoderBlock(8, 2, 3, 12, "silu", True, 0.2, 1e-3),
    layers.T5Encoder(2, 8, 2, 3, 12, "silu", True, 0.2, 1e-3, 7, 9, True, 0.5),
    layers.T5DecoderBlock(8, 2, 3, 12, "silu", True, 0.2, 1e-3),
    layers.T5Decoder(2, 8, 2, 3, 12, "silu", True, 0.2, 1e-3, 7, 9),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_layer_is_made_again(layer):
    written = keras.saving.serialize_keras_object(layer)
    assert written["registered_name"] == f"kerasft>{type(layer).__name__}"
    again = keras.saving.deserialize_keras_object(written)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_every_layer_is_here():
    public = [getattr(layers, name) for name in layers.__all__]
    classes = {item for item in public if isinstance(item, type) and issubclass(item, keras.Layer)}
    assert {type(layer) for layer in LAYERS} == classes
