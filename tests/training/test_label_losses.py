"""The loss and the metric of several labels, against torch and scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score

from kerasft.training.label_losses import BinaryCrossEntropy, MicroF1

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
LOGITS = (3 * RNG.standard_normal((6, 4))).astype("float32")
LABELS = (RNG.random((6, 4)) < 0.4).astype("float32")


@pytest.mark.parametrize("weights", [None, (1.0, 0.5, 7.5, 2.0)])
def test_the_loss_is_that_of_torch(weights):
    pos_weight = None if weights is None else torch.tensor(weights)
    expected = torch.nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="none")(
        torch.tensor(LOGITS), torch.tensor(LABELS)
    ).mean(dim=1)
    loss = BinaryCrossEntropy(weights)
    found = keras.ops.convert_to_numpy(loss.call(LABELS, keras.ops.convert_to_tensor(LOGITS)))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5)
    assert BinaryCrossEntropy.from_config(loss.get_config()).positive_weights == weights


def test_micro_f1_counts_rows_by_their_weights():
    metric = MicroF1()
    metric.update_state(LABELS[:3], LOGITS[:3], np.array([1, 1, 0], "float32"))
    metric.update_state(LABELS[3:], LOGITS[3:])
    kept = [0, 1, 3, 4, 5]
    expected = f1_score(LABELS[kept], LOGITS[kept] > 0, average="micro")
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
