import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from harness.small_run import STEPS, Run
from kerasft import training
from kerasft.errors import ConfigError

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parents[2]


def read(directory: Path) -> EventAccumulator:
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0, "tensors": 0})
    return events.Reload()


def scalars(directory: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(directory).Scalars(tag)]


def floats(values) -> list[float]:
    return [struct.unpack("f", struct.pack("f", value))[0] for value in values]


def test_a_run_reads_back(tmp_path):
    board = training.TensorBoard(tmp_path / "logs", {"learning_rate": 0.05, "preset": "minilm"})
    run = Run(tmp_path, trackers=(board,)).fit(2)
    run.history.track({"test/macro_f1": 0.75})
    run.history.close()
    logs = tmp_path / "logs"
    assert scalars(logs, "train/loss") == list(
        zip(range(1, 2 * STEPS + 1), floats(run.history.losses), strict=True)
    )
    assert scalars(logs, "train/learning_rate")[-1] == (2 * STEPS, *floats([0.05]))
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        values = floats(epoch[name] for epoch in run.history.epochs)
        assert scalars(logs, f"epoch/{name}") == [(STEPS, values[0]), (2 * STEPS, values[1])]
    assert scalars(logs, "test/macro_f1") == [(2 * STEPS, 0.75)]
    events = read(logs)
    assert events.Tags()["tensors"] == ["hyperparameters"]
    text = events.Tensors("hyperparameters")[0].tensor_proto.string_val[0].decode()
    assert "| preset | minilm |" in text and "| learning_rate | 0.05 |" in text
    assert events.SummaryMetadata("hyperparameters").plugin_data.plugin_name == "text"


def test_a_resumed_run_shows_each_step_once(tmp_path):
    logs = tmp_path / "logs"
    # Broken off without a close, five steps after its last checkpoint.
    broken = Run(tmp_path, every_steps=0, trackers=(training.TensorBoard(logs),))
    broken.fit(3, stop_at=2 * STEPS)
    assert len(scalars(logs, "train/loss")) == 2 * STEPS
    run = Run(tmp_path, every_steps=0, resume=True, trackers=(training.TensorBoard(logs),)).fit(3)
    run.history.close()
    assert len(list(logs.iterdir())) == 2
    assert scalars(logs, "train/loss") == list(
        zip(range(1, 3 * STEPS + 1), floats(run.history.losses), strict=True)
    )
    assert [step for step, _ in scalars(logs, "epoch/loss")] == [STEPS, 2 * STEPS, 3 * STEPS]


def test_a_new_run_in_the_same_directory_replaces_the_old_one(tmp_path):
    logs = tmp_path / "logs"
    for epochs in (2, 1):
        run = Run(tmp_path, trackers=(training.TensorBoard(logs),)).fit(epochs)
        run.history.close()
    assert [step for step, _ in scalars(logs, "train/loss")] == list(range(1, STEPS + 1))


def test_a_record_cut_by_a_kill_spoils_nothing(tmp_path):
    for step in (0, 1):
        board = training.TensorBoard(tmp_path)
        board.start(step)
        board.scalars(step + 1, {"x": float(step)})
        board.close()
        if step == 0:
            first = next(tmp_path.iterdir())
            first.write_bytes(first.read_bytes() + b"\x18\0\0\0")
    assert scalars(tmp_path, "x") == [(1, 0.0), (2, 1.0)]


def test_values_are_on_the_disk_before_the_close(tmp_path):
    board = training.TensorBoard(tmp_path)
    board.start(0)
    board.scalars(1, {"x": 2.0})
    assert scalars(tmp_path, "x") == [(1, 2.0)]
    board.close()
    board.close()
    board.scalars(2, {"x": 3.0})  # dropped
    assert scalars(tmp_path, "x") == [(1, 2.0)]


def test_tensorflow_is_not_imported(tmp_path):
    # Loaded as a file of its own: the room around it imports Keras, which takes seconds.
    code = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('board', sys.argv[1])\n"
        "board = importlib.util.module_from_spec(spec); spec.loader.exec_module(board)\n"
        "board = board.TensorBoard(sys.argv[2], {'a': 1}); board.start(0)\n"
        "board.scalars(1, {'x': 1.0}); board.close()\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    file = sys.modules["kerasft.training.tensorboard"].__file__
    subprocess.run([sys.executable, "-c", code, file, tmp_path], check=True, cwd=ROOT)
    assert scalars(tmp_path, "x") == [(1, 1.0)]


def test_without_the_package_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(ConfigError, match=r"pip install 'kerasft\[tracking\]'"):
        training.TensorBoard(tmp_path)


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        training.TensorBoard(tmp_path / "file" / "logs").start(0)
