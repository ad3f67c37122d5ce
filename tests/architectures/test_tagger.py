"""The tagger: which heads it takes, its paths, what it refuses."""

import numpy as np
import pytest

from harness.checkpoints import write_checkpoint
from kerasft.architectures import (
    EncoderArguments,
    Tagger,
)
from kerasft.errors import ConfigError
from kerasft.presets import load_preset

TAGS = ["O", "B-PER", "I-PER"]


def write(directory, kind: str, names: list[str]) -> None:
    model = write_checkpoint(directory, kind, "ForTokenClassification")
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: number for number, name in enumerate(names)}
    model.save_pretrained(directory)


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (TAGS, ["O", "B-LOC", "I-LOC"]),
        (TAGS, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]),
        (["LABEL_0", "LABEL_1", "LABEL_2"], TAGS),
    ],
    ids=["other types", "more types", "no names"],
)
def test_a_head_of_other_tags_is_new(kind, names, wanted, tmp_path):
    write(tmp_path, kind, names)
    model, report = load_preset(str(tmp_path)).build_tagger(wanted)
    assert report.new == ["classifier.weight", "classifier.bias"]
    assert report.unread == ["classifier.bias", "classifier.weight"]
    inputs = {"token_ids": np.ones((2, 7), "int32"), "padding_mask": np.ones((2, 7), bool)}
    assert model(inputs).shape == (2, 7, len(wanted))


TINY = EncoderArguments(
    vocab_size=50, num_layers=2, num_heads=2, hidden_size=8, intermediate_size=12,
    max_length=16, dropout=0.3, head_dropout=0.2,
)  # fmt: skip


def test_its_paths_and_its_dropout():
    model = Tagger("distilbert", TINY, 5)
    paths = [weight.path for weight in model.weights]
    assert paths[-2:] == ["classifier/kernel", "classifier/bias"]
    assert "transformer_layer_1/self_attention_layer/query/kernel" in paths
    assert not any("pre_classifier" in path or "pooled" in path for path in paths)
    # transformers drops out before this head as in DistilBERT's layers, not as for classifiers.
    assert model.get_layer("head_dropout").rate == 0.3
    inputs = {"token_ids": np.ones((2, 7), "int32"), "padding_mask": np.ones((2, 7), bool)}
    assert model(inputs).shape == (2, 7, 5)


@pytest.mark.parametrize("count", [1, 0, True, 2.5])
def test_too_few_tags_are_refused(count):
    with pytest.raises(ConfigError, match="num_labels"):
        Tagger("distilbert", TINY, count)
