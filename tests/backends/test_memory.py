import os

import numpy as np

from kerasft import backends


def resident() -> int:
    """Bytes that this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_the_peak_stays_when_the_memory_is_given_back():
    before = backends.peak_memory()
    assert before >= resident()
    block = np.ones(before // 8 + 25 * 2**20)  # bytes / 8 doubles: more than ever was held
    assert block.sum() > 0
    grown = backends.peak_memory()
    assert grown > before + 50 * 2**20
    del block
    assert backends.peak_memory() >= grown


def test_a_new_process_does_not_inherit_the_peak(run_python):
    block = np.ones(80 * 2**20 // 8 + backends.peak_memory() // 8)
    assert block.sum() > 0
    code = "from kerasft import backends; print(backends.peak_memory())"
    peak = int(run_python("-c", code).stdout)
    assert 5 * 2**20 < peak < backends.peak_memory() - 40 * 2**20
