import keras
import numpy as np
import pytest

from harness.gradients import value_and_gradients
from kerasft.errors import ConfigError
from kerasft.training.contrastive_loss import SupervisedContrastive

LABELS = np.array([0, 1, 0, 2, 1, 0])  # the 2 has no partner


def by_hand(vectors: np.ndarray, temperature: float) -> list[float]:
    """Khosla et al. 2020, equation 2, row by row."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    losses = []
    for i in range(len(unit)):
        others = [a for a in range(len(unit)) if a != i]
        partners = [p for p in others if LABELS[p] == LABELS[i]]
        total = sum(np.exp(unit[i] @ unit[a] / temperature) for a in others)
        logs = [np.log(np.exp(unit[i] @ unit[p] / temperature) / total) for p in partners]
        losses.append(-sum(logs) / max(len(partners), 1))
    return losses


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_value_and_gradient_are_those_of_the_formula(temperature: float):
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    direction = np.linspace(0.5, 1.5, 6, dtype="float32")
    loss = SupervisedContrastive(temperature)
    value, (gradient,) = value_and_gradients(
        lambda x: loss.call(LABELS, x), [vectors], [], direction
    )
    assert value == pytest.approx(by_hand(vectors.astype(float), temperature), abs=1e-5)
    assert value[3] == 0
    wanted = np.zeros_like(gradient)
    for place in np.ndindex(*vectors.shape):
        step = np.zeros(vectors.shape)
        step[place] = 1e-5
        up, down = (by_hand(vectors + sign * step, temperature) for sign in (1, -1))
        wanted[place] = (np.subtract(up, down) @ direction) / 2e-5
    assert gradient == pytest.approx(wanted, abs=2e-4)


@pytest.mark.any_backend
def test_is_saved_with_a_model_and_refuses_no_temperature():
    again = keras.losses.deserialize(keras.losses.serialize(SupervisedContrastive(0.3)))
    assert isinstance(again, SupervisedContrastive) and again.temperature == 0.3
    with pytest.raises(ConfigError, match="temperature"):
        SupervisedContrastive(0.0)
