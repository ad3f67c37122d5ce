import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import wandb

from harness.small_run import Run
from kerasft import training
from kerasft.errors import ConfigError

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parents[2]


@pytest.fixture
def no_login(tmp_path) -> dict[str, str]:
    """An environment in which nobody is logged in to W&B."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    return {**environment, "HOME": str(home), "NETRC": str(home / "netrc")}


def records(run_folder: Path) -> list:
    """The records of a run file: a LevelDB log after a header of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    data = next(run_folder.glob("*.wandb")).read_bytes()
    position, parts, found = 7, b"", []
    while position + 7 <= len(data):
        left = 32768 - position % 32768  # in this block
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + 7])
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            found.append(record)
            parts = b""
    return found


def read(run_folder: Path) -> tuple[str, dict, list[dict]]:
    """A run file's id, config and history rows."""
    run_id, config, rows = "", {}, []
    for record in records(run_folder):
        if record.WhichOneof("record_type") == "run":
            run_id = record.run.run_id
            for item in record.run.config.update:
                config[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
        if record.WhichOneof("record_type") == "history":
            rows.append(
                {
                    item.key or "/".join(item.nested_key): json.loads(item.value_json)
                    for item in record.history.item
                }
            )
    return run_id, config, rows


def test_an_offline_run_and_its_resumption_are_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    runs = []
    for resume in (False, True):
        board = training.WandB(
            "tests", config={"rate": 0.05, "targets": ["q"]}, directory=tmp_path, mode="offline"
        )
        runs.append(Run(tmp_path, resume=resume, trackers=(board,)))
        runs[-1].fit(2, stop_at=None if resume else 4)
        if resume:
            runs[-1].history.track({"test/macro_f1": 0.75})
        runs[-1].history.close()
    wandb.teardown()  # W&B's service writes the last of a file shortly after the run's end
    losses = runs[-1].history.losses
    folders = sorted((tmp_path / "wandb").glob("offline-run-*"), key=os.path.getmtime)
    first, second = (read(folder) for folder in folders)
    assert first[0] == second[0] and first[0]
    assert first[1]["rate"] == 0.05 and first[1]["targets"] == ["q"]

    def logged(rows, name):
        return {row["_step"]: row[name] for row in rows if name in row}

    assert list(logged(first[2], "train/loss").values()) == losses[:4]
    # The checkpoint stood at step 2.
    assert logged(second[2], "train/loss") == {i + 1: losses[i] for i in range(2, 10)}
    assert list(logged(second[2], "epoch/val_loss")) == [5, 10]
    assert logged(second[2], "test/macro_f1") == {10: 0.75}


REFUSED = """
import importlib.util, os, sys
from kerasft.errors import ConfigError
spec = importlib.util.spec_from_file_location("board", sys.argv[1])
board = importlib.util.module_from_spec(spec); spec.loader.exec_module(board)
board.INIT_TIMEOUT_S = 3.0

def attempt(name, action):
    try: action()
    except ConfigError as error: print("said", name, error)

for name, value in (("WANDB_MODE", "foo"), ("WANDB_SILENT", "maybe"), ("WANDB_PROJECT", "a/b")):
    os.environ[name] = value
    attempt(name, lambda: board.WandB(directory="x"))
    del os.environ[name]
attempt("default", lambda: board.WandB(directory="x"))
attempt("online", lambda: board.WandB(mode="online", directory="x"))
os.environ["WANDB_API_KEY"] = "no key"
attempt("badkey", lambda: board.WandB(mode="online", directory="x"))
os.environ["WANDB_API_KEY"] = "0" * 40
attempt("unreachable", lambda: board.WandB(mode="online", directory="x").start(0))
"""


def test_online_without_login_or_server_is_one_sentence_and_never_a_prompt(tmp_path, no_login):
    # A terminal as standard input, so that a prompt would wait for an answer.
    terminal, ours = os.openpty()
    file = sys.modules["kerasft.training.wandb"].__file__
    out = subprocess.run(
        [sys.executable, "-c", REFUSED, file], capture_output=True, text=True, cwd=tmp_path,
        env={**no_login, "WANDB_BASE_URL": "http://127.0.0.1:9", "PYTHONPATH": str(ROOT)},
        stdin=ours, timeout=120,
    )  # fmt: skip
    os.close(terminal)
    os.close(ours)
    said = dict(line.split(" ", 2)[1:] for line in out.stdout.splitlines() if line[:4] == "said")
    settings = {"WANDB_MODE": "mode: ", "WANDB_SILENT": "silent: ", "WANDB_PROJECT": "'a/b'"}
    assert said.keys() == {*settings, "default", "online", "badkey", "unreachable"}, out
    for name, words in settings.items():
        assert f"does not understand its settings ({words}" in said[name].replace(
            "Invalid project name ", ""
        )
    for name in ("default", "online"):
        assert "no login" in said[name] and "WANDB_MODE=offline" in said[name]
    assert "refuses the login" in said["badkey"]
    assert "could not start" in said["unreachable"] and "=offline" in said["unreachable"]


def test_disabled_logs_nothing_and_needs_no_login(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    board = training.WandB(mode="disabled", directory=tmp_path / "logs")
    board.start(0)
    board.scalars(1, {"x": 1.0})
    board.close()
    assert not list((tmp_path / "logs").rglob("*.wandb"))


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match=r"pip install 'kerasft\[tracking\]'"):
        training.WandB(mode="offline")
