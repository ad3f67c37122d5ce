"""Models: a KerasHub encoder with the head of its Hugging Face twin, the Transformer, and T5.

`architectures.py` holds the encoders and from which numbers they are made, `classifier.py` the
classifier, `tagger.py` the tagger of tokens (`headed_encoder.py` what the two share),
`transformer.py` the translator and `transformer_arguments.py` its numbers, `t5.py` and
`t5_arguments.py` those of T5, `arguments.py` the checks that such numbers share and
`token_loss.py` the loss in the logs of both; `masked_language_model.py` trains a classifier's
encoder on plain texts, `part_counts.py` counts a classifier's parameters.
"""

from kerasft.models.architectures import ARCHITECTURES, EncoderArguments, build_backbone
from kerasft.models.classifier import POOLINGS, Classifier, Pooling
from kerasft.models.headed_encoder import HeadedEncoder
from kerasft.models.masked_language_model import MaskedLanguageModel
from kerasft.models.part_counts import part_counts
from kerasft.models.t5 import T5, shift_right
from kerasft.models.t5_arguments import V1_1, T5Arguments
from kerasft.models.tagger import Tagger
from kerasft.models.transformer import Transformer, build_transformer
from kerasft.models.transformer_arguments import TransformerArguments

__all__ = [
    "ARCHITECTURES",
    "POOLINGS",
    "T5",
    "V1_1",
    "Classifier",
    "EncoderArguments",
    "HeadedEncoder",
    "MaskedLanguageModel",
    "Pooling",
    "T5Arguments",
    "Tagger",
    "Transformer",
    "TransformerArguments",
    "build_backbone",
    "build_transformer",
    "part_counts",
    "shift_right",
]
