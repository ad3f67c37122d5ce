"""DeBERTa, versions 2 and 3 (He et al. 2021, "DeBERTa" and "DeBERTaV3")."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from kerasft.architectures.architecture import (
    ACTIVATION_NAMES,
    ACTIVATION_OF,
    EncoderArchitecture,
    head_dense,
    layer_entries,
)
from kerasft.architectures.encoder import EncoderArguments, positions
from kerasft.architectures.name_table import Entry
from kerasft.architectures.post_norm import LAYER, PostNormArchitecture, PostNormEncoder
from kerasft.errors import ConfigError, KerasftError, PresetError
from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.disentangled_transformer_layer import DisentangledTransformerLayer
from kerasft.layers.initializers import TruncatedNormal
from kerasft.layers.relative_position_embedding import RelativePositionEmbedding
from kerasft.text.deberta_v2 import deberta_from
from kerasft.text.pretrained import TokenizerKind

_POSITIONS = {
    "content_to_position": {"self_attention_layer/position_key": "attention.self.pos_key_proj"},
    "position_to_content": {"self_attention_layer/position_query": "attention.self.pos_query_proj"},
}
_TERMS = {"c2p": "content_to_position", "p2c": "position_to_content"}


@dataclass(frozen=True)
class DebertaV2Arguments(EncoderArguments):
    """The shape of a DeBERTa: what it has beyond an `EncoderArguments`. The defaults are v3's.

    Attributes:
        embedding_size: Width of the tables of tokens; 0 for `hidden_size`.
        position_biased_input: Whether a vector for its position is added to each token.
        position_buckets: Buckets of distances in either direction; 0 for one a distance.
        max_relative_positions: From which distance on all is one bucket; 0 for `max_length`.
        norm_rel_ebd: Whether the distances' vectors are normalized.
        share_att_key: Whether distances pass through the tokens' own matrices.
        content_to_position: Whether queries are compared with distances ("c2p").
        position_to_content: Whether keys are ("p2c").
        conv_kernel_size: Positions that the convolution beside the first layer reads; 0 for none.
        conv_groups: Groups of its channels.
        conv_activation: What follows it.
        pooler_dropout: Dropout on what the sequence head reads.
        pooler_activation: The sequence head's activation.

    Raises:
        ConfigError: A value is out of range.
    """

    layer_norm_epsilon: float = 1e-7
    embedding_size: int = 0
    position_biased_input: bool = False
    position_buckets: int = 256
    max_relative_positions: int = 0
    norm_rel_ebd: bool = True
    share_att_key: bool = True
    content_to_position: bool = True
    position_to_content: bool = True
    conv_kernel_size: int = 0
    conv_groups: int = 1
    conv_activation: str = "tanh"
    pooler_dropout: float = 0.0
    pooler_activation: str = "gelu"

    RANGES: ClassVar = {
        **EncoderArguments.RANGES,
        "embedding_size": (0, 20_000),
        "position_buckets": (0, 100_000),
        "max_relative_positions": (0, 1_000_000),
        "conv_kernel_size": (0, 1_001),
        "conv_groups": (1, 20_000),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        middle = self.position_buckets // 2
        if self.position_buckets and not 1 < middle < self.farthest - 1:
            raise ConfigError(
                f"position_buckets ({self.position_buckets}) must be 4 or more, and half of it "
                f"less than the largest distance ({self.farthest}) less 1"
            )
        if self.conv_kernel_size and not self.conv_kernel_size % 2:
            raise ConfigError(f"conv_kernel_size must be odd, not {self.conv_kernel_size}")
        if self.hidden_size % self.conv_groups:
            raise ConfigError(
                f"conv_groups ({self.conv_groups}) must divide hidden_size ({self.hidden_size})"
            )
        for name in ("conv_activation", "pooler_activation"):
            if getattr(self, name) not in ACTIVATIONS:
                raise ConfigError(
                    f"{name} {getattr(self, name)!r} is not one of {', '.join(ACTIVATIONS)}"
                )

    @property
    def table_width(self) -> int:
        """See `EncoderArguments`."""
        return self.embedding_size or self.hidden_size

    @property
    def positions(self) -> int:
        """Rows of the table of positions; 0 where there is none."""
        return self.max_length if self.position_biased_input else 0

    @property
    def farthest(self) -> int:
        """The distance from which on all is one bucket."""
        return self.max_relative_positions or self.max_length

    @property
    def distances(self) -> int:
        """Rows of the table of distances."""
        return 2 * (self.position_buckets or self.farthest)

    @property
    def parameter_count(self) -> int:
        """Weights of the encoder without a head."""
        width, narrow, kernel = self.hidden_size, self.table_width, self.conv_kernel_size
        mapped = narrow * width + 2 * (width - narrow) if narrow != width else 0
        terms = 0 if self.share_att_key else self.content_to_position + self.position_to_content
        blocks = self.num_layers * terms * (width * width + width)
        convolution = (kernel * width // self.conv_groups + 3) * width if kernel else 0
        table = (self.distances + 2 * self.norm_rel_ebd) * width
        return super().parameter_count + mapped + table + blocks + convolution


class DebertaV2Encoder(PostNormEncoder):
    """Embeddings, normalized, under post-norm blocks that compare tokens with distances."""

    caches = False
    arguments: DebertaV2Arguments

    @property
    def normed_width(self) -> int:
        """Width of the vectors that are normalized before the blocks."""
        return self.arguments.hidden_size

    def make_layers(self, deviation: float) -> None:
        """Makes and builds all layers; see `PostNormEncoder.make_layers`."""
        super().make_layers(deviation)
        a, width, self.map = self.arguments, self.arguments.hidden_size, None
        self.relative_embedding = RelativePositionEmbedding(
            width,
            a.max_length,
            a.position_buckets,
            a.farthest,
            a.norm_rel_ebd,
            a.layer_norm_epsilon,
            deviation,
            name="relative_embedding",
        )
        self.relative_embedding.build()
        if a.table_width != width:
            start = TruncatedNormal(deviation)
            self.map = keras.layers.Dense(
                width, use_bias=False, kernel_initializer=start, name="embeddings_map"
            )
            self.map.build((None, None, a.table_width))

    def make_block(self, number: int, deviation: float, **changes: Any) -> keras.layers.Layer:
        """Makes one block; see `PostNormEncoder.make_block`."""
        a = self.arguments
        return DisentangledTransformerLayer(
            a.hidden_size,
            a.num_heads,
            a.intermediate_size,
            a.activation,
            attention_dropout=a.attention_dropout,
            dropout=a.dropout,
            epsilon=a.layer_norm_epsilon,
            initial_deviation=deviation,
            shared=a.share_att_key,
            content_to_position=a.content_to_position,
            position_to_content=a.position_to_content,
            kernel_size=0 if number else a.conv_kernel_size,
            groups=a.conv_groups,
            convolution_activation=a.conv_activation,
            name=f"transformer_layer_{number}",
        )

    def sum_tables(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """What is known of each token, (batch, length, hidden_size)."""
        x = super().sum_tables(inputs, training)
        return x if self.map is None else self.map(x)

    def mask(self, padding_mask: Any) -> Any:
        """What each block is given; see `DisentangledTransformerLayer`."""
        mask = super().mask(padding_mask)  # (batch, 1, 1, length)
        places = positions(mask[:, 0, 0, :, None])[0]  # (length,)
        return {"mask": mask, **self.relative_embedding.rows(places)}


class DebertaV2(PostNormArchitecture):
    """DeBERTa's versions 2 and 3 in transformers and here."""

    name = "deberta-v2"
    tokenizers = (
        TokenizerKind(
            deberta_from, ("DebertaV2Tokenizer",), ("deberta-v2",), ("spm.model",), "[PAD]"
        ),
    )
    arguments = DebertaV2Arguments
    encoder = DebertaV2Encoder
    twin = "DebertaV2"
    prefix = "deberta."
    head_modules = ("pooler", "classifier")
    modules: ClassVar = {
        part: f"{module}_proj" if module.startswith("attention.self.") else module
        for part, module in LAYER.items()
    }
    defaults: ClassVar = {
        **{"vocab_size": 128100, "num_hidden_layers": 24, "num_attention_heads": 24},
        **{"hidden_size": 1536, "intermediate_size": 6144, "type_vocab_size": 0},
        "layer_norm_eps": 1e-7,
    }
    fixed: ClassVar = {
        **{name: value for name, value in EncoderArchitecture.fixed.items()
           if name != "embedding_size"},
        "relative_attention": True,
        "attention_head_size": None,
        "pooler_hidden_size": None,
    }  # fmt: skip

    def _check(self, arguments: EncoderArguments, error: type[KerasftError]) -> None:
        """Lets any number of segments pass: later versions have none."""

    def new_arguments(self, pad_id: int, **sizes: Any) -> EncoderArguments:
        """Version 3's: no segments, and buckets of distances where texts are long."""
        buckets = 256 if sizes["max_length"] > 256 else 0
        return DebertaV2Arguments(**{"position_buckets": buckets, **sizes})

    def sequence_head(self, arguments: EncoderArguments, pooling: str) -> list[keras.layers.Layer]:
        """The context pooler: a dropout, a linear layer with an activation, and a dropout."""
        assert isinstance(arguments, DebertaV2Arguments)
        return [
            keras.layers.Dropout(arguments.pooler_dropout, name="pooled_dropout"),
            head_dense(arguments.hidden_size, "pooled_dense", arguments.pooler_activation),
            keras.layers.Dropout(arguments.head_dropout, name="head_dropout"),
        ]

    def token_head(self, arguments: EncoderArguments) -> list[keras.layers.Layer]:
        """A dropout at the rate of the layers, as transformers has it."""
        return [keras.layers.Dropout(arguments.dropout, name="head_dropout")]

    def head_entries(
        self, arguments: EncoderArguments, num_labels: int, pooling: str
    ) -> list[Entry]:
        """The same for "first" and "mean"; DebertaV2ForTokenClassification has one layer less."""
        rows = super().head_entries(arguments, num_labels, pooling)
        square = (arguments.hidden_size, arguments.hidden_size)
        dense = Entry("pooler.dense", "pooled_dense", "linear", square, head=True)
        return rows if pooling == "none" else [dense, *rows]

    def embedding_entries(self, arguments: EncoderArguments) -> list[Entry]:
        """The names of the weights below the blocks, and of the distances' vectors."""
        assert isinstance(arguments, DebertaV2Arguments)
        a, width, encoder = arguments, arguments.hidden_size, "deberta.encoder."
        *rows, norm = super().embedding_entries(a)
        if a.table_width != width:
            shape = (width, a.table_width)
            rows.append(Entry("deberta.embeddings.embed_proj", "embeddings_map", "matrix", shape))
        rows += [
            dataclasses.replace(norm, shape=(width,)),
            Entry(encoder + "rel_embeddings", "relative_embedding", "embedding",
                  (a.distances, width)),
        ]  # fmt: skip
        if a.norm_rel_ebd:
            normed = "relative_embedding/norm"
            rows.append(Entry(encoder + "LayerNorm", normed, "norm", (width,)))
        return rows

    def block_entries(self, arguments: EncoderArguments) -> list[Entry]:
        """The names of the weights of the blocks, and of the convolution beside the first."""
        assert isinstance(arguments, DebertaV2Arguments)
        a, width, parts = arguments, arguments.hidden_size, dict(self.modules)
        for term, modules in _POSITIONS.items():
            if getattr(a, term) and not a.share_att_key:
                parts |= modules
        rows = [*layer_entries(parts, "deberta.encoder.layer", a)]
        if a.conv_kernel_size:
            theirs, ours = "deberta.encoder.conv.", "transformer_layer_0/convolution"
            kernel = (width, width // a.conv_groups, a.conv_kernel_size)
            rows += [
                Entry(theirs + "conv", ours, "convolution", kernel),
                Entry(theirs + "LayerNorm", ours + "_norm", "norm", (width,)),
            ]
        return rows

    def arguments_from_config(self, config: Mapping[str, Any], source: str) -> EncoderArguments:
        """Reads a `config.json`; see `EncoderArchitecture.arguments_from_config`.

        Raises:
            PresetError: It names a term, a normalization or an activation that is not known.
        """
        if config.get("pooler_hidden_size") == config.get("hidden_size", 1536):
            config = {**config, "pooler_hidden_size": None}
        for name, known in (
            ("pos_att_type", set(_TERMS)),
            ("norm_rel_ebd", {"layer_norm", "none"}),
            ("pooler_hidden_act", set(ACTIVATION_OF)),
            ("conv_act", set(ACTIVATION_OF)),
        ):
            if further := set(_words(config.get(name))) - known:
                raise PresetError(
                    f"{source} sets {name} to {config[name]!r}, of which {sorted(further)[0]!r} is "
                    f"not supported; it must be of {', '.join(sorted(known))}"
                )
        return super().arguments_from_config(config, source)

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`."""
        values = super().values_from_config(
            {**config, "classifier_dropout": config.get("cls_dropout")}
        )
        terms = _words(config.get("pos_att_type"))

        def count(name: str) -> Any:
            """A number of which those below 1 mean none."""
            value = config.get(name)
            return 0 if value is None or (isinstance(value, int) and value < 1) else value

        narrow = config.get("embedding_size")
        return {
            **values,
            "embedding_size": 0 if narrow in (None, values["hidden_size"]) else narrow,
            "position_biased_input": config.get("position_biased_input", True),
            "position_buckets": count("position_buckets"),
            "max_relative_positions": count("max_relative_positions"),
            "norm_rel_ebd": "layer_norm" in _words(config.get("norm_rel_ebd")),
            "share_att_key": config.get("share_att_key", False),
            **{field: name in terms for name, field in _TERMS.items()},
            "conv_kernel_size": count("conv_kernel_size"),
            "conv_groups": config.get("conv_groups", 1),
            "conv_activation": ACTIVATION_OF[config.get("conv_act", "tanh")],
            "pooler_dropout": config.get("pooler_dropout", 0.0),
            "pooler_activation": ACTIVATION_OF[config.get("pooler_hidden_act", "gelu")],
        }

    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse."""
        assert isinstance(arguments, DebertaV2Arguments)
        a, config = arguments, super().config_from_arguments(arguments)
        del config["classifier_dropout"]
        return {
            **config,
            "max_position_embeddings": a.max_length,
            "cls_dropout": a.head_dropout,
            "relative_attention": True,
            **({"embedding_size": a.embedding_size} if a.embedding_size else {}),
            "position_biased_input": a.position_biased_input,
            "position_buckets": a.position_buckets or -1,
            "max_relative_positions": a.max_relative_positions or -1,
            "norm_rel_ebd": "layer_norm" if a.norm_rel_ebd else "none",
            "share_att_key": a.share_att_key,
            "pos_att_type": [name for name, field in _TERMS.items() if getattr(a, field)],
            "conv_kernel_size": a.conv_kernel_size,
            "conv_groups": a.conv_groups,
            "conv_act": ACTIVATION_NAMES[a.conv_activation],
            "pooler_dropout": a.pooler_dropout,
            "pooler_hidden_act": ACTIVATION_NAMES[a.pooler_activation],
        }


def _words(value: Any) -> list[str]:
    """The names in "p2c|c2p", as transformers reads it, or in a list of them."""
    names = value.lower().split("|") if isinstance(value, str) else value or []
    return [str(name).strip() for name in names]
