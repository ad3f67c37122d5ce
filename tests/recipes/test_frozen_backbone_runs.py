"""Frozen layers through the recipes' command lines: what a run says, keeps and repeats."""

import csv
import json
import re
import signal
import sys
from pathlib import Path

import keras
import pytest
from test_tagger_lora import rows

from harness import killed_recipe
from harness.checkpoints import write_checkpoint
from harness.texts import write_rows
from kerasft.config import main
from kerasft.predict import Predictor
from kerasft.recipes import distilbert_lora, tagger_lora

pytestmark = pytest.mark.any_backend

RECIPE = (killed_recipe.SCRIPT, "distilbert_lora")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_checkpoint(folder / "preset", "distilbert", layers=2)
    write_rows(folder / "rows.csv")
    (folder / "rows.conll").write_text(rows(60), encoding="utf-8")
    return folder


@pytest.fixture
def run(world: Path, tmp_path: Path, monkeypatch, capsys):
    """Runs a recipe's command line in this process; returns the output folder and what it said."""

    def start(*arguments: str, recipe=distilbert_lora, data: str = "rows.csv", name: str = "out"):
        output = tmp_path / name
        command = ["recipe", "--preset", world / "preset", "--data", world / data]
        command += [
            "--output",
            output,
            "--max_length",
            "24",
            "--last_layers",
            "1",
            "--export",
            "none",
        ]
        if recipe is distilbert_lora:  # what is looked at is the usual training
            command += ["--few_shot", "off"]
        command += [*arguments]
        monkeypatch.setattr(sys, "argv", list(map(str, command)))
        main(recipe.run, recipe.Config)
        return output, capsys.readouterr().out

    return start


def history(output: Path) -> dict:
    return json.loads((output / "report" / "metrics.json").read_text())["history"]


def test_runs_share_a_directory_and_predict_what_they_saved(run, tmp_path):
    cache = tmp_path / "cache"
    first, said = run("--epochs", "2", "--cache_backbone", cache)
    assert "frozen layers: embeddings and 1 of 2 layers run once per text: " in said
    assert f"of float16 for 60 texts in {cache}, 0 of them from before" in said
    assert "frozen layers (1) run without dropout" in said
    size = (next(cache.iterdir()) / "features").stat().st_size
    options = ("--seed", "1", "--rank", "4", "--learning_rate", "0.01", "--epochs", "1")
    second, said = run(*options, "--cache_backbone", cache, name="second")
    assert "60 of them from before" in said
    assert (next(cache.iterdir()) / "features").stat().st_size == size
    assert len(list(cache.iterdir())) == 1
    for output in (first, second):
        card = (output / "README.md").read_text()
        assert "run once per text" in card and "(1) run without dropout" in card
        with open(output / "report" / "predictions.csv", newline="") as file:
            saved = list(csv.DictReader(file))
        found = Predictor(output).predict([row["text"] for row in saved])
        for row, prediction in zip(saved, found, strict=True):
            for label, probability in prediction.probabilities.items():
                assert float(row[label]) == pytest.approx(probability, abs=2e-6)


def test_float32_and_no_cache_have_the_same_losses(run, tmp_path):
    options = ("--epochs", "2", "--dropout", "0", "--learning_rate", "0.01")
    kept, _ = run(*options, "--cache_dtype", "float32")
    whole, said = run(*options, "--cache_backbone", "off", name="whole")
    assert "run at every step: --cache_backbone is off" in said
    assert history(kept)["losses"] == pytest.approx(history(whole)["losses"], abs=1e-5)
    rounded, _ = run(*options, name="rounded")
    assert history(rounded)["losses"] == pytest.approx(history(whole)["losses"], abs=0.02)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "rounded", "whole"]


def test_frozen_layers_drop_out_where_they_are_asked_to(run):
    output, said = run("--frozen_dropout", "--epochs", "2")
    assert "run at every step: --frozen_dropout draws anew each time" in said
    assert (
        "frozen layers keep their dropout (--frozen_dropout)" in (output / "README.md").read_text()
    )


def test_a_tagger_learns_above_its_backbone(run, tmp_path):
    output, said = run(
        "--epochs", "8", "--learning_rate", "0.02", recipe=tagger_lora, data="rows.conll"
    )
    assert "frozen layers: embeddings and 1 of 2 layers run once per text" in said
    losses = history(output)["losses"]
    assert losses[-1] < losses[0] / 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_checkpoint_goes_on_as_it_began(run, tmp_path, monkeypatch, capsys):
    from kerasft import training

    with monkeypatch.context() as patch:
        patch.setattr(training.Resume, "finish", lambda self: None)
        run("--epochs", "2")
    with pytest.raises(SystemExit):
        run("--epochs", "2", "--resume", "--cache_backbone", "off")
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert "backbone (embeddings and 1 of 2 layers in float16 there, none here)" in complaint


@pytest.mark.timeout(900)  # several processes
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="test_distilbert_lora_resume.py does it on all, with features of its own",
)
def test_killed_in_the_first_epoch_it_equals_an_unbroken_run(run, run_python, world, tmp_path):
    options = ["--dropout", "0.2", "--learning_rate", "0.01", "--checkpoint_steps", "2"]
    unbroken, _ = run(*options, "--cache_backbone", tmp_path / "unbroken.cache", name="unbroken")
    broken = tmp_path / "broken"
    command = ["--preset", world / "preset", "--data", world / "rows.csv", "--output", broken]
    command += ["--max_length", "24", "--last_layers", "1", "--few_shot", "off", *options]
    command += ["--cache_backbone", tmp_path / "broken.cache"]
    killed = run_python(*RECIPE, 3, *command)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run_python(*RECIPE, -1, *command, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "Resuming after step 2 " in resumed.stdout
    assert re.search(r"for 60 texts in .*, (24|32) of them from before", resumed.stdout)
    assert history(broken) == history(unbroken)
    for name in ("adapter/adapter_model.safetensors", "model.safetensors"):
        assert (broken / name).read_bytes() == (unbroken / name).read_bytes()
