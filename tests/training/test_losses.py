import keras
import numpy as np
import pytest

from kerasft import training
from kerasft.errors import ConfigError


def log_probabilities(*shape: int) -> np.ndarray:
    logits = np.random.default_rng(0).normal(size=shape)
    return (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype("float32")


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_is_the_cross_entropy_of_torch(smoothing):
    torch = pytest.importorskip("torch")
    predicted = log_probabilities(3, 5, 11)
    labels = np.random.default_rng(1).integers(0, 11, (3, 5))
    weight = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]], "float32")
    ignored = np.where(weight > 0, labels, -1)
    theirs = torch.nn.CrossEntropyLoss(ignore_index=-1, label_smoothing=smoothing)(
        torch.tensor(predicted).flatten(0, 1), torch.tensor(ignored).flatten()
    )
    ours = training.LabelSmoothedCrossEntropy(smoothing)(labels, predicted, sample_weight=weight)
    assert float(ours) == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_logits_give_what_log_probabilities_do(smoothing):
    predicted, labels = log_probabilities(3, 5, 11), np.arange(15).reshape(3, 5) % 11
    logits = predicted + np.linspace(-9, 9, 15, dtype="float32").reshape(3, 5, 1)
    plain = training.LabelSmoothedCrossEntropy(smoothing)(labels, predicted)
    ours = training.LabelSmoothedCrossEntropy(smoothing, from_logits=True)(labels, logits)
    assert float(ours) == pytest.approx(float(plain), abs=1e-5)


def test_padding_changes_nothing():
    predicted, labels = log_probabilities(2, 4, 7), np.ones((2, 4), "int32")
    weight = np.ones((2, 4), "float32")
    loss = training.LabelSmoothedCrossEntropy(0.1)
    padded = np.concatenate([predicted, log_probabilities(2, 3, 7)], axis=1)
    assert float(loss(labels, predicted, weight)) == pytest.approx(
        float(loss(np.pad(labels, ((0, 0), (0, 3))), padded, np.pad(weight, ((0, 0), (0, 3))))),
        abs=1e-6,
    )


def test_one_number_by_hand():
    predicted = np.log(np.array([[[0.5, 0.25, 0.25]]], "float32"))
    wanted = -0.9 * np.log(0.5) - 0.1 * np.log([0.5, 0.25, 0.25]).mean()
    ours = training.LabelSmoothedCrossEntropy(0.1)(np.array([[0]]), predicted)
    assert float(ours) == pytest.approx(wanted, abs=1e-6)


def test_is_saved_with_a_model():
    loss = training.LabelSmoothedCrossEntropy(0.2, from_logits=True)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, training.LabelSmoothedCrossEntropy) and (
        again.smoothing,
        again.from_logits,
    ) == (0.2, True)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_refuses_a_share_out_of_range(smoothing):
    with pytest.raises(ConfigError, match="label_smoothing is"):
        training.LabelSmoothedCrossEntropy(smoothing)
