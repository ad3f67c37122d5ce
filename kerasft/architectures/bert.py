"""BERT (Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers")."""

import keras

from kerasft.architectures.architecture import KerasHubTwin, head_dense
from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.name_table import Entry
from kerasft.architectures.post_norm import PostNormArchitecture


class Bert(PostNormArchitecture):
    """BERT in transformers and here."""

    name = "bert"
    twin = "Bert"
    prefix = "bert."
    keras_hub = KerasHubTwin(
        "Bert",
        presets="bert",
        fixed={"activation": "gelu_approximate", "layer_norm_epsilon": 1e-12, "head_dropout": 0.1},
        head={"classifier": "logits"},
    )

    def sequence_head(self, arguments: EncoderArguments, pooling: str) -> list[keras.layers.Layer]:
        """The pooler, for the first token alone, and a dropout."""
        dropout = keras.layers.Dropout(arguments.head_dropout, name="head_dropout")
        if pooling == "mean":
            return [dropout]
        return [head_dense(arguments.hidden_size, "pooled_dense", "tanh"), dropout]

    def head_entries(
        self, arguments: EncoderArguments, num_labels: int, pooling: str
    ) -> list[Entry]:
        """BertForTokenClassification has no pooler; neither has a classifier over the mean."""
        rows = super().head_entries(arguments, num_labels, pooling)
        if pooling != "first":
            return rows
        square = (arguments.hidden_size, arguments.hidden_size)
        return [Entry("bert.pooler.dense", "pooled_dense", "linear", square, head=True), *rows]
