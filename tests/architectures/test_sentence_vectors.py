import keras
import numpy as np
import pytest

from kerasft import peft
from kerasft.architectures import Classifier, EncoderArguments
from kerasft.architectures.sentence_vectors import SentenceVectors

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize(("family", "pooling"), [("distilbert", "first"), ("bert", "mean")])
def test_the_last_layer_makes_the_logits_of_them(family: str, pooling: str):
    arguments = EncoderArguments(
        vocab_size=30,
        num_layers=2,
        num_heads=2,
        hidden_size=8,
        intermediate_size=16,
        max_length=12,
        num_segments=2 if family == "bert" else 0,
    )
    model = Classifier(family, arguments, 3, pooling)
    targets = tuple(peft.last_layers(model, 1, ("query",)))
    peft.apply(model, peft.LoRAConfig(targets=targets, modules_to_save=model.head_layers))
    inputs = {
        "token_ids": np.arange(10, dtype="int32").reshape(2, 5),
        "padding_mask": np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool),
    }
    to_numpy = keras.ops.convert_to_numpy
    whole = SentenceVectors(model, model)
    vectors = whole(inputs)
    logits = to_numpy(model(inputs))
    assert to_numpy(model.head[-1](vectors)) == pytest.approx(logits, abs=1e-6)
    backbone = model.frozen_backbone()
    above = SentenceVectors(model, backbone.upper)
    hidden = to_numpy(backbone.lower(backbone.below(inputs)))
    found = to_numpy(above(backbone.above(inputs, hidden)))
    assert found == pytest.approx(to_numpy(vectors), abs=1e-5)
    paths = {variable.path for variable in above.trainable_variables}
    assert any("lora_a" in path for path in paths)
    assert not any(path.startswith("classifier/") for path in paths)
    assert {v.path for v in whole.trainable_variables} == paths
