"""Rows that look mislabelled, as cleanlab 2.9.0 finds them."""

import numpy as np
import pytest

from kerasft.evaluation.confident_learning import label_issues, margins

pytestmark = pytest.mark.plain

# 24 rows, in permille; what `find_label_issues(labels, probabilities, "confident_learning",
# return_indices_ranked_by="normalized_margin")` of cleanlab 2.9.0 says of them stands below.
PERMILLE = [
    [839, 41, 120], [38, 935, 27], [21, 17, 962], [975, 20, 5], [6, 974, 20], [36, 188, 776],
    [854, 81, 65], [127, 833, 40], [245, 373, 382], [886, 35, 79], [20, 910, 70], [79, 38, 883],
    [730, 46, 224], [8, 943, 49], [25, 239, 736], [914, 76, 10], [62, 734, 204], [48, 324, 628],
    [651, 32, 317], [12, 975, 13], [206, 205, 589], [715, 243, 42], [81, 796, 123], [41, 50, 909],
]  # fmt: skip
LABELS = [0, 1, 0, 0, 1, 2, 0, 1, 2, 1, 1, 2, 0, 1, 2, 0, 0, 2, 0, 2, 2, 0, 1, 2]
CLEANLAB = [19, 2, 9]  # and not 16, whose label is not the most probable one either


def test_the_rows_of_cleanlab():
    found = label_issues(np.array(LABELS), np.array(PERMILLE) / 1000)
    assert found.tolist() == CLEANLAB


def test_a_label_that_is_as_probable_as_another_is_none():
    labels = np.array([0, 0, 0, 1, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.9, 0.1], [0.1, 0.9], [0.5, 0.5], [0, 1]])
    assert label_issues(labels, probabilities).tolist() == []
    probabilities[1] = [0.1, 0.9]
    assert label_issues(labels, probabilities).tolist() == [1]


def test_margins_by_hand():
    found = margins(np.array([0, 2]), np.array([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1]]))
    assert found == pytest.approx([0.2, -0.5])
