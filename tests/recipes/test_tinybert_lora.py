"""The recipe through its command line: a nameless BERT, messy rows, merged classes."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.checkpoints import write_checkpoint
from harness.texts import write_rows
from kerasft.config import main
from kerasft.predict import Predictor
from kerasft.recipes import small_bert, tinybert_lora
from kerasft.tasks.labelled.labelled_texts import load_labelled

pytestmark = pytest.mark.any_backend

CLASSES = """
classes:
  facts: [news, comparison]
  views: [opinion]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT whose config names no model_type, as bert-tiny's; rows with tags and redactions."""
    folder = tmp_path_factory.mktemp("world")
    write_checkpoint(folder / "bert", "bert", layers=2)
    config = json.loads((folder / "bert" / "config.json").read_text())
    del config["model_type"], config["architectures"]
    (folder / "bert" / "config.json").write_text(json.dumps(config))
    write_rows(folder / "clean.csv", rows=90)
    with open(folder / "clean.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    with open(folder / "rows.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["product", "narrative"])
        writer.writerow(["news", "too short"])
        for row in rows:
            writer.writerow([row["label"], f"<p>XXXX {row['text']}</p>\nXX/XX/2023 !!!!"])
    (folder / "classes.yaml").write_text(CLASSES)
    return folder


@pytest.fixture
def recipe(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the recipe's command line in this process; returns the output folder."""

    def run(*arguments: str) -> Path:
        command = [
            "recipe",
            "--config",
            str(world / "classes.yaml"),
            "--epochs",
            "1",
            "--export",
            "none",
            "--few_shot",
            "off",
        ]
        command += ["--data", str(world / "rows.csv"), "--output", str(tmp_path / "out")]
        command += ["--last_layers", "1", "--max_length", "16", "--min_words", "5", *arguments]
        monkeypatch.setattr(sys, "argv", command)
        main(tinybert_lora.run, tinybert_lora.Config)
        return tmp_path / "out"

    return run


def test_a_run_leaves_a_folder_that_cleans_as_it_learned(recipe, world, capsys):
    output = recipe(
        "--preset", str(world / "bert"), "--class_weight", "balanced", "--long_texts", "head_tail"
    )
    said = capsys.readouterr().out
    for words in ("short texts: 91 -> 90 rows", "2 classes of 3", "parameters train", "macro F1"):
        assert words in said, words
    report = output / "report"
    metrics = json.loads((report / "metrics.json").read_text())
    assert set(metrics["test"]["per_class"]) == {"facts", "views"}
    assert 0 < metrics["parameters"]["trained"] < metrics["parameters"]["frozen"]
    left = {"classes.png", "lengths.png", "loss.png", "validation.csv"}
    assert left <= {p.name for p in report.iterdir()}
    kept = json.loads((output / "manifest.json").read_text())["settings"]
    assert kept["cleaning"]["html"] and kept["cleaning"]["redactions"] == "mask"
    assert kept["long_texts"] == "head_tail"
    with open(report / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert "<p>" not in rows[0]["text"] and "XXXX" not in rows[0]["text"]
    predictor = Predictor(output)
    messy = [f"<div>{row['text']}</div>" for row in rows]
    for row, prediction in zip(rows, predictor.predict(messy), strict=True):
        assert prediction.label == row["predicted"]
        assert prediction.probabilities["facts"] == pytest.approx(float(row["facts"]), abs=2e-6)


def test_the_split_is_that_of_small_bert(world):
    mapping = {"facts": ["news", "comparison"], "views": ["opinion"]}
    shared = {"data": str(world / "rows.csv"), "classes": mapping, "min_words": 5}
    ours = load_labelled(tinybert_lora.Config(**shared, epochs=1, seed=1))
    theirs = load_labelled(small_bert.Config(**shared, epochs=2, seed=2))
    assert ours.test_sha256 == theirs.test_sha256
    assert ours.parts == theirs.parts


def test_without_a_preset_and_a_hub_the_error_names_minilm(world, tmp_path):
    command = [sys.executable, "-m", "kerasft.recipes.tinybert_lora"]
    command += ["--config", str(world / "classes.yaml"), "--min_words", "5"]
    command += ["--data", str(world / "rows.csv"), "--output", str(tmp_path / "out")]
    # The library reads it once, on import; nobody listens at this port.
    nowhere = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    run = subprocess.run(command, env=nowhere, capture_output=True, text=True, timeout=300)
    assert run.returncode == 2
    error = run.stderr.strip().splitlines()[-1]
    assert error.startswith("error: ") and "prajjwal1/bert-tiny" in error
    assert "`--preset minilm`" in error and "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()
