"""Tables of a width of their own, and a linear map to the hidden states.

Source: Lan et al., "ALBERT" (2020), section 3.1, "Factorized embedding parameterization".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.name_table import Entry
from kerasft.architectures.post_norm import PostNormArchitecture, PostNormEncoder
from kerasft.layers.initializers import TruncatedNormal


@dataclass(frozen=True)
class FactorizedArguments(EncoderArguments):
    """The shape of an encoder whose tables have a width of their own.

    Attributes:
        embedding_size: Width of the tables of tokens, positions and segments.
    """

    embedding_size: int = 128

    RANGES: ClassVar = {**EncoderArguments.RANGES, "embedding_size": (1, 20_000)}

    @property
    def table_width(self) -> int:
        """Width of the tables of tokens, positions and segments."""
        return self.embedding_size

    @property
    def is_mapped(self) -> bool:
        """Whether there is a map between the tables and the blocks."""
        return self.embedding_size != self.hidden_size

    @property
    def parameter_count(self) -> int:
        """Weights of the encoder without a head."""
        between = (self.embedding_size + 1) * self.hidden_size if self.is_mapped else 0
        return super().parameter_count + between


class FactorizedEncoder(PostNormEncoder):
    """A `PostNormEncoder` of `FactorizedArguments`: norm(tokens + positions + segments) W + b."""

    arguments: FactorizedArguments

    def make_layers(self, deviation: float) -> None:
        """Makes and builds all layers; see `PostNormEncoder.make_layers`."""
        super().make_layers(deviation)
        a, self.map = self.arguments, None
        if a.is_mapped:
            start = TruncatedNormal(deviation)
            self.map = keras.layers.Dense(
                a.hidden_size, kernel_initializer=start, name="embeddings_map"
            )
            self.map.build((None, None, a.embedding_size))

    def embed(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Sums what is known of each token, and maps it; see `EncoderStack.embed`."""
        x = super().embed(inputs, training)  # (batch, length, embedding_size)
        return x if self.map is None else self.map(x)


class FactorizedArchitecture(PostNormArchitecture):
    """A family of `FactorizedEncoder`s.

    Attributes:
        map_module: The map in transformers, behind the prefix.
    """

    arguments: ClassVar[type[FactorizedArguments]] = FactorizedArguments
    encoder = FactorizedEncoder
    map_module: ClassVar[str]
    fixed: ClassVar = {
        name: value
        for name, value in PostNormArchitecture.fixed.items()
        if name != "embedding_size"
    }

    def embedding_entries(self, arguments: EncoderArguments) -> list[Entry]:
        """The names of the weights below the blocks."""
        assert isinstance(arguments, FactorizedArguments)
        rows = super().embedding_entries(arguments)
        if arguments.is_mapped:
            shape = (arguments.hidden_size, arguments.embedding_size)
            rows.append(Entry(self.prefix + self.map_module, "embeddings_map", "linear", shape))
        return rows

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`."""
        size = config.get("embedding_size", 128)
        return {**super().values_from_config(config), "embedding_size": size}

    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse."""
        assert isinstance(arguments, FactorizedArguments)
        size = arguments.embedding_size
        return {**super().config_from_arguments(arguments), "embedding_size": size}
