"""The architectures: one file a family, with its layers, its numbers and its names in transformers.

A family's object says which `config.json` it reads, builds the model, and names its weights.
"""

from kerasft.architectures.architecture import KERAS_HUB_SIZES, Architecture
from kerasft.architectures.encoder import Encoder, EncoderArguments
from kerasft.architectures.headed_encoder import (
    POOLINGS,
    Classifier,
    HeadedEncoder,
    Pooling,
    Tagger,
)
from kerasft.architectures.masked_language_model import MaskedLanguageModel
from kerasft.architectures.name_table import (
    Entry,
    Parameter,
    layers_by_path,
    linear_to_hf,
    linear_to_keras,
)
from kerasft.architectures.part_counts import part_counts
from kerasft.architectures.registry import (
    ARCHITECTURES,
    arguments_to_config,
    config_labels,
    config_to_arguments,
    find_architecture,
)
from kerasft.architectures.t5 import T5, shift_right
from kerasft.architectures.t5_arguments import V1_1, T5Arguments
from kerasft.architectures.t5_checkpoint import load_t5_tensors, write_t5_files
from kerasft.architectures.tensors import (
    LoadReport,
    check_shapes,
    entries_for,
    entries_of,
    load_tensors,
    match_names,
    to_tensors,
)
from kerasft.architectures.transformer import Transformer, build_transformer
from kerasft.architectures.transformer_arguments import TransformerArguments

__all__ = [
    "ARCHITECTURES",
    "KERAS_HUB_SIZES",
    "POOLINGS",
    "T5",
    "V1_1",
    "Architecture",
    "Classifier",
    "Encoder",
    "EncoderArguments",
    "Entry",
    "HeadedEncoder",
    "LoadReport",
    "MaskedLanguageModel",
    "Parameter",
    "Pooling",
    "T5Arguments",
    "Tagger",
    "Transformer",
    "TransformerArguments",
    "arguments_to_config",
    "build_transformer",
    "check_shapes",
    "config_labels",
    "config_to_arguments",
    "entries_for",
    "entries_of",
    "find_architecture",
    "layers_by_path",
    "linear_to_hf",
    "linear_to_keras",
    "load_t5_tensors",
    "load_tensors",
    "match_names",
    "part_counts",
    "shift_right",
    "to_tensors",
    "write_t5_files",
]
