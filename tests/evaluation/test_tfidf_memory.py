import sys

import numpy as np

from kerasft import backends
from kerasft.evaluation.tfidf_memory import tfidf_peak_memory

LABELS = np.array([0, 1] * 4)


def test_it_counts_the_fits_and_not_this_process():
    ballast = np.ones(2**27)  # 1 GiB that only this process holds
    rows = (["a goal in \ud800 the match"] * 8, LABELS)
    few = tfidf_peak_memory(rows, rows, 2)
    words = [" ".join(f"w{row}x{i}" for i in range(20_000)) for row in range(8)]
    many = tfidf_peak_memory((words, LABELS), rows, 2, class_weight="balanced")
    here = backends.peak_memory()
    assert few is not None and many is not None and here is not None
    assert 2**25 < few < many - 2**25
    assert many < here and here > ballast.nbytes


def test_many_classes_do_not_take_the_memory():
    """Of 150 classes each word has 150 coefficients, of which the solver keeps many copies."""
    draw = np.random.default_rng(0).integers
    labels = np.repeat(np.arange(150), 6)
    texts = [f"class{label} " + " ".join(f"w{n}" for n in draw(0, 9000, 12)) for label in labels]
    few = tfidf_peak_memory((texts[:12], labels[:12]), (texts[:12], labels[:12]), 2)
    many = tfidf_peak_memory((texts, labels), (texts[::6], labels[::6]), 150)
    assert few is not None and many is not None
    assert many - few < 300 * 2**20


def test_a_process_that_fails_says_nothing(monkeypatch):
    nothing = (["! ?"] * 8, LABELS * 0)  # one class
    assert tfidf_peak_memory(nothing, nothing, 2) is None
    monkeypatch.setattr(sys, "executable", "false")
    rows = (["a goal"] * 8, LABELS)
    assert tfidf_peak_memory(rows, rows, 2) is None
