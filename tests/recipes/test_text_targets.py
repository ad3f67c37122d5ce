"""The recipe with several labels and with numbers: what a run leaves, on every backend."""

import csv
import json
import signal
import sys

import numpy as np
import pytest

from harness import killed_recipe
from harness.checkpoints import write_checkpoint
from harness.texts import write_rows
from kerasft import tasks
from kerasft.config import main
from kerasft.exports.engines import make_export
from kerasft.predict import Predictor
from kerasft.recipes import distilbert_lora

NUMBER = {"news": 1.5, "opinion": 3.0, "comparison": 7.25}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A tiny checkpoint, rows with several labels, and rows with a number."""
    folder = tmp_path_factory.mktemp("targets")
    write_checkpoint(folder / "preset", "distilbert", layers=3)
    write_rows(folder / "rows.csv", 90)
    with open(folder / "rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    with open(folder / "several.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number, (one, other) in enumerate(zip(rows, rows[1:] + rows[:1], strict=True)):
            both = number % 3 == 0
            text = f"{one['text']} {other['text']}" if both else one["text"]
            labels = {one["label"], other["label"]} if both else {one["label"]}
            writer.writerow([text, "" if number % 10 == 9 else ";".join(labels)])
    with open(folder / "numbers.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [("text", "stars"), *((row["text"], NUMBER[row["label"]]) for row in rows)]
        )
    return folder


def words(world, output):
    """What every run is told."""
    folders = ("--preset", str(world / "preset"), "--output", str(output))
    return [*folders, "--epochs", "2", "--max_length", "24", "--export", "none"]


def run(world, output, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["recipe", *words(world, output), *arguments])
    main(distilbert_lora.run, distilbert_lora.Config)
    report = output / "report"
    with open(report / "predictions.csv", newline="") as file:
        return json.loads((report / "metrics.json").read_text()), list(csv.DictReader(file))


def test_several_labels(world, tmp_path, monkeypatch, capsys):
    output = tmp_path / "out"
    metrics, rows = run(
        world, output, monkeypatch, "--data", str(world / "several.csv"),
        "--label_separator", ";", "--class_weight", "balanced", "--thresholds", "0.4",
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "labels are predicted from a probability of 0.4 on, as --thresholds says" in said
    assert metrics["test"].keys() >= {"macro_f1", "micro_f1", "samples_f1", "subset_accuracy"}
    assert metrics["baselines"].keys() == {"TF-IDF + logistic regressions", "most frequent label"}
    losses = metrics["history"]["losses"]
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
    assert {"labels.png", "classes.png", "loss.png"} <= {
        p.name for p in (output / "report").iterdir()
    }
    predictor = Predictor(output)
    assert set(predictor.metadata["thresholds"].values()) == {0.4}
    found = predictor.predict([row["text"] for row in rows])
    for row, result in zip(rows, found, strict=True):
        assert json.loads(row["predicted"]) == list(result.labels)
        for name, probability in result.probabilities.items():
            assert float(row[name]) == pytest.approx(probability, abs=2e-6)
    export = make_export(output, "onnx").exports["onnx"]
    assert export["largest_difference_to_keras"] < 1e-4


@pytest.mark.any_backend
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_several_labels_killed_and_resumed_are_the_same_bits(
    world, tmp_path, monkeypatch, run_python
):
    options = ["--data", str(world / "several.csv"), "--label_separator", ";"]
    options += ["--class_weight", "balanced", "--dropout", "0.2", "--checkpoint_steps", "3"]
    run(world, tmp_path / "unbroken", monkeypatch, *options)
    command = (killed_recipe.SCRIPT, "distilbert_lora")
    options = [*words(world, tmp_path / "broken"), *options]
    assert run_python(*command, 10, *options).returncode == -signal.SIGKILL
    resumed = run_python(*command, -1, *options, "--resume")
    assert resumed.returncode == 0 and "step" in resumed.stdout, resumed.stderr
    broken, unbroken = tmp_path / "broken", tmp_path / "unbroken"
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (broken / name).read_bytes() == (unbroken / name).read_bytes()
    found, expected = Predictor(broken).metadata, Predictor(unbroken).metadata
    assert len(found["thresholds"]) == 3  # chosen after the training
    assert found["thresholds"] == expected["thresholds"]


def test_a_number(world, tmp_path, monkeypatch):
    output = tmp_path / "out"
    metrics, rows = run(
        world, output, monkeypatch, "--data", str(world / "numbers.csv"),
        "--label_column", "stars", "--task", "regression", "--loss", "huber",
    )  # fmt: skip
    assert metrics["test"].keys() == {"rows", "r2", "pearson", "spearman", "mae", "rmse"}
    assert metrics["baselines"].keys() == {"TF-IDF + ridge", "the mean"}
    assert metrics["rows"]["all rows"] == {"train": 62, "validation": 14, "test": 14}
    assert {"scatter.png", "numbers.png"} <= {p.name for p in (output / "report").iterdir()}
    predictor = Predictor(output)
    assert predictor.metadata["predicts"] == "stars"
    assert predictor.metadata["mean"] == pytest.approx(np.mean(list(NUMBER.values())), abs=0.3)
    found = predictor.predict([row["text"] for row in rows])
    said = [float(row["predicted"]) for row in rows]
    np.testing.assert_allclose([each.value for each in found], said, atol=1e-4)
    assert np.std(said) > 0
    rows_of_gate = predictor.task.gate_rows(output, tasks.load(output), None, {})
    assert rows_of_gate.source == "validation rows of the run" and len(rows_of_gate.texts) == 14
    assert rows_of_gate.score(rows_of_gate.wanted, rows_of_gate.wanted)["R2"] == 100
