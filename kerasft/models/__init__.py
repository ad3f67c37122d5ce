"""Models: a KerasHub encoder with the head of its Hugging Face twin, and the Transformer.

`architectures.py` holds the encoders and from which numbers they are made, `classifier.py` the
classifier, `transformer.py` the translator and `transformer_arguments.py` its numbers,
`arguments.py` the checks that such numbers share; `masked_language_model.py` trains a classifier's
encoder on plain texts, `part_counts.py` counts a classifier's parameters.
"""

from kerasft.models.architectures import ARCHITECTURES, EncoderArguments, build_backbone
from kerasft.models.classifier import POOLINGS, Classifier
from kerasft.models.masked_language_model import MaskedLanguageModel
from kerasft.models.part_counts import part_counts
from kerasft.models.transformer import Transformer, build_transformer
from kerasft.models.transformer_arguments import TransformerArguments

__all__ = [
    "ARCHITECTURES",
    "POOLINGS",
    "Classifier",
    "EncoderArguments",
    "MaskedLanguageModel",
    "Transformer",
    "TransformerArguments",
    "build_backbone",
    "build_transformer",
    "part_counts",
]
