"""Runs that are killed for good: SIGKILL, in processes of their own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from harness import killed_run

SCRIPT = Path(killed_run.__file__)


def start(folder: Path, *options: str, **env: str) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, SCRIPT, folder, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **env},
    )  # fmt: skip


def finish(process: subprocess.Popen, returncode: int = 0) -> str:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == returncode, errors[-3000:]
    return out


def results(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "result.npz") as arrays:
        return dict(arrays)


@pytest.mark.timeout(900)  # five processes
def test_killed_again_and_again_equals_never_stopped_bit_by_bit(tmp_path):
    finish(start(tmp_path / "unbroken"))
    folder = tmp_path / "killed"
    said = []
    for number, where in enumerate(["5", "epoch2", "writing2"]):
        resume = ["--resume"] if number else []
        process = start(folder, "--kill", where, *resume)
        said.append(finish(process, -signal.SIGKILL))
        facts = json.loads((folder / "run.checkpoint" / "checkpoint.json").read_text())
        # Each time the last whole checkpoint is there: at every third step and at epoch ends.
        expected = [(0, 3), (1, 5), (2, 0)][number]
        assert (facts["epoch"], facts["batch"]) == expected
    said.append(finish(start(folder, "--resume")))

    wanted, got = results(tmp_path / "unbroken"), results(folder)
    assert wanted.keys() == got.keys()
    assert len(wanted["losses"]) == 28
    for name, array in wanted.items():
        np.testing.assert_array_equal(got[name], array, err_msg=name, strict=True)
    assert "Resuming after step 14 (epoch 3, 0 of 7 steps done)" in said[-1]
    leftovers = {path.name for path in folder.iterdir()} - {"run.checkpoint", "result.npz"}
    assert not leftovers


def test_goes_on_on_another_backend(tmp_path):
    here = tmp_path / "here"
    finish(start(here, "--dropout", "0", "--keep", "13"))
    there = tmp_path / "there"
    there.mkdir()
    (here / "kept").rename(there / "run.checkpoint")
    other = "tensorflow" if keras.backend.backend() == "torch" else "torch"
    said = finish(start(there, "--dropout", "0", "--resume", KERAS_BACKEND=other))
    assert "Resuming after step 12 (epoch 2, 5 of 7 steps done)" in said
    assert f"The run continues with other backend ({keras.backend.backend()} " in said
    assert said.count("dropout draws anew") == 1
    ours, theirs = results(here), results(there)
    np.testing.assert_array_equal(theirs["losses"][:12], ours["losses"][:12])
    np.testing.assert_allclose(theirs["losses"], ours["losses"], atol=1e-4)
    np.testing.assert_allclose(theirs["epoch 4 val_loss"], ours["epoch 4 val_loss"], atol=1e-4)
