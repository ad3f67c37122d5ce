"""P-tuning: trained vectors stand before those of a text's tokens; a small network makes them.

Liu et al., "GPT Understands, Too" (arXiv:2103.10385), section 3.2:

    p = MLP(e)            Linear, ReLU, Linear, ReLU, Linear
    p = MLP(LSTM(e))      LSTMs in both directions; Linear, ReLU, Linear

e (m, width) and the network train. Only p is saved, (m, width), as
https://huggingface.co/docs/peft/package_reference/p_tuning has it; after loading, p itself trains.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import keras

from kerasft.errors import ConfigError
from kerasft.layers.virtual_tokens import VirtualTokens
from kerasft.peft.fields import Fields
from kerasft.peft.virtual_tokens import (
    VirtualTokenSettings,
    VirtualTokensLayer,
    VirtualTokensMethod,
)

ENCODERS = ("mlp", "lstm")
MOST_LAYERS = 100


@dataclass(frozen=True)
class PTuningSettings(VirtualTokenSettings):
    """The numbers of one place, and of the network that makes its vectors.

    Attributes:
        encoder: "mlp" or "lstm".
        encoder_hidden_size: Width inside the network.
        encoder_num_layers: Layers of the LSTM.
        encoder_dropout: Dropout between them.

    Raises:
        ConfigError: A number is out of range or of the wrong type.
    """

    encoder: str = "mlp"
    encoder_hidden_size: int = 128
    encoder_num_layers: int = 2
    encoder_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.encoder not in ENCODERS:
            raise ConfigError(
                f"P-tuning's encoder must be {' or '.join(ENCODERS)}, got {self.encoder!r}."
            )
        for name, most in (("encoder_hidden_size", 100_000), ("encoder_num_layers", MOST_LAYERS)):
            self._check_whole(name, most)
        dropout = self.encoder_dropout
        if (
            isinstance(dropout, bool)
            or not isinstance(dropout, int | float)
            or not 0 <= dropout < 1
        ):
            raise ConfigError(
                f"encoder_dropout must be a share from 0 to below 1, got {dropout!r}."
            )


class VectorEncoder(keras.layers.Layer):
    """The network that makes the vectors: (m, width) -> (m, width).

    Its matrices start as those of `torch.nn.Linear` and `torch.nn.LSTM`.
    """

    def __init__(self, settings: PTuningSettings, width: int) -> None:
        super().__init__(name="encoder")
        self.settings, self.width = settings, width
        self.lstms, self.dropout = [], keras.layers.Dropout(settings.encoder_dropout)
        inner, depth = settings.encoder_hidden_size, 2
        if settings.encoder == "lstm":
            self.lstms = [_lstm(inner, number) for number in range(settings.encoder_num_layers)]
            inner, depth = 2 * inner, 1
        sizes = [inner] * depth
        self.linears = [
            _linear(out, into, f"linear_{number}", "relu" if number < depth else None)
            for number, (into, out) in enumerate(
                zip([inner if self.lstms else width, *sizes], [*sizes, width], strict=True)
            )
        ]

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights."""
        shape = (None, None, self.width)
        for layer in [*self.lstms, *self.linears]:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Makes the vectors of (m, width)."""
        x = x[None]  # (1, m, width)
        for number, lstm in enumerate(self.lstms):
            x = lstm(self.dropout(x, training=training) if number else x, training=training)
        for linear in self.linears:
            x = linear(x)
        return x[0]


@keras.saving.register_keras_serializable("kerasft")
class PTuning(VirtualTokensLayer):
    """`VirtualTokens` whose vectors a network makes; usually made by `kerasft.peft.apply`.

    Attributes:
        encoder: The network; None after loading, where `prompt_embeddings` are the vectors.

    Example:
        >>> PTuning(width=16, num_virtual_tokens=4)(np.zeros((1, 5, 16))).shape
        (1, 9, 16)
    """

    settings_class = PTuningSettings
    helpers = ("encoder",)

    encoder: VectorEncoder | None

    def add_adapter(self) -> None:
        """Makes the vectors, or what they are made of and the network."""
        super().add_adapter()
        self.encoder = None
        if not self.adapter.is_loading:
            self.encoder = VectorEncoder(self.adapter.settings, self.width)
            self.encoder.build()

    def vectors(self, training: bool | None = None) -> Any:
        """What stands before each text, (count, width)."""
        if self.encoder is None:
            return self.prompt_embeddings
        return self.encoder(self.prompt_embeddings, training=training)


@dataclass(frozen=True)
class PTuningConfig(VirtualTokensMethod):
    """The config of P-tuning, for `kerasft.apply`.

    Attributes:
        targets: Regular expressions over the paths of places for virtual tokens (see
            `kerasft.peft.targets`); every place by default, of which most models have one.
        num_virtual_tokens: Number of virtual tokens before each text, from 1 to 10,000.
        encoder: The network that computes the virtual tokens: mlp (three linear layers) or lstm (a
            bidirectional LSTM and two linear layers).
        encoder_hidden_size: Width of the network that computes the virtual tokens.
        encoder_num_layers: Layers of the LSTM.
        encoder_dropout: Dropout between the layers of the LSTM.
        modules_to_save: Regular expressions over the paths of layers that train in full and are
            saved with the vectors (the head).

    Raises:
        ConfigError: A value cannot work.

    Example:
        >>> config = PTuningConfig(num_virtual_tokens=8, modules_to_save=("classifier",))
    """

    encoder: Literal["mlp", "lstm"] = "mlp"
    encoder_hidden_size: int = 128
    encoder_num_layers: int = 2
    encoder_dropout: float = 0.0

    name = "p_tuning"
    title = "P-tuning"
    peft_type = "P_TUNING"
    usual_rate = 5e-3
    layers: ClassVar = {VirtualTokens: PTuning}
    peft_fields = VirtualTokensMethod.peft_fields | {
        *("encoder_reparameterization_type", "encoder_hidden_size"),
        *("encoder_num_layers", "encoder_dropout"),
    }

    def settings(self) -> PTuningSettings:
        """The same numbers for every place."""
        return PTuningSettings(
            self.num_virtual_tokens,
            encoder=self.encoder,
            encoder_hidden_size=self.encoder_hidden_size,
            encoder_num_layers=self.encoder_num_layers,
            encoder_dropout=self.encoder_dropout,
        )

    @classmethod
    def from_peft(cls, fields: Fields) -> Callable[[str], PTuningSettings]:
        """Reads how many vectors there are, and what made them, which is not in the file."""
        values = fields.values
        settings = PTuningSettings(
            **cls.counts(fields),
            encoder=str(values.get("encoder_reparameterization_type") or "mlp").lower(),
            encoder_hidden_size=values.get("encoder_hidden_size") or 128,
            encoder_num_layers=values.get("encoder_num_layers") or 2,
            encoder_dropout=values.get("encoder_dropout") or 0.0,
        )
        return lambda module: settings

    @classmethod
    def to_peft(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """How many vectors there are, and what made them."""
        (only,) = set(settings.values())
        return {
            **super().to_peft(settings),
            "encoder_reparameterization_type": only.encoder.upper(),
            "encoder_hidden_size": only.encoder_hidden_size,
            "encoder_num_layers": only.encoder_num_layers,
            "encoder_dropout": only.encoder_dropout,
        }


def _uniform(size: int) -> keras.initializers.Initializer:
    bound = 1 / math.sqrt(size)
    return keras.initializers.RandomUniform(-bound, bound)


def _linear(out: int, into: int, name: str, activation: str | None) -> keras.layers.Dense:
    start, bias = _uniform(into), _uniform(into)
    return keras.layers.Dense(out, activation, True, start, bias, name=name)


def _lstm(units: int, number: int) -> keras.layers.Bidirectional:
    lstm = keras.layers.LSTM(
        units,
        kernel_initializer=_uniform(units),
        recurrent_initializer=_uniform(units),
        bias_initializer=_uniform(units),
        unit_forget_bias=False,
        return_sequences=True,
        name="lstm",  # or it would be numbered by what the process made before
    )
    return keras.layers.Bidirectional(lstm, name=f"lstm_{number}")
