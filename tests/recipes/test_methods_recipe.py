"""The recipe through its command line: its page, what it resumes, what it refuses."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from harness.checkpoints import write_checkpoint
from harness.texts import write_rows
from kerasft.config import main
from kerasft.evaluation import label_scores
from kerasft.predict import Predictor
from kerasft.recipes import methods

pytestmark = pytest.mark.any_backend

# BitFit is given a layer that the model has not, so that it cannot run.
OWN = "method_options: {lora: {rank: 2, targets: [key]}, bitfit: {targets: [nowhere]}}\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny checkpoint and some rows."""
    folder = tmp_path_factory.mktemp("world")
    write_checkpoint(folder / "bert", "bert", layers=3)
    write_rows(folder / "rows.csv")
    (folder / "own.yaml").write_text(OWN)
    return folder


@pytest.fixture
def recipe(world: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the recipe's command line in this process; returns the folder of the page."""

    def run(*arguments: str) -> Path:
        words = {
            "--config": world / "own.yaml", "--preset": world / "bert",
            "--data": world / "rows.csv", "--output": world / "out", "--epochs": 1,
            "--max_length": 24, "--draws": 100, "--timed_texts": 2, "--timed_rounds": 1,
        }  # fmt: skip
        command = [str(word) for pair in words.items() for word in pair]
        monkeypatch.setattr(sys, "argv", ["recipe", *command, *arguments])
        main(methods.run, methods.Config)
        return world / "out"

    return run


def page_of(output: Path) -> dict:
    return json.loads((output / "report" / "metrics.json").read_text("utf-8"))


def test_a_run_leaves_one_page_and_resumes(recipe, world: Path, capsys: pytest.CaptureFixture):
    output = recipe("--methods", "lora,bitfit,head,ia3")
    said = capsys.readouterr().out
    runs = world / "out.runs"
    for words in (
        "lora ... macro-F1 0.",
        "bitfit ... cannot run: The pattern 'nowhere' matches no",
        "head ... macro-F1 0.",
        "Could not run, for the reasons below: bitfit.",
        f"open {output / 'report' / 'index.html'}",
    ):
        assert words in said, words
    data = page_of(output)
    assert set(data["methods"]) == {"lora", "ia3", "head", label_scores.TFIDF}
    assert data["failures"].keys() == {"bitfit"} and data["choice"] in ("lora", "ia3", "head")
    for name in ("lora", "head"):
        report = json.loads((runs / f"{name}-0" / "report" / "metrics.json").read_text())
        found = data["methods"][name]
        assert found["macro_f1"]["value"] == pytest.approx(report["test"]["macro_f1"])
        assert found["costs"]["trained"] == report["parameters"]["trained"]
        assert found["costs"]["peak_memory"] == report["peak_memory_bytes"] > 1e8
        assert found["costs"]["latency"]["1"]["median"] > 0
    lora, head = (data["methods"][name] for name in ("lora", "head"))
    assert (lora["merges"], head["merges"]) == (True, None)
    assert lora["costs"]["latency"] == head["costs"]["latency"]  # merged: one model
    assert lora["costs"]["adapter_bytes"] > 0 and head["costs"]["adapter_bytes"] is None
    adapter = json.loads((runs / "lora-0" / "adapter" / "adapter_config.json").read_text())
    assert adapter["r"] == 2 and all("key" in name for name in adapter["target_modules"])
    assert Predictor(runs / "lora-0").predict(["a year in this place"])[0].label
    assert "lora" in (runs / "lora-0.log").read_text()
    weights = [runs / f"{name}-0" / "model.safetensors" for name in ("lora", "ia3")]
    assert weights[0].samefile(weights[1]) and not list(runs.glob("*.link"))

    # A finished run stays as it is; what is new, or was taken away, is trained.
    marks = {
        name: (runs / name / "manifest.json").stat().st_mtime_ns for name in ("lora-0", "head-0")
    }
    shutil.rmtree(runs / "head-0")
    stopped = runs / "head-0.checkpoint"
    stopped.mkdir()
    facts = {"kind": "kerasft checkpoint", "format_version": 1}  # of an earlier version
    (stopped / "checkpoint.json").write_text(json.dumps(facts))
    capsys.readouterr()
    recipe("--methods", "lora,head")
    assert "version of kerasft reads 2; remove it to start afresh.\n" in capsys.readouterr().out
    shutil.rmtree(stopped)
    recipe("--methods", "lora,head")
    assert (runs / "lora-0" / "manifest.json").stat().st_mtime_ns == marks["lora-0"]
    assert (runs / "head-0" / "manifest.json").stat().st_mtime_ns > marks["head-0"]
    assert set(page_of(output)["methods"]) == {"lora", "head", label_scores.TFIDF}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--methods", "lore"), "There is no method 'lore'; there are lora, "),
        (("--methods", "[]"), "give at least one of each"),
        (("--seeds", "[]"), "give at least one of each"),
        (("--draws", "5"), "--draws"),
        (
            ("--method_options", "{lora: {feedforward: [a]}}"),
            "--feedforward is not an option of --met",
        ),
        (("--method_options", "{lora: {rank: 0}}"), "rank must be a whole number"),
        (("--method_options", "{lore: {}}"), "There is no method 'lore'"),
        (("--max_length", "65"), "64 tokens"),
        (("--preset", "/nowhere/at/all"), "/nowhere/at/all"),
        (("--data", "missing.csv"), "missing.csv"),
        (("--methods", "bitfit"), "No method could run. The pattern 'nowhere'"),
    ],
)
def test_what_cannot_be_is_one_sentence(recipe, world, capsys, arguments, words):
    with pytest.raises(SystemExit) as stop:
        recipe(*arguments)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1
    assert words in said
