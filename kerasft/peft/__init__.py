"""Parameter-efficient fine-tuning: train a small part of a frozen model.

`methods/` has one file per method, `targets.py` finds layers, `inject.py` puts adapters on a model
and takes them off, `files.py` reads and writes them in the format of Hugging Face PEFT.
"""

from kerasft.peft import methods
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
    remove_mergeable,
    unfreeze,
    unmerge,
    unmergeable,
)
from kerasft.peft.methods import *  # noqa: F403  (the configs and layers that it lists)
from kerasft.peft.targets import find_layers, last_layers

__all__ = [
    "AdaptedLayer",
    "AdapterReport",
    "ApplyReport",
    "Counts",
    "adapted_layers",
    "apply",
    "find_layers",
    "freeze",
    "last_layers",
    "load_adapter",
    "merge",
    "parameter_counts",
    "remove",
    "remove_mergeable",
    "save_adapter",
    "saved_layers",
    "unfreeze",
    "unmerge",
    "unmergeable",
]
__all__ += methods.__all__
