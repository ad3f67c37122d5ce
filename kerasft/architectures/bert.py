"""BERT (Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers")."""

from kerasft.architectures.architecture import KerasHubTwin
from kerasft.architectures.pooler_head import PoolerHeadArchitecture


class Bert(PoolerHeadArchitecture):
    """BERT in transformers and here."""

    name = "bert"
    twin = "Bert"
    prefix = "bert."
    pooler = "pooler.dense"
    keras_hub = KerasHubTwin(
        "Bert",
        presets="bert",
        fixed={"activation": "gelu_approximate", "layer_norm_epsilon": 1e-12, "head_dropout": 0.1},
        head={"classifier": "logits"},
    )
