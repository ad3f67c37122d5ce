"""Prompt tuning: trained vectors stand before those of a text's tokens, and nothing else trains.

Lester et al., "The Power of Scale for Parameter-Efficient Prompt Tuning" (arXiv:2104.08691),
section 2:

    [p_1 ... p_m; E(x_1) ... E(x_n)]  ->  positions, segments, norm, the frozen layers

The m vectors p take the first positions, and everything sees them. In a classifier of encoders,
what the head reads as the first token is then p_1, as in PEFT.

In a file: `prompt_embeddings` (m, width), as
https://huggingface.co/docs/peft/package_reference/prompt_tuning has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import keras
import numpy as np

from kerasft.errors import AdapterError, ConfigError
from kerasft.layers.virtual_tokens import VirtualTokens
from kerasft.peft.fields import Fields
from kerasft.peft.virtual_tokens import (
    VirtualTokenSettings,
    VirtualTokensLayer,
    VirtualTokensMethod,
)
from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class PromptSettings(VirtualTokenSettings):
    """The numbers of one place, and where its vectors start.

    Attributes:
        init_ids: See `PromptConfig`.
    """

    init_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        ids = self.init_ids
        if not all(isinstance(each, (int, np.integer)) and each >= 0 for each in ids):
            raise ConfigError(f"init_ids must be a list of token ids, got {ids!r}.")


@keras.saving.register_keras_serializable("kerasft")
class Prompt(VirtualTokensLayer):
    """`VirtualTokens` whose vectors are a variable; usually made by `kerasft.peft.apply`.

    Example:
        >>> Prompt(width=16, num_virtual_tokens=4)(np.zeros((1, 5, 16))).shape
        (1, 9, 16)
    """

    settings_class = PromptSettings

    def add_adapter(self) -> None:
        """Makes the vectors, from those of the given tokens, or of any."""
        super().add_adapter()
        if self.lookup is None or self.adapter.is_loading:
            return
        given = self.adapter.settings.init_ids
        ids = np.resize(given, self.count) if given else self._any_tokens()
        self.prompt_embeddings.assign(self.lookup(ids))

    def _any_tokens(self) -> np.ndarray:
        ids = keras.random.randint((self.count,), 0, self.vocab_size)
        return keras.ops.convert_to_numpy(ids)


@dataclass(frozen=True)
class PromptConfig(VirtualTokensMethod):
    """The config of prompt tuning, for `kerasft.apply`.

    Attributes:
        targets: Regular expressions over the paths of places for virtual tokens (see
            `kerasft.peft.targets`); every place by default, of which most models have one.
        num_virtual_tokens: Number of virtual tokens before each text, from 1 to 10,000.
        init_text: Start from the embeddings of this text's tokens, repeated if there are too few;
            without it, from those of random tokens.
        init_ids: The same as token ids.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the vectors (the head).

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = PromptConfig(num_virtual_tokens=8, modules_to_save=("classifier",))
    """

    init_text: str = ""
    init_ids: tuple[int, ...] = ()

    name = "prompt"
    title = "Prompt tuning"
    peft_type = "PROMPT_TUNING"
    usual_rate = 5e-3
    layers: ClassVar = {VirtualTokens: Prompt}
    peft_fields = VirtualTokensMethod.peft_fields | {
        *("prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_name_or_path"),
        "tokenizer_kwargs",
    }

    def with_tokenizer(self, tokenizer: Tokenizer) -> "PromptConfig":
        """The same with `init_text` as the ids of its tokens.

        Raises:
            ConfigError: The text has none.
        """
        if not self.init_text:
            return self
        (words,) = tokenizer.encode_words([self.init_text.split()])
        if not len(words.token_ids):
            raise ConfigError(f"init_text {self.init_text!r} has no token; give words.")
        return replace(self, init_text="", init_ids=tuple(map(int, words.token_ids)))

    def settings(self) -> PromptSettings:
        """The same numbers for every place."""
        return PromptSettings(self.num_virtual_tokens, init_ids=tuple(self.init_ids))

    def settings_of(self, layer: keras.layers.Layer) -> PromptSettings:
        """The same numbers for every place.

        Raises:
            ConfigError: The text is no ids yet.
        """
        if self.init_text:
            raise ConfigError(
                "init_text needs the model's tokenizer: give apply what "
                "config.with_tokenizer(tokenizer) returns."
            )
        return self.settings()

    @classmethod
    def check(cls, layer: Any, settings: Any) -> None:
        """Refuses what the base refuses, and ids of tokens that there are not."""
        super().check(layer, settings)
        if settings.init_ids and max(settings.init_ids) >= layer.vocab_size:
            raise AdapterError(
                f"Layer {layer.path!r} cannot start from the token {max(settings.init_ids)} of "
                f"init_ids because the model has {layer.vocab_size} tokens; take ids below that."
            )

    @classmethod
    def from_peft(cls, fields: Fields) -> Callable[[str], PromptSettings]:
        """Reads how many vectors there are."""
        settings = PromptSettings(**cls.counts(fields))
        return lambda module: settings

    @classmethod
    def to_peft(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """How many vectors there are; where they started has no say any more."""
        return {**super().to_peft(settings), "prompt_tuning_init": "RANDOM"}
