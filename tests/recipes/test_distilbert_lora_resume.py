"""Killed and resumed through the command line, a run ends in the very same bits; or is refused."""

import json
import signal
import sys
from pathlib import Path

import pytest

from harness import killed_recipe
from harness.checkpoints import write_checkpoint
from harness.texts import write_rows

KILLED_AT = (4, 9, 17)  # in the first, the second and the third epoch of 6 steps
RECIPE = (killed_recipe.SCRIPT, "distilbert_lora")


@pytest.mark.timeout(900)  # several processes, each compiles anew
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_three_times_and_resumed_equals_unbroken(run_python, tmp_path: Path):
    write_checkpoint(tmp_path / "checkpoint", layers=3)
    write_rows(tmp_path / "rows.csv")
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    checkpoint = Path(f"{broken}.checkpoint")
    options = [
        "--export=none", "--few_shot=off",
        "--preset", str(tmp_path / "checkpoint"), "--data", str(tmp_path / "rows.csv"),
        "--dropout", "0.2", "--max_length", "24", "--learning_rate", "0.01",
        "--checkpoint_steps", "3", "--epochs", "3", "--early_stopping", "3",
    ]  # fmt: skip

    def run(kill_at: int, output: Path, *more: str):
        return run_python(*RECIPE, kill_at, *options, "--output", output, *more)

    assert run(-1, unbroken).returncode == 0
    for attempt, step in enumerate(KILLED_AT):
        killed = run(step, broken, *(["--resume"] if attempt else []))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not broken.exists()
    refused = run(-1, broken, "--resume", "--rank", "4")
    assert refused.returncode == 2
    last = refused.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "rank" in last
    assert checkpoint.exists() and not broken.exists()
    resumed = run(-1, broken, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "step" in resumed.stdout

    expected, got = (
        json.loads((folder / "report" / "metrics.json").read_text())
        for folder in (unbroken, broken)
    )
    assert len(expected["history"]["losses"]) == 18
    assert got["history"] == expected["history"]
    assert got["test"] == expected["test"]
    for name in ("adapter/adapter_model.safetensors", "model.safetensors"):
        assert (broken / name).read_bytes() == (unbroken / name).read_bytes()
    assert not checkpoint.exists()
