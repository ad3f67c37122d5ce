"""The peak of memory, in processes of their own: one that has held much shows nothing new."""

import numpy as np
import pytest

from kerasft.backends import memory

pytestmark = pytest.mark.plain

GROWS = """
import numpy as np
from kerasft import backends
before = backends.peak_memory()
block = np.ones(before // 8 + 10 * 2**20)  # doubles: 80 MiB more than was ever held
grown = backends.peak_memory()
del block
print(before, grown, backends.peak_memory())
"""


def test_the_peak_stays_when_the_memory_is_given_back(run_python):
    before, grown, after = map(int, run_python("-c", GROWS).stdout.split())
    assert 5 * 2**20 < before < 2**30
    assert grown > before + 60 * 2**20
    assert after > 0.99 * grown  # the kernel counts in steps


def test_a_process_does_not_inherit_the_peak_of_the_one_that_started_it(run_python):
    block = np.ones(40 * 2**20)  # 320 MiB
    assert block.sum() > 0
    code = "from kerasft import backends; print(backends.peak_memory())"
    assert 5 * 2**20 < int(run_python("-c", code).stdout) < 250 * 2**20


def test_free_memory_is_of_this_machine(monkeypatch, tmp_path):
    free = memory.free_memory()
    if free is not None:
        assert 2**20 < free < 2**50
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "none")
    assert memory.free_memory() is None
    (tmp_path / "none").write_text("MemTotal: 9 kB\nMemAvailable:    2048 kB\n")
    assert memory.free_memory() == 2**21
