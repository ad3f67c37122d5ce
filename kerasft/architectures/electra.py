"""ELECTRA (Clark et al. 2020, "ELECTRA: Pre-training Text Encoders as Discriminators")."""

from typing import ClassVar

from kerasft.architectures.dense_head import DenseHeadArchitecture
from kerasft.architectures.factorized import FactorizedArchitecture
from kerasft.text.pretrained import TokenizerKind
from kerasft.text.wordpiece import wordpiece_from


class Electra(DenseHeadArchitecture, FactorizedArchitecture):
    """ELECTRA in transformers and here: a BERT, in its small sizes with narrower tables."""

    name = "electra"
    tokenizers = (
        TokenizerKind(wordpiece_from, ("ElectraTokenizer",), ("electra",), ("vocab.txt",), "[PAD]"),
    )
    twin = "Electra"
    prefix = "electra."
    head_activation = "gelu"
    map_module = "embeddings_project"
    defaults: ClassVar = {"hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024}
