"""What the methods share that put trained vectors before the embeddings of a text.

In a file: `prompt_embeddings`, (num_virtual_tokens, width), the vectors themselves, as
https://huggingface.co/docs/peft/package_reference/prompt_tuning has them.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np

from kerasft.errors import AdapterError, ConfigError
from kerasft.layers.inner_layers import all_layers
from kerasft.layers.virtual_tokens import VirtualTokens
from kerasft.peft.adapted import AdaptedLayer
from kerasft.peft.fields import Fields
from kerasft.peft.methods.method import Method
from kerasft.peft.modules import Module, Slot
from kerasft.peft.targets import matches

MOST = 10_000


@dataclass(frozen=True)
class VirtualTokenSettings:
    """The numbers of one place.

    Attributes:
        num_virtual_tokens: m, how many vectors stand before each text, from 1 to 10,000.
        num_transformer_submodules: How many times m vectors a file holds. PEFT writes 2 for a
            model with a decoder, but puts only the first m anywhere: before the encoder's texts.

    Raises:
        ConfigError: A number is out of range or of the wrong type.
    """

    num_virtual_tokens: int = 20
    num_transformer_submodules: int = 1

    def __post_init__(self) -> None:
        self._check_whole("num_virtual_tokens", MOST)
        self._check_whole("num_transformer_submodules", 2)

    def _check_whole(self, name: str, most: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise ConfigError(f"{name} must be a whole number from 1 to {most:,}, got {value!r}.")


class VirtualTokensLayer(AdaptedLayer, VirtualTokens):
    """Base of the layers with vectors.

    Attributes:
        prompt_embeddings: The vectors, or what they are made of; (m, width).
    """

    added = ("prompt_embeddings",)

    prompt_embeddings: Any

    def add_adapter(self) -> None:
        """Makes the vectors, from N(0, 1) as in PEFT."""
        start = keras.initializers.RandomNormal(stddev=1.0)
        self.prompt_embeddings = self.add_variable(self.added[0], (self.count, self.width), start)

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many vectors stand there."""
        count: int = self.adapter.settings.num_virtual_tokens
        return count

    def vectors(self, training: bool | None = None) -> Any:
        """What stands before each text, (count, width)."""
        return self.prompt_embeddings


@dataclass(frozen=True)
class VirtualTokensMethod(Method):
    """Base of the methods; see them for the fields."""

    targets: tuple[str, ...] = ("(?:.*/)?virtual_tokens",)
    num_virtual_tokens: int = 20

    usual_targets = ()  # it finds its place itself
    kind = "place for virtual tokens"
    array = "prompt_embeddings"
    prefix = "base_model."
    merges = False
    peft_fields: ClassVar[frozenset[str]] = frozenset(
        {
            *("num_virtual_tokens", "num_transformer_submodules", "token_dim"),
            *("num_attention_heads", "num_layers"),
        }
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.settings()

    @abstractmethod
    def settings(self) -> VirtualTokenSettings:
        """The config's own numbers."""

    def settings_of(self, layer: keras.layers.Layer) -> VirtualTokenSettings:
        """The same numbers for every place."""
        return self.settings()

    def find(self, model: keras.Model, in_full: Iterable[Any]) -> list[Any]:
        """The places of a model that the targets mean, usually its only one.

        Raises:
            AdapterError: The model has none, or a target means none.
        """
        if not self.targets:
            return super().find(model, in_full)  # which refuses
        places = [layer for layer in all_layers(model) if self.fits(layer)]
        if not places:
            raise AdapterError(
                f"{self.title} needs a model with a place for virtual tokens, a "
                "kerasft.layers.VirtualTokens behind its table of tokens, and this one has none; "
                "use a method that adapts other layers."
            )
        for pattern in self.targets:
            if not any(matches(pattern, place.path) for place in places):
                raise AdapterError(
                    f"The target pattern {pattern!r} matches no {self.kind}; the model has "
                    f"{', '.join(repr(place.path) for place in places)}."
                )
        return [place for place in places if any(matches(p, place.path) for p in self.targets)]

    @classmethod
    def check(cls, layer: Any, settings: VirtualTokenSettings) -> None:
        """Refuses more vectors than the model has positions, less one for the text."""
        if layer.positions and settings.num_virtual_tokens >= layer.positions:
            raise AdapterError(
                f"Layer {layer.path!r} cannot take {settings.num_virtual_tokens} virtual tokens "
                f"because the model has {layer.positions} positions, the text's included; take "
                "fewer."
            )

    @classmethod
    def slots(cls, module: Module, settings: VirtualTokenSettings) -> tuple[Slot, ...]:
        """The vectors."""
        layer, count = module.layer, settings.num_virtual_tokens
        times = settings.num_transformer_submodules
        return (
            Slot(
                cls.array,
                (times * count, layer.width),
                lambda: layer.vectors(),
                lambda array: np.tile(array, (times, 1)),
                lambda array: array[:count],
            ),
        )

    @classmethod
    def counts(cls, fields: Fields) -> dict[str, Any]:
        """Reads how many vectors there are: those fields of the settings."""
        values = fields.values
        times = values.get("num_transformer_submodules")
        if times is None:  # PEFT's own default
            times = 2 if values.get("task_type") == "SEQ_2_SEQ_LM" else 1
        return {
            "num_virtual_tokens": values.get("num_virtual_tokens"),
            "num_transformer_submodules": times,
        }

    @classmethod
    def to_peft(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """How many vectors there are."""
        (only,) = set(settings.values())
        return {
            "num_virtual_tokens": only.num_virtual_tokens,
            "num_transformer_submodules": only.num_transformer_submodules,
        }

    @classmethod
    def sizes(cls, model: keras.Model) -> dict[str, Any]:
        """Those of an encoder, some of which PEFT does not find by itself."""
        arguments = getattr(model, "arguments", None)
        ours = {
            "token_dim": "table_width",
            "num_layers": "num_layers",
            "num_attention_heads": "num_heads",
        }
        found = {theirs: getattr(arguments, name, None) for theirs, name in ours.items()}
        return {name: value for name, value in found.items() if value is not None}
