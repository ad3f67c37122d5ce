"""One name table an architecture: Hugging Face names <-> Keras layers, both ways.

    report = load_tensors(model, tensors)     # a checkpoint into a classifier
    tensors = to_tensors(model)               # and out again, as transformers names them

The same tables name adapters (`Entry.module`) and read and write `config.json`. T5's table is
`t5.py`; `t5_checkpoint.py` reads and writes its files.
"""

from kerasft.weight_maps.config import (
    TABLES,
    arguments_to_config,
    config_labels,
    config_to_arguments,
)
from kerasft.weight_maps.t5_checkpoint import load_t5_tensors, write_t5_files
from kerasft.weight_maps.table import (
    Entry,
    Parameter,
    layers_by_path,
    linear_to_hf,
    linear_to_keras,
)
from kerasft.weight_maps.tensors import (
    LoadReport,
    check_shapes,
    entries_for,
    entries_of,
    load_tensors,
    match_names,
    read_tensors,
    to_tensors,
)

__all__ = [
    "TABLES",
    "Entry",
    "LoadReport",
    "Parameter",
    "arguments_to_config",
    "check_shapes",
    "config_labels",
    "config_to_arguments",
    "entries_for",
    "entries_of",
    "layers_by_path",
    "linear_to_hf",
    "linear_to_keras",
    "load_t5_tensors",
    "load_tensors",
    "match_names",
    "read_tensors",
    "to_tensors",
    "write_t5_files",
]
