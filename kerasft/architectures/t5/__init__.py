"""T5: its numbers and names (`arguments`), its layers (`model`), its files (`architecture`)."""

from kerasft.architectures.t5.architecture import T5Architecture
from kerasft.architectures.t5.arguments import V1_1, T5Arguments
from kerasft.architectures.t5.model import T5, shift_right

__all__ = ["T5", "V1_1", "T5Architecture", "T5Arguments", "shift_right"]
