"""Parameter-efficient fine-tuning: train a small part of a frozen model.

`lora.py` is a method, `targets.py` finds layers, `inject.py` puts adapters on a model and takes
them off, `files.py` reads and writes them in the format of Hugging Face PEFT. A further method is
one more file with a config class (see `inject.Method`) and layers derived from `AdaptedLayer`.
"""

from kerasft.peft.adapted import AdaptedLayer, adapted_layers, saved_layers
from kerasft.peft.files import AdapterReport, load_adapter, save_adapter
from kerasft.peft.inject import (
    ApplyReport,
    Counts,
    apply,
    freeze,
    merge,
    parameter_counts,
    remove,
    unfreeze,
    unmerge,
)
from kerasft.peft.methods.lora import LoRAConfig, LoRADense, LoRAEinsumDense
from kerasft.peft.methods.lora_settings import LoRASettings
from kerasft.peft.targets import find_layers, last_layers

__all__ = [
    "AdaptedLayer",
    "AdapterReport",
    "ApplyReport",
    "Counts",
    "LoRAConfig",
    "LoRADense",
    "LoRAEinsumDense",
    "LoRASettings",
    "adapted_layers",
    "apply",
    "find_layers",
    "freeze",
    "last_layers",
    "load_adapter",
    "merge",
    "parameter_counts",
    "remove",
    "save_adapter",
    "saved_layers",
    "unfreeze",
    "unmerge",
]
