"""The methods, one file each (`method.py` says what one is), and the table of them."""

from kerasft.peft.methods.bitfit import BitFitConfig
from kerasft.peft.methods.bottleneck import (
    BottleneckConfig,
    BottleneckDense,
    BottleneckEinsumDense,
    BottleneckResidualConnection,
)
from kerasft.peft.methods.dora import DoRAConfig, DoRADense, DoRAEinsumDense
from kerasft.peft.methods.ia3 import IA3Config, IA3Dense, IA3EinsumDense
from kerasft.peft.methods.ln_tuning import LNTuningConfig
from kerasft.peft.methods.lora import LoRAConfig, LoRADense, LoRAEinsumDense, LoRASettings
from kerasft.peft.methods.method import Method
from kerasft.peft.methods.p_tuning import PTuning, PTuningConfig
from kerasft.peft.methods.pissa import PiSSAConfig, PiSSADense, PiSSAEinsumDense
from kerasft.peft.methods.prefix_tuning import (
    PrefixMultiHeadAttention,
    PrefixRelativeAttention,
    PrefixSelfAttention,
    PrefixTuningConfig,
)
from kerasft.peft.methods.prompt import Prompt, PromptConfig

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        LoRAConfig,
        DoRAConfig,
        PiSSAConfig,
        IA3Config,
        BitFitConfig,
        LNTuningConfig,
        BottleneckConfig,
        PrefixTuningConfig,
        PromptConfig,
        PTuningConfig,
    )
}
"""The config class of each method by its name."""

__all__ = [
    "METHODS",
    "BitFitConfig",
    "BottleneckConfig",
    "BottleneckDense",
    "BottleneckEinsumDense",
    "BottleneckResidualConnection",
    "DoRAConfig",
    "DoRADense",
    "DoRAEinsumDense",
    "IA3Config",
    "IA3Dense",
    "IA3EinsumDense",
    "LNTuningConfig",
    "LoRAConfig",
    "LoRADense",
    "LoRAEinsumDense",
    "LoRASettings",
    "Method",
    "PTuning",
    "PTuningConfig",
    "PiSSAConfig",
    "PiSSADense",
    "PiSSAEinsumDense",
    "PrefixMultiHeadAttention",
    "PrefixRelativeAttention",
    "PrefixSelfAttention",
    "PrefixTuningConfig",
    "Prompt",
    "PromptConfig",
]
