"""ALBERT (Lan et al. 2020, "ALBERT: A Lite BERT for Self-supervised Learning")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from kerasft.architectures.architecture import block_entries
from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.factorized import (
    FactorizedArchitecture,
    FactorizedArguments,
    FactorizedEncoder,
)
from kerasft.architectures.name_table import Entry
from kerasft.architectures.pooler_head import PoolerHeadArchitecture
from kerasft.errors import ConfigError
from kerasft.text.albert import albert_from
from kerasft.text.pretrained import TokenizerKind


@dataclass(frozen=True)
class AlbertArguments(FactorizedArguments):
    """The shape of an ALBERT, whose layers share their weights.

    Attributes:
        num_hidden_groups: Groups of blocks with weights of their own; layers in a row share one.
        inner_group_num: Blocks in a group, which each of its layers runs one upon the other.
    """

    num_hidden_groups: int = 1
    inner_group_num: int = 1

    RANGES: ClassVar = {
        **FactorizedArguments.RANGES,
        "num_hidden_groups": (1, 200),
        "inner_group_num": (1, 200),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_hidden_groups > self.num_layers:
            raise ConfigError(
                f"num_hidden_groups ({self.num_hidden_groups}) must not be more than num_layers "
                f"({self.num_layers})"
            )

    @property
    def is_mapped(self) -> bool:
        """Always, whatever the widths are."""
        return True

    @property
    def own_blocks(self) -> int:
        """Blocks that have weights of their own."""
        return self.num_hidden_groups * self.inner_group_num

    @property
    def depth(self) -> int:
        """Blocks that a text passes through."""
        return self.num_layers * self.inner_group_num


class AlbertEncoder(FactorizedEncoder):
    """A `FactorizedEncoder` in whose `blocks` one and the same layer stands several times."""

    arguments: AlbertArguments
    caches = False

    def make_blocks(self, deviation: float) -> list[keras.layers.Layer]:
        """Makes each group of blocks once, and lists them as a text passes through them."""
        a = self.arguments
        # transformers has no dropout behind the feed-forward part here.
        made = [
            self.make_block(number, deviation, feedforward_dropout=0.0)
            for number in range(a.own_blocks)
        ]
        blocks: list[keras.layers.Layer] = []
        for layer in range(a.num_layers):
            group = int(
                layer / (a.num_layers / a.num_hidden_groups)
            )  # rounded as transformers does
            blocks += made[group * a.inner_group_num : (group + 1) * a.inner_group_num]
        return blocks


class Albert(PoolerHeadArchitecture, FactorizedArchitecture):
    """ALBERT in transformers and here."""

    name = "albert"
    tokenizers = (TokenizerKind(albert_from, ("AlbertTokenizer",), ("albert",), ("spiece.model",)),)
    arguments = AlbertArguments
    encoder = AlbertEncoder
    twin = "Albert"
    prefix = "albert."
    pooler = "pooler"
    map_module = "encoder.embedding_hidden_mapping_in"
    modules: ClassVar = {
        "self_attention_layer/query": "attention.query",
        "self_attention_layer/key": "attention.key",
        "self_attention_layer/value": "attention.value",
        "self_attention_layer/attention_output": "attention.dense",
        "self_attention_residual/norm": "attention.LayerNorm",
        "feedforward_intermediate_dense": "ffn",
        "feedforward_output_dense": "ffn_output",
        "feedforward_residual/norm": "full_layer_layer_norm",
    }
    defaults: ClassVar = {
        "vocab_size": 30000,
        "hidden_size": 4096,
        "num_attention_heads": 64,
        "intermediate_size": 16384,
        "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout_prob": 0.1,
    }

    def block_entries(self, arguments: EncoderArguments) -> list[Entry]:
        """The names of the weights of the blocks, each once."""
        assert isinstance(arguments, AlbertArguments)
        size, theirs = arguments.inner_group_num, "albert.encoder.albert_layer_groups"
        return [
            entry
            for number in range(arguments.own_blocks)
            for entry in block_entries(
                self.modules,
                f"{theirs}.{number // size}.albert_layers.{number % size}",
                number,
                arguments,
            )
        ]

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`."""
        config = {**self.defaults, **config}
        return {
            **super().values_from_config(
                {**config, "classifier_dropout": config["classifier_dropout_prob"]}
            ),
            "num_hidden_groups": config.get("num_hidden_groups", 1),
            "inner_group_num": config.get("inner_group_num", 1),
        }

    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse."""
        assert isinstance(arguments, AlbertArguments)
        config = super().config_from_arguments(arguments)
        config["classifier_dropout_prob"] = config.pop("classifier_dropout")
        return {
            **config,
            "num_hidden_groups": arguments.num_hidden_groups,
            "inner_group_num": arguments.inner_group_num,
        }
