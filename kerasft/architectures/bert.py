"""BERT (Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers")."""

from kerasft.architectures.architecture import KerasHubTwin
from kerasft.architectures.pooler_head import PoolerHeadArchitecture
from kerasft.text.pretrained import TokenizerKind
from kerasft.text.wordpiece import wordpiece_from


class Bert(PoolerHeadArchitecture):
    """BERT in transformers and here."""

    name = "bert"
    tokenizers = (
        TokenizerKind(wordpiece_from, ("BertTokenizer",), ("bert",), ("vocab.txt",), "[PAD]"),
    )
    twin = "Bert"
    prefix = "bert."
    pooler = "pooler.dense"
    keras_hub = KerasHubTwin(
        "Bert",
        presets="bert",
        fixed={"activation": "gelu_approximate", "layer_norm_epsilon": 1e-12, "head_dropout": 0.1},
        head={"classifier": "logits"},
    )
