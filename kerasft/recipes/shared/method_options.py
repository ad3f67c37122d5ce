"""The options by which a user chooses a method, and what is left to the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kerasft import backends, storage
from kerasft.config import OwnOptions
from kerasft.errors import ConfigError
from kerasft.recipes.shared.frozen_backbone import BackboneOptions

if TYPE_CHECKING:
    from kerasft.architectures import T5, HeadedEncoder
    from kerasft.peft import Method

WHOLE = {"head": 5e-3, "full": 1e-4}
"""What trains where no method does, and a learning rate of Adam that usually does."""


def methods_and(*whole: str) -> Callable[[], dict[str, type[Method] | None]]:
    """Returns the function that returns all methods by name, and some of `WHOLE`."""

    def choices() -> dict[str, type[Method] | None]:
        backends.import_keras()
        from kerasft import peft

        return {**peft.METHODS, **dict.fromkeys(whole)}

    return choices


@dataclass
class AdapterOptions(BackboneOptions):
    """Where the training of an adapter begins.

    Args:
        adapter: A folder with an adapter for the preset to continue from, written by Hugging Face
            PEFT or kerasft. Its own options and layers are used.
    """

    group = "method"

    adapter: str | None = None

    def fingerprint(self) -> dict[str, Any]:
        """As for every recipe; and what the adapter holds."""
        facts = super().fingerprint()
        if self.adapter is not None:
            from kerasft.peft.files import CONFIG_NAME, WEIGHTS_NAME

            paths = (Path(self.adapter) / name for name in (CONFIG_NAME, WEIGHTS_NAME))
            facts["adapter_sha256"] = [storage.sha256_file(path) for path in paths]
        return facts


@dataclass
class MethodOptions(AdapterOptions):
    """By which method a pretrained model is tuned.

    What is left to the method is filled in: its own options, its targets and its learning rate.

    Args:
        method: What trains: the head and an adapter of one of these methods, the `head` alone, or
            everything (`full`). Options of single methods are listed at the end.
        method_options: The method's own options by name, as in {"rank": 4}.
        targets: The layers of a block that the method adapts: query, key, value, attention_output,
            feedforward_intermediate_dense, feedforward_output_dense. A name with a `/` is a regular
            expression over layer paths. null takes the method's usual ones.
        learning_rate: Learning rate of Adam; null takes the method's usual one.
    """

    group = "method"

    method: str = "lora"
    method_options: dict[str, Any] = field(default_factory=dict)
    targets: tuple[str, ...] | None = None
    learning_rate: float | None = None

    own_options: ClassVar[OwnOptions] = OwnOptions(
        chooser="method",
        holder="method_options",
        values=methods_and(*WHOLE),
        also="tune",
        without=frozenset({"targets", "modules_to_save"}),
    )

    def __post_init__(self) -> None:
        self.method_options = self.own_options.chosen(self.method, self.method_options)
        method = self.own_options.values()[self.method]
        usual = self.own_options.usual.get(self.method, {})  # of targets and rate, too
        if method:
            self.method_config(self.targets)  # refuses numbers out of range
            if self.targets is None:
                self.targets = usual.get("targets", method.usual_targets) or None
        elif self.targets is not None:
            raise ConfigError(
                f"--targets is not an option of --method {self.method}; leave it out."
            )
        if self.learning_rate is None:
            rate = method.usual_rate if method else WHOLE[self.method]
            self.learning_rate = usual.get("learning_rate", rate)

    @property
    def peak_rate(self) -> float:
        """The highest learning rate."""
        assert self.learning_rate is not None
        return self.learning_rate

    @property
    def rate_ratios(self) -> Mapping[str, float]:
        """What the learning rate is multiplied by for variables of some names, if anything."""
        return {} if self.method in WHOLE else self.method_config(()).rate_ratios

    def method_for(self, model: HeadedEncoder | T5) -> Method:
        """The method's config for a model.

        Raises:
            AdapterError: The model has no such layers.
        """
        return self.method_config(self.targets)

    def method_config(
        self, targets: Sequence[str] | None, modules_to_save: Sequence[str] = ()
    ) -> Method:
        """The config of the chosen method, which is neither `head` nor `full`.

        Args:
            targets: Patterns over layer paths; None where the method knows its layers itself.

        Raises:
            ConfigError: A number is out of range.
        """
        from kerasft import peft

        method = peft.METHODS[self.method]
        given = {"modules_to_save": tuple(modules_to_save), **self.method_options}
        if targets is not None or _is_needed(method, "targets"):
            given["targets"] = tuple(targets or ())
        return method(**given)


def _is_needed(method: type[Method], name: str) -> bool:
    """Whether a field of a method's config has no default."""
    return any(each.name == name and each.default is MISSING for each in fields(method))
