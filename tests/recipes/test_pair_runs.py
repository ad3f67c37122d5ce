"""Recipes on pairs of texts: what a run leaves, and that it goes on where it was stopped."""

import csv
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from harness import killed_recipe
from harness.checkpoints import write_checkpoint
from harness.texts import FILLING
from kerasft import reporting
from kerasft.config import main
from kerasft.exports.engines import make_export
from kerasft.predict import Predictor
from kerasft.recipes import compare, distilbert_lora, methods, small_bert

COLUMNS = ("--text_column", "a", "--text_pair_column", "b", "--label_column", "y")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT, and pairs whose label says whether both begin with the same word."""
    folder = tmp_path_factory.mktemp("pairs")
    write_checkpoint(folder / "bert", "bert", layers=3)
    rng = np.random.default_rng(0)
    with open(folder / "rows.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "y", "labels", "number"])
        for row in range(60):
            first, second = rng.choice(FILLING, 2, replace=False)
            rest = (" ".join(rng.choice(FILLING, 4)) for _ in range(2))
            starts = (first, first if row % 2 else second)
            texts = [f"{start} {more}" for start, more in zip(starts, rest, strict=True)]
            same = row % 2
            labels = ";".join(["same"] * same + ["short"] * (row % 3 == 0))
            writer.writerow([*texts, "ny"[same], labels or "none", 2.5 * same + row % 3])
    return folder


def words(world: Path, output: Path) -> list[str]:
    """What every run is told."""
    fixed = ("--max_length", "32", "--export", "none", "--output", str(output))
    return ["--data", str(world / "rows.csv"), *COLUMNS, *fixed]


def tuning(world: Path) -> list[str]:
    """What every run of distilbert_lora is told."""
    return ["--preset", str(world / "bert"), "--epochs", "2", "--class_weight", "balanced"]


def run(monkeypatch, recipe, world: Path, output: Path, *arguments: str) -> Path:
    monkeypatch.setattr(sys, "argv", ["recipe", *words(world, output), *arguments])
    main(recipe.run, recipe.Config)
    return output


def tune(monkeypatch, world: Path, output: Path, *arguments: str) -> Path:
    return run(monkeypatch, distilbert_lora, world, output, *tuning(world), *arguments)


@pytest.fixture(scope="module")
def tuned(world, tmp_path_factory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        return tune(patch, world, tmp_path_factory.mktemp("runs") / "first")


@pytest.mark.any_backend
def test_a_run_keeps_both_texts_of_its_rows(tuned):
    manifest = json.loads((tuned / "manifest.json").read_text())
    assert manifest["settings"]["text_pairs"] is True
    for name in ("predictions.csv", "baseline_predictions.csv", "validation.csv"):
        with open(tuned / "report" / name, newline="") as file:
            head, *rows = csv.reader(file)
        assert head[:3] == ["text", "text_pair", "label"] and len(rows) > 5
    predictor = Predictor(tuned, "keras")
    with open(tuned / "report" / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = predictor.predict([(row["text"], row["text_pair"]) for row in rows])
    for row, result in zip(rows, found, strict=True):
        assert float(row["y"]) == pytest.approx(result.probabilities["y"], abs=1e-5)
    card = (tuned / "README.md").read_text()
    assert "pairs were cut at 32 tokens" in card and "embeddings and 1 of 3 layers" in card


@pytest.mark.any_backend
def test_the_kept_rows_are_those_that_eight_bits_are_compared_on(tuned, tmp_path):
    """Of random weights, 8 bits may lose more than they may; the rows are read in any case."""
    try:
        facts = make_export(tuned, "onnx-int8").exports["onnx-int8"]
        said = facts["source"]
    except Exception as error:
        said = str(error)
    assert "validation rows of the run" in said


@pytest.mark.any_backend
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_run_goes_on_to_the_same_bits(world, tuned, tmp_path, run_python):
    options = [*words(world, tmp_path / "again"), *tuning(world), "--checkpoint_steps", "3"]
    command = (killed_recipe.SCRIPT, "distilbert_lora")
    assert run_python(*command, 7, *options).returncode == -signal.SIGKILL
    resumed = run_python(*command, -1, *options, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tuned / name).read_bytes()


@pytest.mark.any_backend
def test_two_runs_on_pairs_are_compared(world, tuned, tmp_path, monkeypatch):
    other = tune(monkeypatch, world, tmp_path / "other", "--method", "head")
    folders = [str(tuned), str(other)]
    assert isinstance(reporting.read_runs(folders)[0].texts[0], tuple)
    draws = ("--draws", "100", "--timed_texts", "2", "--timed_rounds", "1")
    command = ["recipe", "--folders", ",".join(folders), "--output", str(tmp_path / "page"), *draws]
    monkeypatch.setattr(sys, "argv", command)
    main(compare.run, compare.Config)
    assert " | " in (tmp_path / "page" / "report" / "index.html").read_text()


@pytest.mark.any_backend
def test_methods_are_compared_on_pairs(world, tmp_path, monkeypatch):
    output = tmp_path / "page"
    command = ["--data", str(world / "rows.csv"), *COLUMNS, "--preset", str(world / "bert")]
    command += ["--max_length", "32", "--epochs", "1", "--methods", "bitfit,head"]
    command += ["--draws", "100", "--timed_texts", "2", "--timed_rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["recipe", *command, "--output", str(output)])
    main(methods.run, methods.Config)
    page = json.loads((output / "report" / "metrics.json").read_text())
    assert page["methods"].keys() > {"bitfit", "head"} and not page["failures"]
    bitfit, head = (Path(f"{output}.runs", f"{name}-0") for name in ("bitfit", "head"))
    runs = reporting.read_runs([bitfit, head])
    assert all(run.manifest.settings["text_pairs"] and len(run.texts[0]) == 2 for run in runs)
    assert page["methods"]["bitfit"]["costs"]["latency"]["1"]["median"] > 0
    said = [run.said for run in runs]
    assert np.abs(said[0] - said[1]).max() > 1e-4


@pytest.mark.any_backend
def test_a_bert_of_ones_own_reads_pairs(world, tmp_path, monkeypatch):
    sizes = ("--num_layers", "1", "--hidden_size", "16", "--num_heads", "2", "--steps", "4")
    more = ("--classes", "none", "--intermediate_size", "16", "--mlm_epochs", "1")
    output = run(
        monkeypatch, small_bert, world, tmp_path / "small", *sizes, *more, "--min_words", "1",
        "--near_duplicates", "0",
    )  # fmt: skip
    first, second = Predictor(output, "keras").predict([("the of", "a to"), ("a to", "the of")])
    assert first.probabilities != second.probabilities


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("multi_label", ("--label_column", "labels", "--label_separator", ";")),
        ("regression", ("--label_column", "number", "--task", "regression")),
    ],
)
def test_several_labels_and_numbers_are_said_of_pairs(task, options, world, tmp_path, monkeypatch):
    more = ("--method", "head", "--epochs", "1", "--class_weight", "none", *options)
    predictor = Predictor(tune(monkeypatch, world, tmp_path / "run", *more), "keras")
    assert predictor.task.name == task and predictor.text_pairs
    first, second = predictor.predict([("the of", "a to"), ("a to", "the of")])
    assert asdict(first) != asdict(second)
