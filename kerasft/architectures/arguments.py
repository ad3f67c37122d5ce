"""What the dataclasses that describe an architecture share: checks, and the way into JSON."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from kerasft.errors import ConfigError, KerasftError
from kerasft.layers.activations import ACTIVATIONS

LARGEST_MODEL = 20_000_000_000
"""Parameters: a file that asks for more is refused before memory is taken."""


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Base of the frozen dataclasses that hold all that rebuilds a model, apart from its weights.

    A subclass names its kind of model in `KIND`, gives the smallest and largest value of each
    whole number in `RANGES`, and says how large a model it makes. Numbers whose name ends with
    "dropout" are shares from 0 up to, but not including, 1; those whose name ends with "epsilon"
    lie between 0 and 1, and `activation` is one of `layers.ACTIVATIONS`.

    Raises:
        ConfigError: A value has the wrong type or is out of range.
    """

    KIND: ClassVar[str]
    RANGES: ClassVar[Mapping[str, tuple[int, int]]]

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            self._check(field)

    def _check(self, field: dataclasses.Field) -> None:
        """Checks one value's type and range."""
        name, value = field.name, getattr(self, field.name)
        wanted: Any = field.type
        kinds = (int, float) if wanted is float else (wanted,)
        if not isinstance(value, kinds) or isinstance(value, bool) != (wanted is bool):
            raise ConfigError(f"{name} must be {wanted.__name__}, not {value!r}")
        if wanted is int:
            smallest, largest = self.RANGES[name]
            if not smallest <= value <= largest:
                raise ConfigError(
                    f"{name} must be between {smallest} and {largest:,}, not {value:,}"
                )
        elif name.endswith("dropout") and not 0 <= value < 1:
            raise ConfigError(f"{name} must be at least 0 and less than 1, not {value}")
        elif name.endswith("epsilon") and not 0 < value < 1:
            raise ConfigError(f"{name} must be between 0 and 1, not {value}")
        elif name == "activation" and value not in ACTIVATIONS:
            raise ConfigError(f"{name} {value!r} is not one of {', '.join(ACTIVATIONS)}")

    def _check_size(self) -> None:
        """Refuses a model that no machine here could hold."""
        if self.parameter_count > LARGEST_MODEL:
            raise ConfigError(
                f"the {self.KIND}'s {self.parameter_count:,} parameters are over the limit of "
                f"{LARGEST_MODEL:,}"
            )

    @property
    def parameter_count(self) -> int:
        """Weights of the model."""
        return 0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], error: type[KerasftError] = ConfigError) -> Self:
        """Reads what `to_dict` wrote, refusing unknown, missing, wrongly typed and absurd values.

        Args:
            values: The arguments by name.
            error: The class of exception to raise (a file's reader says which file it was).

        Raises:
            KerasftError: Of the class `error`; the message names the argument.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        required = {
            field.name for field in dataclasses.fields(cls) if field.default is dataclasses.MISSING
        }
        unknown, missing = sorted(set(values) - names), sorted(required - set(values))
        if unknown:
            raise error(f"unknown {cls.KIND} arguments: {', '.join(map(str, unknown))}")
        if missing:
            raise error(f"missing {cls.KIND} arguments: {', '.join(missing)}")
        try:
            return cls(**values)
        except ConfigError as problem:
            raise error(str(problem)) from None

    def to_dict(self) -> dict[str, Any]:
        """The arguments by name, as JSON can hold them."""
        return dataclasses.asdict(self)
