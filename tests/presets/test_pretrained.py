"""When a trained head is taken over, and when it is made anew."""

import keras
import numpy as np
import pytest

from harness.checkpoints import write_checkpoint
from kerasft.presets import load_preset

NAMES = ["no", "perhaps", "yes"]


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def pretrained(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("trained")
    write_checkpoint(
        directory,
        request.param,
        "ForSequenceClassification",
        layers=1,
        id2label=dict(enumerate(NAMES)),
    )
    return load_preset(str(directory))


def logits(model) -> np.ndarray:
    ids = np.arange(5, 15, dtype="int32").reshape(2, 5)
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids, bool)}
    return keras.ops.convert_to_numpy(model(inputs, training=False))


CLASSIFIER = ["classifier.weight", "classifier.bias"]


def test_the_head_follows_the_order_of_the_labels(pretrained):
    plain, _ = pretrained.build_classifier(3)
    same, report = pretrained.build_classifier(3, labels=NAMES)
    assert report.new == []
    np.testing.assert_array_equal(logits(same), logits(plain))
    mixed, report = pretrained.build_classifier(3, labels=["yes", "no", "perhaps"])
    assert report.new == []
    np.testing.assert_allclose(logits(mixed), logits(plain)[:, [2, 0, 1]], atol=1e-6)


@pytest.mark.parametrize(
    ("count", "options"),
    [(4, {}), (2, {}), (3, {"labels": ["a", "b", "c"]}), (3, {"pooling": "mean"})],
)
def test_a_head_of_something_else_is_new_and_listed(pretrained, count, options):
    model, report = pretrained.build_classifier(count, **options)
    below = ["pre_classifier.weight", "pre_classifier.bias"]
    head = CLASSIFIER if pretrained.architecture == "bert" else below + CLASSIFIER
    assert report.new == head
    unread = set(report.unread)
    if pretrained.architecture == "bert" and options.get("pooling") == "mean":
        unread -= {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert unread == set(head)
    assert logits(model).shape == (2, count)
    # New means random, not 0.
    assert np.abs(keras.ops.convert_to_numpy(model.get_layer("classifier").kernel)).max() > 1e-3


def test_the_seed_decides_the_new_head(pretrained):
    def head(seed):
        keras.utils.set_random_seed(seed)
        model, _ = pretrained.build_classifier(5)
        return keras.ops.convert_to_numpy(model.get_layer("classifier").kernel)

    np.testing.assert_array_equal(head(1), head(1))
    assert np.abs(head(1) - head(2)).max() > 1e-3
