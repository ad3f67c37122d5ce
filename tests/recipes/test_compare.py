"""The recipe through its command line: what it leaves, and what it refuses."""

import json
import sys
from pathlib import Path

import pytest

from harness import classifiers
from harness.compared import make_table, save_run
from kerasft.config import main, parse
from kerasft.evaluation import label_scores
from kerasft.recipes import compare

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three saved classifiers, the last of another test."""
    folder = tmp_path_factory.mktemp("world")
    save_run(folder / "one")
    save_run(folder / "two", "bert")
    save_run(folder / "other", test=make_table(24, seed=3))
    return folder


@pytest.fixture
def recipe(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the recipe's command line in this process; returns the output folder."""

    def run(*arguments: str, folders: tuple[str, ...] = ("one", "two")) -> Path:
        output = tmp_path / "out"
        names = ",".join(str(world / name) for name in folders)
        command = ["recipe", "--folders", names, "--output", str(output), "--timed_texts", "3"]
        command += ["--timed_rounds", "1", "--draws", "100", *arguments]
        monkeypatch.setattr(sys, "argv", command)
        main(compare.run, compare.Config)
        return output

    return run


def refused(recipe, capsys, words: str, *arguments: str, **options) -> None:
    with pytest.raises(SystemExit) as stop:
        recipe(*arguments, **options)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1
    assert words in said


def test_a_run_leaves_one_report(recipe, world: Path, capsys: pytest.CaptureFixture):
    output = recipe()
    said = capsys.readouterr().out
    for words in (
        "backend: ",
        "2 models, tested on the same 24 rows",
        "timing 3 texts",
        "macro F1",
        "has the highest macro-F1",
        f"open {output / 'report' / 'index.html'}",
    ):
        assert words in said, words
    data = json.loads((output / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert list(data["models"]) == ["one", "two", label_scores.TFIDF]
    for name in ("one", "two"):
        run = json.loads((world / name / "report" / "metrics.json").read_text(encoding="utf-8"))
        model = data["models"][name]
        assert model["accuracy"]["value"] == pytest.approx(run["test"]["accuracy"])
        assert model["macro_f1"]["value"] == pytest.approx(run["test"]["macro_f1"])
        assert model["log_loss"] == pytest.approx(run["test"]["loss"])
        assert model["costs"]["parameters"] == 30 and model["costs"]["peak_memory"] > 0
        assert model["costs"]["latency"]["1"]["median"] > 0
        files = [world / name / f for f in ("model.safetensors", "tokenizer.json")]
        assert model["costs"]["bytes"] >= sum(file.stat().st_size for file in files)
    baseline = data["models"][label_scores.TFIDF]
    said_then = run["baselines"][label_scores.TFIDF]
    assert baseline["accuracy"]["value"] == pytest.approx(said_then["accuracy"])
    # Every model says now what it said in its test.
    assert float(data["measured"].rsplit("within ", 1)[1].rstrip(".")) < 1e-5
    assert {"index.html", "comparison.md"} <= {p.name for p in (output / "report").iterdir()}
    config = (output / "config.yaml").read_text()
    assert "draws: 100" in config and str(world / "two") in config


def test_three_folders(recipe, world: Path):
    save_run(world / "three", "bert", seconds=9.0)
    output = recipe(folders=("one", "two", "three"))
    data = json.loads((output / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert len(data["models"]) == 4 and len(data["pairs"]) == 6


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (("one", "nowhere"), "there is no folder"),
        (("one",), "two folders or more"),
        (("one", "one"), "twice"),
        (("one", "other"), "tested on different rows"),
    ],
)
def test_bad_folders_are_one_sentence(recipe, capsys, folders, words, tmp_path):
    refused(recipe, capsys, words, folders=folders)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--draws", "5"), "--draws"),
        (("--timed_texts", "0"), "--timed_texts"),
        (("--timed_rounds", "0"), "--timed_rounds"),
        (("--resume",), "--resume"),  # nothing is trained
    ],
)
def test_bad_options_are_one_sentence(recipe, capsys, arguments, words, tmp_path):
    refused(recipe, capsys, words, *arguments)
    assert not (tmp_path / "out").exists()


def test_an_older_folder_and_a_folder_of_someone_else(recipe, capsys, tmp_path, world):
    bare = classifiers.saved_lora().folder
    refused(recipe, capsys, "test_sha256", folders=("one", str(bare)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    refused(recipe, capsys, "would not write")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"
    refused(recipe, capsys, "lies inside", "--output", str(world / "one" / "comparison"))
    assert not (world / "one" / "comparison").exists()


def test_the_defaults_name_the_recipes_that_come_before():
    assert parse(compare.Config, []).folders == (
        "saved_models/small_bert", "saved_models/tinybert_lora",
    )  # fmt: skip
