"""What a method is: the contract between a file of this folder and the rest of `kerasft/peft/`.

A method is one file: a frozen dataclass, its config, that derives from `Method`, and the layers
that it needs. One line in `methods/__init__.py` puts it into `METHODS`; nothing else names it.
The rest of `peft/` asks a method these questions, in this order:

1. Which layers?  `find` (by patterns over their paths, unless overridden) among those that it
   `fits`; `settings_of` gives one layer's numbers; `check` refuses a layer in a sentence.
2. How?  `adapt` changes one layer in place: it adds variables and a class of its own (`layers`),
   or frees some of the layer's own variables. All else in the model is frozen by then. `release`
   undoes it.
3. What is saved?  `slots`: each array of the file, its shape, and the variable that it fills.
   `suffixes` are the ends of their names, by which a file's arrays find their layers.
4. `adapter_config.json`: `reads` says whether a file is of this method, `from_peft` reads its own
   fields, `to_peft` writes them. Targets, modules to save and the task are read for every method.
5. Can it be merged into the weights?  `merges`, and `merged`: the new values of the variables.

What that means for some methods:

- New numbers inside x W (LoRA, DoRA, IA3): an `AdaptedLayer` for `Dense` and one for
  `EinsumDense`. Another start of the same numbers (PiSSA) is a subclass with its own `adapt`.
- Own variables of chosen layers train (BitFit, LayerNorm tuning): no class; `adapt` frees them.
- Layers after a layer (bottleneck adapters): an `AdaptedLayer` whose `call` goes on from
  `super().call`; `merges = False`. Within a block: the same with `ResidualConnection`.
- Virtual tokens: in every attention layer (prefixes) an `AdaptedLayer` of it; at the input, of the
  layer `VirtualTokens`. PEFT has one array for the whole model: `array` is its name, which a slot
  of each layer bears, and `prefix` is what PEFT puts before the head's names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import keras
import numpy as np

from kerasft.errors import AdapterError, ConfigError
from kerasft.layers.inner_layers import all_layers
from kerasft.peft.adapted import AdaptedLayer, Adapter, drop_attributes, reopened
from kerasft.peft.fields import Fields
from kerasft.peft.modules import Module, Slot
from kerasft.peft.targets import find_layers
from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Method(ABC):
    """Base of the methods' configs.

    Attributes:
        targets: Regular expressions over layer paths (see `kerasft.peft.targets`); the layers that
            they match are adapted.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the adapter (the head).
        name: Its key in `METHODS` (of the class).
        title: Its name in sentences (of the class).
        peft_type: Its name in `adapter_config.json` (of the class).
        usual_targets: Names of layers in a block that are usually adapted, as patterns (of the
            class).
        usual_rate: A learning rate of Adam that usually does (of the class).
        layers: The class that an adapted layer gets, by its plain class (of the class).
        kind: What the layers that fit are called (of the class).
        suffixes: How the names of its arrays in a file end, after a module's name (of the class).
        array: The name of the one array that PEFT has for a whole model, if it has no arrays of
            layers; all layers that fit are then adapted, and a file names none (of the class).
        prefix: What stands before every other name in a file (of the class).
        peft_fields: The fields of `adapter_config.json` that `from_peft` knows (of the class).
        merges: Whether it can be merged into the weights (of the class).
        pattern_fields: Which fields hold lists of patterns (of the class).

    Raises:
        ConfigError: A value cannot work.
    """

    targets: tuple[str, ...]
    modules_to_save: tuple[str, ...] = field(default=(), kw_only=True)

    name: ClassVar[str]
    title: ClassVar[str]
    peft_type: ClassVar[str]
    usual_targets: ClassVar[tuple[str, ...]]
    usual_rate: ClassVar[float]
    layers: ClassVar[Mapping[type, type[AdaptedLayer]]] = {}
    kind: ClassVar[str] = "Dense or EinsumDense layer"
    suffixes: ClassVar[tuple[str, ...]] = ()
    array: ClassVar[str] = ""
    prefix: ClassVar[str] = "base_model.model."
    peft_fields: ClassVar[frozenset[str]] = frozenset()
    merges: ClassVar[bool] = True
    pattern_fields: ClassVar[tuple[str, ...]] = ("targets", "modules_to_save")

    def __init_subclass__(cls) -> None:
        for plain, adapted in cls.__dict__.get("layers", {}).items():
            adapted.plain_class, adapted.method = plain, cls

    def __post_init__(self) -> None:
        for name in self.pattern_fields:
            patterns = getattr(self, name)
            if isinstance(patterns, str):
                raise ConfigError(
                    f"{self.title}'s {name} must be a list of patterns, got the text {patterns!r}; "
                    f"write [{patterns!r}]."
                )
            if not all(isinstance(each, str) for each in patterns):
                raise ConfigError(
                    f"{self.title}'s {name} must be a list of patterns, got {patterns!r}."
                )
            object.__setattr__(self, name, tuple(patterns))

    @property
    def rate_ratios(self) -> Mapping[str, float]:
        """What the learning rate is multiplied by for variables of some names, if anything."""
        return {}

    def with_tokenizer(self, tokenizer: Tokenizer) -> Self:
        """The same config, with token ids for what is text in it."""
        return self

    @classmethod
    def fits(cls, layer: keras.layers.Layer) -> bool:
        """Whether a layer is of the kind that the method adapts."""
        return isinstance(layer, tuple(cls.layers))

    def find(self, model: keras.Model, in_full: Iterable[Any]) -> list[Any]:
        """The layers of a model to adapt, in the order in which its weights stand.

        Args:
            model: A built model.
            in_full: Layers that train in full, which are left out with all that is in them.

        Raises:
            AdapterError: There are no targets, or one matches no layer that fits.
        """
        if not self.targets:
            raise AdapterError(
                "The config has no targets, so nothing would be adapted; name at least one pattern "
                "(or use kerasft.peft.freeze to train some layers in full)."
            )
        return find_layers(model, self.targets, fits=self.fits, kind=self.kind, excluding=in_full)

    def settings_of(self, layer: keras.layers.Layer) -> Any:
        """What `adapt` needs to know for one layer: a frozen dataclass, or None for nothing."""
        return None

    @classmethod
    def check(cls, layer: Any, settings: Any) -> None:
        """Refuses a layer that fits, but cannot be adapted.

        Raises:
            AdapterError: It names the layer and the reason.
        """
        return None

    @classmethod
    def adapt(cls, layer: Any, adapter: Adapter) -> None:
        """Puts a fresh adapter on a layer that was checked, in place.

        Args:
            layer: A plain layer.
            adapter: Its settings; it becomes `layer.adapter`.
        """
        with reopened(layer):
            layer.__class__ = cls.layers[type(layer)]
            layer.adapter = adapter
            layer.add_adapter()

    @classmethod
    def release(cls, layer: Any) -> None:
        """Takes the adapter off a layer, which is a plain one again."""
        drop_attributes(layer, [*layer.added, *layer.helpers])
        layer.__class__ = layer.plain_class

    @classmethod
    def merged(cls, layer: Any) -> list[tuple[keras.Variable, np.ndarray]]:
        """The values with which the layer's own weights do what the adapter does.

        They include those with which the adapter itself then does nothing, so that a function
        compiled before the merge still gives the right outputs.
        """
        return []

    @classmethod
    @abstractmethod
    def slots(cls, module: Module, settings: Any) -> tuple[Slot, ...]:
        """The arrays of a layer's adapter in a file; the layer need not be adapted yet."""

    @classmethod
    def arrays(
        cls,
        model: keras.Model,
        adapted: Sequence[tuple[Module, Any]],
        shapes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> list[Slot]:
        """The arrays of a model's adapters in a file: the slots of each layer.

        Args:
            adapted: The adapted modules, each with its settings.
            shapes: Of what a file holds that is to be read, by name; None where one is written.
        """
        return [slot for module, settings in adapted for slot in cls.slots(module, settings)]

    @classmethod
    def places(cls, model: keras.Model) -> list[Any]:
        """The layers that the one array of a model is for: all that the method fits."""
        return [layer for layer in all_layers(model) if cls.fits(layer)]

    @classmethod
    def full_name(cls, name: str) -> str:
        """A slot's name with all that stands before it in a file."""
        return name if name == cls.array else cls.prefix + name

    @classmethod
    def frees_biases(cls, settings: Any) -> bool:
        """Whether the biases of all layers that are not adapted train too, and are saved."""
        return False

    @classmethod
    def spelling(cls, name: str) -> str:
        """A tensor's name as `slots` has it, where a file may spell it in another way."""
        return name

    @classmethod
    def refusal(cls, rest: str) -> str | None:
        """What a tensor is that PEFT has and this method does not, as in "an adapter of ...".

        Args:
            rest: Its name after the module's.
        """
        return None

    @classmethod
    def reads(cls, values: Mapping[str, Any]) -> bool:
        """Whether an `adapter_config.json` is of this method."""
        return values.get("peft_type") == cls.peft_type

    @classmethod
    def from_peft(cls, fields: Fields) -> Callable[[str], Any]:
        """Reads the method's own fields of an `adapter_config.json`.

        Returns:
            The settings of a module by its name.

        Raises:
            AdapterError, ConfigError: A value cannot work or is not supported.
        """
        return lambda module: None

    @classmethod
    def to_peft(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The method's own fields of `adapter_config.json`.

        Args:
            settings: Each adapted module's settings by its name.
        """
        return {}

    @classmethod
    def sizes(cls, model: keras.Model) -> dict[str, Any]:
        """Further fields, where PEFT wants to be told the sizes of the model."""
        return {}
