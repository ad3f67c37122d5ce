"""A model tuned by each method: in a folder, by ONNX Runtime and over HTTP it says the same."""

import signal
from pathlib import Path

import numpy as np
import pytest

from harness import classifiers
from harness.servers import TEXTS, Running
from kerasft.exports.engines import make_export
from kerasft.peft import METHODS
from kerasft.predict import Predictor

pytestmark = pytest.mark.any_backend

pytest.importorskip("onnxruntime")


def rows(predictions) -> np.ndarray:
    """Probabilities, (texts, labels)."""
    return np.array([list(each.probabilities.values()) for each in predictions])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_predicts_exports_and_serves(method: str, tmp_path: Path) -> None:
    model = classifiers.train(method, "bert")
    logits = classifiers.logits(model, TEXTS)
    folder = classifiers.save(tmp_path / "model", model).folder
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    expected = powers / powers.sum(-1, keepdims=True)
    np.testing.assert_allclose(rows(Predictor(folder).predict(TEXTS)), expected, atol=1e-5)
    make_export(folder, "onnx")
    engine = Predictor(folder, engine="onnx")
    np.testing.assert_allclose(rows(engine.predict(TEXTS)), expected, atol=1e-5)
    server = Running(tmp_path / "log", folder, "--port", 0, "--engine", "onnx").wait_until_ready()
    answer = server.client.post("/predict", json={"texts": TEXTS}).json()
    found = [list(each["probabilities"].values()) for each in answer["predictions"]]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert server.stop(signal.SIGTERM) == 0 and "Traceback" not in server.log
