import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from kerasft.training.linear_head import STRENGTH, fit_linear_head

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_the_layer_says_what_the_logistic_regression_says(classes: int, weights: str | None):
    random = np.random.default_rng(0)
    vectors = random.normal(size=(30, 5)).astype("float32")
    labels = np.minimum(np.arange(30) % 4, classes - 1)
    dense = keras.layers.Dense(classes)
    dense.build((None, 5))
    fit_linear_head(dense, vectors, labels, weights)
    scaled = vectors / np.linalg.norm(vectors, axis=1).mean()
    theirs = LogisticRegression(C=STRENGTH, class_weight=weights, max_iter=1000).fit(scaled, labels)
    ours = keras.ops.convert_to_numpy(keras.ops.softmax(dense(vectors)))
    assert ours == pytest.approx(theirs.predict_proba(scaled), abs=1e-5)
