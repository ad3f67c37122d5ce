import os
import sys

import pytest

from harness.small_run import STEPS, RandomBatches, build
from kerasft.training.fit import progress


def trained() -> None:
    build().fit(RandomBatches(), epochs=2, validation_data=RandomBatches(1), verbose=progress())


def test_a_log_has_a_line_an_epoch_and_no_bar(capsys):
    trained()
    said = capsys.readouterr().out
    assert said.count("val_loss") == 2 and f"{STEPS}/{STEPS}" in said
    assert not set(said) & set("\b\r\x1b━")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_terminal_has_a_bar(monkeypatch):
    terminal, ours = os.openpty()
    with open(ours, "w") as screen:
        monkeypatch.setattr(sys, "stdout", screen)
        assert progress() == 1
    os.close(terminal)
