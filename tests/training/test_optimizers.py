"""AdamW: decoupled decay, and what it leaves alone."""

import keras
import numpy as np
import pytest
from keras import ops

from harness import text_models
from kerasft import training
from kerasft.errors import ConfigError


def one_step(weight_decay: float):
    """A T5 before and after one step of AdamW, by the paths of its variables."""
    keras.utils.set_random_seed(0)
    model = text_models.build(dropout=0.0)
    before = {w.path: ops.convert_to_numpy(w) for w in model.weights}
    loss = training.LabelSmoothedCrossEntropy(0.0, from_logits=True)
    model.compile(training.adamw(1e-2, model, weight_decay), loss)
    inputs = text_models.inputs()
    labels = np.roll(inputs["target_ids"], -1, axis=1)
    model.fit(inputs, labels, batch_size=len(labels), epochs=1, verbose=0)
    return before, {w.path: ops.convert_to_numpy(w) for w in model.weights}


def test_matrices_decay_beside_the_step_and_norms_and_positions_do_not():
    before, plain = one_step(0.0)
    again, decayed = one_step(0.5)
    for path, start in before.items():
        np.testing.assert_array_equal(start, again[path])
        change = decayed[path] - plain[path]
        if path.endswith("/scale") or "relative_position_bias" in path:
            np.testing.assert_array_equal(change, 0)
        else:
            np.testing.assert_allclose(change, -1e-2 * 0.5 * start, atol=2e-5, rtol=1e-3)
    assert sum(path.endswith("/scale") for path in before) == 9


def test_a_negative_decay_is_refused():
    model = text_models.build()
    for wrong in (-0.1, float("nan")):
        with pytest.raises(ConfigError, match="weight_decay is"):
            training.adamw(1e-3, model, wrong)
