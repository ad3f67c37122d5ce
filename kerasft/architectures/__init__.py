"""The architectures: a file or folder a family, with its numbers and its names in transformers.

A family's object says which `config.json` it reads, builds the model, and names its weights.
"""

from kerasft.architectures.architecture import (
    KERAS_HUB_SIZES,
    POOLINGS,
    Architecture,
    EncoderArchitecture,
    Pooling,
)
from kerasft.architectures.encoder import EncoderArguments, EncoderStack
from kerasft.architectures.headed_encoder import Classifier, HeadedEncoder, Tagger
from kerasft.architectures.masked_language_model import MaskedLanguageModel
from kerasft.architectures.name_table import (
    Entry,
    Parameter,
    TwinModel,
    layers_by_path,
)
from kerasft.architectures.part_counts import part_counts
from kerasft.architectures.registry import (
    ENCODERS,
    config_labels,
    config_to_arguments,
    find_encoder,
)
from kerasft.architectures.seq2seq import Seq2SeqArchitecture, Seq2SeqModel, TokenLossModel
from kerasft.architectures.seq2seq_registry import SEQ2SEQ, SEQ2SEQ_TYPES
from kerasft.architectures.t5 import T5, V1_1, T5Architecture, T5Arguments, shift_right
from kerasft.architectures.tensors import (
    LoadReport,
    check_shapes,
    load_tensors,
    to_tensors,
)
from kerasft.architectures.tokenizers import OLDER_FILES, read_tokenizer
from kerasft.architectures.transformer import (
    Transformer,
    TransformerArguments,
    build_transformer,
)

__all__ = [
    "ENCODERS",
    "KERAS_HUB_SIZES",
    "OLDER_FILES",
    "POOLINGS",
    "SEQ2SEQ",
    "SEQ2SEQ_TYPES",
    "T5",
    "V1_1",
    "Architecture",
    "Classifier",
    "EncoderArchitecture",
    "EncoderArguments",
    "EncoderStack",
    "Entry",
    "HeadedEncoder",
    "LoadReport",
    "MaskedLanguageModel",
    "Parameter",
    "Pooling",
    "Seq2SeqArchitecture",
    "Seq2SeqModel",
    "T5Architecture",
    "T5Arguments",
    "Tagger",
    "TokenLossModel",
    "Transformer",
    "TransformerArguments",
    "TwinModel",
    "build_transformer",
    "check_shapes",
    "config_labels",
    "config_to_arguments",
    "find_encoder",
    "layers_by_path",
    "load_tensors",
    "part_counts",
    "read_tokenizer",
    "shift_right",
    "to_tensors",
]
