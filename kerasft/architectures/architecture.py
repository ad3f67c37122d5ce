"""What a family of models says of itself; one object a family, in a file of its name."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import keras

from kerasft.architectures.arguments import Arguments
from kerasft.architectures.encoder import EncoderArguments, EncoderStack
from kerasft.architectures.name_table import Entry
from kerasft.errors import ConfigError, KerasftError, PresetError
from kerasft.layers.activations import gelu_approximate
from kerasft.layers.initializers import TruncatedNormal
from kerasft.text.pretrained import TokenizerKind

Pooling = Literal["first", "mean"]
POOLINGS: tuple[str, ...] = get_args(Pooling)

ACTIVATION_OF = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_approximate",
    "gelu_pytorch_tanh": "gelu_approximate",
    "gelu_python_tanh": "gelu_approximate",
    "gelu_fast": "gelu_approximate",
    "gelu_accurate": "gelu_approximate",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}
"""transformers' name of an activation -> ours."""

ACTIVATION_NAMES = {ours: theirs for theirs, ours in reversed(ACTIVATION_OF.items())}
"""Our name of an activation -> the name that we write: the first of transformers'."""

INITIAL_DEVIATION = 0.02
"""Of the normal that transformers' encoders and heads start from; here it is cut at two of them."""

KERAS_HUB_SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_layers",
    "num_heads": "num_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_length",
    "dropout": "dropout",
    "num_segments": "num_segments",
}
"""What KerasHub's backbones call the arguments that they take -> what we do."""


@dataclass(frozen=True)
class KerasHubTwin:
    """A family as KerasHub has it; its encoder's layers, but for the norms, have our paths.

    Attributes:
        prefix: "Bert", with which the names of its classes begin.
        presets: What its list of presets calls the family.
        fixed: The arguments that its code fixes.
        head: Layer of a classifier's head here -> there.
    """

    prefix: str
    presets: str
    fixed: Mapping[str, Any]
    head: Mapping[str, str]

    def path_of(self, entry: Entry) -> str:
        """The path of KerasHub's layer of an entry."""
        path = entry.layer.replace("_residual/norm", "_layer_norm")
        return self.head.get(path, path)


class Architecture(ABC):
    """A family of models: what makes one of it.

    Attributes:
        name: "bert", ...: the `model_type` in a `config.json`, and what a saved folder says.
        arguments: The class of its arguments.
        tokenizers: The kinds of tokenizers that its checkpoints have.
    """

    name: ClassVar[str]
    arguments: ClassVar[type[Arguments]]
    tokenizers: ClassVar[tuple[TokenizerKind, ...]] = ()

    @abstractmethod
    def build(self, arguments: Any, initialize: bool = True) -> keras.Model:
        """Makes the model; of an encoder the encoder alone, without a head.

        Args:
            initialize: False leaves the matrices 0, when all of them are loaded afterwards.

        Raises:
            ConfigError: Such a model cannot be.
        """

    def read_arguments(
        self, values: Mapping[str, Any], error: type[KerasftError] = ConfigError
    ) -> Any:
        """The arguments that `to_dict` wrote, checked.

        Args:
            values: The arguments by name.
            error: The class of exception to raise.

        Raises:
            KerasftError: Of the class `error`; the message names the argument.
        """
        return self.arguments.from_dict(values, error)


