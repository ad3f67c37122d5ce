"""A head's last layer, set from a logistic regression on the vectors that it reads."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

STRENGTH = 10.0
"""C, the inverse strength of the L2 penalty, on vectors whose mean length is 1."""


def fit_linear_head(
    dense: keras.layers.Dense,
    vectors: np.ndarray,
    labels: np.ndarray,
    class_weight: str | None = None,
) -> None:
    """Fits scikit-learn's logistic regression, and gives a linear layer its weights.

    The layer's logits are then the regression's own, to rounding: of two classes half the one
    logit of scikit-learn with either sign, which has the same softmax.

    Args:
        dense: The layer, of (width, classes).
        vectors: (rows, width) what it reads of the training rows.
        labels: (rows,) class ids; each class occurs.
        class_weight: "balanced" weighs each class by the inverse of its share.

    Example:
        >>> fit_linear_head(model.head[-1], vectors, labels)
    """
    from sklearn.linear_model import LogisticRegression

    scale = np.linalg.norm(vectors, axis=1).mean()
    fitted = LogisticRegression(C=STRENGTH, class_weight=class_weight, max_iter=1000)
    fitted.fit(vectors.astype(np.float64) / scale, labels)
    kernel, bias = fitted.coef_ / scale, fitted.intercept_
    if len(kernel) == 1:
        kernel, bias = np.concatenate([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    dense.kernel.assign(_as(kernel.T, dense.kernel))
    dense.bias.assign(_as(bias, dense.bias))


def _as(array: np.ndarray, variable: Any) -> np.ndarray:
    return np.ascontiguousarray(array, dtype="float32").reshape(tuple(variable.shape))
