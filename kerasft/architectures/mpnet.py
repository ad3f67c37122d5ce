"""MPNet (Song et al. 2020, "MPNet: Masked and Permuted Pre-training")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from kerasft.architectures.dense_head import DenseHeadArchitecture
from kerasft.architectures.encoder import EncoderArguments, positions
from kerasft.architectures.name_table import Entry
from kerasft.architectures.padded_positions import PaddedArguments, PaddedPositionsEncoder
from kerasft.architectures.post_norm import LAYER
from kerasft.layers.masks import hide
from kerasft.layers.relative_position_bias import RelativePositionBias
from kerasft.text.mpnet import mpnet_from
from kerasft.text.pretrained import TokenizerKind

BUCKETS, FARTHEST = 32, 128
"""Of relative positions, which transformers computes with whatever the configuration says."""


@dataclass(frozen=True)
class MPNetArguments(PaddedArguments):
    """The shape of an MPNet. Its `pad_id` is that of the positions, 1 in every MPNet."""

    @property
    def parameter_count(self) -> int:
        """Weights of the encoder without a head."""
        return super().parameter_count + BUCKETS * self.num_heads


class MPNetEncoder(PaddedPositionsEncoder):
    """Positions both added to the tokens and, relative, to the scores of all blocks."""

    caches = False

    def make_layers(self, deviation: float) -> None:
        """Makes and builds all layers; see `PostNormEncoder.make_layers`."""
        super().make_layers(deviation)
        self.relative_positions = RelativePositionBias(
            self.arguments.num_heads,
            bidirectional=True,
            buckets=BUCKETS,
            max_distance=FARTHEST,
            initial_deviation=deviation,
            name="relative_position_bias",
        )
        self.relative_positions.build()

    def mask(self, padding_mask: Any) -> Any:
        """What is added to the scores: (batch, heads, length, length) float32."""
        places = positions(padding_mask[:, :, None])  # (1, length)
        distances = places[:, None, :] - places[:, :, None]  # (1, length, length)
        bias = ops.transpose(self.relative_positions(distances), (0, 3, 1, 2))
        return hide(super().mask(padding_mask), bias)


class MPNet(DenseHeadArchitecture):
    """MPNet in transformers and here."""

    name = "mpnet"
    tokenizers = (TokenizerKind(mpnet_from, ("MPNetTokenizer",), ("mpnet",), ("vocab.txt",)),)
    arguments = MPNetArguments
    encoder = MPNetEncoder
    twin = "MPNet"
    prefix = "mpnet."
    has_segments = False
    defaults: ClassVar = {"vocab_size": 30527}
    fixed: ClassVar = {**DenseHeadArchitecture.fixed, "relative_attention_num_buckets": BUCKETS}
    modules: ClassVar = {
        **LAYER,
        "self_attention_layer/query": "attention.attn.q",
        "self_attention_layer/key": "attention.attn.k",
        "self_attention_layer/value": "attention.attn.v",
        "self_attention_layer/attention_output": "attention.attn.o",
        "self_attention_residual/norm": "attention.LayerNorm",
    }

    def embedding_entries(self, arguments: EncoderArguments) -> list[Entry]:
        """The names of the weights below the blocks."""
        shape = (BUCKETS, arguments.num_heads)
        bias = "mpnet.encoder.relative_attention_bias"
        return [
            *super().embedding_entries(arguments),
            Entry(bias, "relative_position_bias", "embedding", shape),
        ]

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`."""
        values = super().values_from_config(config)
        if isinstance(values["max_length"], int):
            values["max_length"] -= 2
        # It has one rate of dropout for its layers and its heads.
        return {**values, "num_segments": 0, "head_dropout": values["dropout"]}

    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse."""
        config = super().config_from_arguments(arguments)
        del config["type_vocab_size"], config["classifier_dropout"]
        return {**config, "relative_attention_num_buckets": BUCKETS, "pad_token_id": 1}
