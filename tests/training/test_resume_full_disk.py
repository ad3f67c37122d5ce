"""A disk that fills up while a run trains: one sentence, and what was there before stays."""

import sys
from pathlib import Path

import keras
import pytest
from test_resume import assert_equal
from test_tensorboard import scalars

from harness.full_disk import no_file_above
from harness.small_run import STEPS, Run
from kerasft import training
from kerasft.errors import ConfigError

pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE"),
]


class FillsUp(keras.callbacks.Callback):
    """Lets no file grow any more when a step of the run is done."""

    def __init__(self, history: training.History, step: int, size: int):
        super().__init__()
        self.history, self.step = history, step
        self.limit = no_file_above(size)

    def on_train_batch_end(self, batch, logs=None):
        if len(self.history.losses) == self.step:
            self.limit.__enter__()


def fit_until_full(run: Run, step: int, size: int) -> None:
    full = FillsUp(run.history, step, size)
    run.stateful.append(full)
    try:
        run.fit()
    finally:
        full.limit.__exit__(None, None, None)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_former_checkpoint_stays_and_the_run_can_go_on(tmp_path):
    unbroken = Run(tmp_path / "unbroken").fit()
    run = Run(tmp_path / "full").fit(stop_at=STEPS)
    before = content(tmp_path / "full")
    run = Run(tmp_path / "full", resume=True)
    with pytest.raises(ConfigError) as caught:
        fit_until_full(run, STEPS, 500)
    message = str(caught.value)
    assert "\n" not in message and "checkpoint cannot be written: File too large" in message
    assert "KB are needed" in message and "make room and try again" in message
    assert content(tmp_path / "full") == before
    assert_equal(Run(tmp_path / "full", resume=True).fit(), unbroken)


def test_tensorboard_ends_and_the_run_goes_on(tmp_path, capsys):
    logs = tmp_path / "logs"
    run = Run(tmp_path, every_steps=0, trackers=(training.TensorBoard(logs),))
    size = 350
    with pytest.raises(ConfigError, match="checkpoint cannot be written"):
        fit_until_full(run, 2, size)
    assert capsys.readouterr().out.count("tensorboard failed after step") == 1
    (file,) = logs.iterdir()
    assert file.stat().st_size <= size
    steps = [step for step, _ in scalars(logs, "train/loss")]  # of whole records alone
    assert 2 <= len(steps) < STEPS and steps == list(range(1, len(steps) + 1))
