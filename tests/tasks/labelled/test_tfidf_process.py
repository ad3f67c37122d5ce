import sys

import numpy as np
import pytest

from kerasft import backends
from kerasft.errors import DataError
from kerasft.tasks.labelled.tfidf_process import tfidf_result

pytestmark = pytest.mark.plain

LABELS = np.array([0, 1] * 4)


def test_it_counts_the_fits_and_not_this_process():
    ballast = np.ones(2**27)  # 1 GiB that only this process holds
    rows = (["a goal in \ud800 the match"] * 8, LABELS)
    words = [" ".join(f"w{row}x{i}" for i in range(20_000)) for row in range(8)]
    few, many = (
        tfidf_result(train, rows, rows[0], 2, class_weight=weight).costs["peak_memory_bytes"]
        for train, weight in ((rows, None), ((words, LABELS), "balanced"))
    )
    here = backends.peak_memory()
    assert here is not None and isinstance(few, int) and isinstance(many, int)
    assert 2**25 < few < many - 2**25
    assert many < here and here > ballast.nbytes


def test_a_process_that_fails_is_one_sentence(monkeypatch):
    nothing = (["! ?"] * 8, LABELS * 0)
    with pytest.raises(DataError, match="one class only"):
        tfidf_result(nothing, nothing, ["a"], 2)
    monkeypatch.setattr(sys, "executable", "false")
    rows = (["a goal"] * 8, LABELS)
    with pytest.raises(DataError, match=r"process failed \(exit code 1\)"):
        tfidf_result(rows, rows, ["a"], 2)