class EncoderArchitecture(Architecture):
    """A family of encoders, and the heads that transformers puts on them.

    Attributes:
        model_types: Further values of `model_type` in a `config.json` that mean the same model.
        encoder: The class of its encoders.
        twin: "Bert", with which the names of transformers' classes begin.
        prefix: "bert.", with which the names of an encoder's weights begin under a head. A
            checkpoint of the encoder alone lacks it.
        token_table: The module of the tokens' table, behind the prefix.
        has_segments: Whether it tells the texts of a pair apart by a table of segments.
        head_modules: The modules of a sequence-classification head that were never pretrained.
        output: The module of such a head that gives the logits; here its layer is `classifier`, as
            that of each head.
        keras_hub: The family in KerasHub, where it has it.
        fixed: Settings of a `config.json` under which the same weights compute something else, and
            the value of each that is computed here.
    """

    arguments: ClassVar[type[EncoderArguments]] = EncoderArguments
    model_types: ClassVar[tuple[str, ...]] = ()
    encoder: ClassVar[type[EncoderStack]]
    twin: ClassVar[str]
    prefix: ClassVar[str]
    token_table: ClassVar[str] = "embeddings.word_embeddings"
    has_segments: ClassVar[bool] = False
    head_modules: ClassVar[tuple[str, ...]] = ("classifier",)
    output: ClassVar[str] = "classifier"
    keras_hub: ClassVar[KerasHubTwin | None] = None
    fixed: ClassVar[Mapping[str, Any]] = {
        "is_decoder": False,
        "add_cross_attention": False,
        "is_encoder_decoder": False,
        "position_embedding_type": "absolute",
        "embedding_size": None,
    }

    def build(self, arguments: EncoderArguments, initialize: bool = True) -> EncoderStack:
        """Makes the encoder."""
        self._check(arguments, ConfigError)
        return self.encoder(arguments, initialize)

    def read_arguments(
        self, values: Mapping[str, Any], error: type[KerasftError] = ConfigError
    ) -> EncoderArguments:
        """The arguments that `to_dict` wrote, checked."""
        arguments = self.arguments.from_dict(values, error)
        self._check(arguments, error)
        return arguments

    def _check(self, arguments: EncoderArguments, error: type[KerasftError]) -> None:
        if (arguments.num_segments > 0) != self.has_segments:
            needed = "at least 1" if self.has_segments else "0"
            raise error(
                f"num_segments must be {needed} for {self.name}, not {arguments.num_segments}"
            )

    @abstractmethod
    def sequence_head(self, arguments: EncoderArguments, pooling: str) -> list[keras.layers.Layer]:
        """What stands between the pooled hidden state and the layer `classifier`.

        Args:
            pooling: What is pooled: the "first" token or the "mean" of all.
        """

    def token_head(self, arguments: EncoderArguments) -> list[keras.layers.Layer]:
        """What stands between each token's hidden state and the layer `classifier`."""
        return [keras.layers.Dropout(arguments.head_dropout, name="head_dropout")]

    def head_pooling(self, arguments: EncoderArguments) -> Pooling:
        """What a sequence-classification head reads in transformers."""
        return "first"

    def pooling_config(self, pooling: str) -> dict[str, Any] | None:
        """What a `config.json` says for a sequence head that reads that; None if there is none."""
        return {} if pooling == "first" else None

    def output_module(self, pooling: str) -> str:
        """The module that gives the logits: of a classifier, or for "none" of a tagger."""
        return "classifier" if pooling == "none" else self.output

    def new_arguments(self, pad_id: int, **sizes: Any) -> EncoderArguments:
        """The arguments of a new model, as its family usually has them but for the sizes.

        Args:
            pad_id: The id of the token that fills batches.
            **sizes: Fields of its arguments.
        """
        return self.arguments(**{"num_segments": 2 if self.has_segments else 0, **sizes})

    @abstractmethod
    def entries(self, arguments: EncoderArguments, num_labels: int, pooling: str) -> list[Entry]:
        """The names of all weights in transformers and here; the layer `classifier` comes last.

        Args:
            num_labels: Outputs of the head.
            pooling: "first" or "mean" of a classifier, "none" of a tagger.
        """

    @abstractmethod
    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`; what it leaves out is transformers' default.

        The activation goes by transformers' name there, see `arguments_from_config`.
        """

    @abstractmethod
    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse: a `config.json`, without what all families share."""

    def arguments_from_config(self, config: Mapping[str, Any], source: str) -> EncoderArguments:
        """Reads a `config.json`.

        Args:
            source: The file, for messages.

        Raises:
            PresetError: It is of a variant that computes something else (a decoder, relative
                positions, an unknown activation, ...).
        """
        for name, value in self.fixed.items():
            if config.get(name, value) not in (value, None):
                raise PresetError(
                    f"{source} sets {name} to {config[name]!r}; only {value!r} is supported"
                )
        values = self.values_from_config(config)
        activation = values["activation"]
        if not isinstance(activation, str) or activation not in ACTIVATION_OF:
            raise PresetError(
                f"{source} has the activation {activation!r}, which is not supported; "
                f"it must be one of {', '.join(ACTIVATION_OF)}"
            )
        values["activation"] = ACTIVATION_OF[activation]
        try:
            return self.arguments.from_dict(values, PresetError)
        except PresetError as problem:
            raise PresetError(f"{source}: {problem}") from None


def head_dense(
    units: int, name: str, activation: str | None = None, use_bias: bool = True
) -> keras.layers.Dense:
    """A linear layer of a head, as transformers' heads start.

    Args:
        activation: What follows it: one of `layers.ACTIVATIONS`, or nothing.
    """
    start = TruncatedNormal(INITIAL_DEVIATION)
    function = gelu_approximate if activation == "gelu_approximate" else activation
    return keras.layers.Dense(units, function, use_bias, kernel_initializer=start, name=name)


def layer_entries(
    modules: Mapping[str, str], theirs: str, arguments: EncoderArguments
) -> Iterator[Entry]:
    """The entries of an encoder's blocks, which are `layers.TransformerLayer`s.

    Args:
        modules: Part of a block -> module in transformers' layer:
            {"self_attention_layer/query": "attention.self.query", ...}.
        theirs: Where transformers has its layers: "bert.encoder.layer".
    """
    for number in range(arguments.num_layers):
        yield from block_entries(modules, f"{theirs}.{number}", number, arguments)


def block_entries(
    modules: Mapping[str, str], theirs: str, number: int, arguments: EncoderArguments
) -> Iterator[Entry]:
    """The entries of one block.

    Args:
        modules: As for `layer_entries`.
        theirs: The layer in transformers: "bert.encoder.layer.0".
        number: Of the block here.
    """
    width, inner = arguments.hidden_size, arguments.intermediate_size
    shapes = {
        "feedforward_intermediate_dense": (inner, width),
        "feedforward_output_dense": (width, inner),
    }
    for part, module in modules.items():
        norm = part.endswith("/norm")
        yield Entry(
            f"{theirs}.{module}",
            f"transformer_layer_{number}/{part}",
            "norm" if norm else "linear",
            (width,) if norm else shapes.get(part, (width, width)),
        )
