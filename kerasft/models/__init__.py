"""Models: a KerasHub encoder with the head of its Hugging Face twin.

`architectures.py` holds what can be built and from which numbers, `classifier.py` the classifier.
"""

from kerasft.models.architectures import ARCHITECTURES, EncoderArguments, build_backbone
from kerasft.models.classifier import POOLINGS, Classifier

__all__ = ["ARCHITECTURES", "POOLINGS", "Classifier", "EncoderArguments", "build_backbone"]
