"""Few rows per class through the recipe's command line."""

import json
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness import killed_recipe
from harness.checkpoints import write_checkpoint
from harness.texts import FILLING, WORDS
from kerasft.config import main
from kerasft.predict import Predictor
from kerasft.recipes import distilbert_lora
from kerasft.recipes.shared.few_shot import FewShot

pytestmark = pytest.mark.any_backend

OPTIONS = ["--max_length", "16", "--export", "none", "--learning_rate", "0.02"]
EVERYWHERE = "query,value,attention_output,feedforward_intermediate_dense,feedforward_output_dense"


def write_short_rows(path: Path, rows: int) -> Path:
    """Writes a csv of texts of 3 to 5 words, one of which says the class."""
    random = np.random.default_rng(0)
    lines = ["text,label"]
    for row in range(rows):
        label = sorted(WORDS)[row % 3]
        words = list(random.choice(FILLING, size=random.integers(2, 5)))
        words.insert(int(random.integers(len(words))), str(random.choice(WORDS[label])))
        lines.append(f"{' '.join(words)},{label}")
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_checkpoint(folder / "preset", "distilbert", layers=2)
    write_short_rows(folder / "rows.csv", 150)
    return folder


@pytest.fixture
def run(world: Path, tmp_path: Path, monkeypatch, capsys):
    """Runs the recipe's command line in this process; returns its folder and what it said."""

    def start(*arguments: str, data: Path | None = None, name: str = "out") -> tuple[Path, str]:
        output = tmp_path / name
        command = ["recipe", "--preset", world / "preset", "--data", data or world / "rows.csv"]
        command += ["--output", output, "--test", "0.3", *OPTIONS, *arguments]
        monkeypatch.setattr(sys, "argv", list(map(str, command)))
        main(distilbert_lora.run, distilbert_lora.Config)
        return output, capsys.readouterr().out

    return start


def metrics(output: Path) -> dict:
    return json.loads((output / "report" / "metrics.json").read_text())


def test_few_rows_beat_the_head_alone_and_say_the_same_elsewhere(run, other_backends):
    few, said = run("--targets", EVERYWHERE)
    head, _ = run("--method", "head", "--epochs", "20", name="head")
    assert "few rows: the encoder learned which training texts are of one class" in said
    assert "15 of 32 rows per epoch" in said
    card = (few / "README.md").read_text()
    assert "the head is a logistic regression (C = 10) on the vectors of " in card
    found = metrics(few)
    losses = found["history"]["losses"]
    assert len(losses) == 60 and np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3
    assert found["test"]["macro_f1"] > metrics(head)["test"]["macro_f1"] + 0.2
    texts = ["more people of the year", "he was good"]
    here = Predictor(few).predict(texts)
    for ours, theirs in zip(here, other_backends.predict("jax", few, {}, texts), strict=True):
        assert ours.probabilities == pytest.approx(theirs["probabilities"], abs=1e-5)


@pytest.mark.parametrize(("rows", "epochs"), [(24, 2), (48, 2), (96, 4), (300, 13)])
def test_each_text_is_seen_twenty_times_in_thirty_steps_at_least(rows, epochs):
    dataset = SimpleNamespace(train=range(rows))
    assert FewShot(None, dataset, None, None).epochs == epochs  # of 15 steps of 32 texts


def test_few_rows_adapt_all_layers_and_many_the_last_two(run, world: Path):
    write_checkpoint(world / "deep", "distilbert", layers=3)
    for words, lowest in ((["--few_shot", "on"], 0), (["--few_shot", "off", "--epochs", "1"], 1)):
        _, said = run("--preset", str(world / "deep"), *words)
        adapted = [f"transformer_layer_{layer}/" in said for layer in range(3)]
        assert adapted == [layer >= lowest for layer in range(3)]


def test_auto_takes_it_for_few_rows_alone(run, tmp_path: Path):
    many = write_short_rows(tmp_path / "many.csv", 3 * 110)  # 60 a class to train on
    for words in (["--data", str(many)], ["--few_shot", "off"], ["--early_stopping", "1"]):
        _, said = run("--epochs", "1", *words)
        assert "few rows:" not in said
    (tmp_path / "config.yaml").write_text("few_shot: on\n")
    words = ("--last_layers", "1", "--config", str(tmp_path / "config.yaml"))
    _, said = run("--data", str(many), *words)
    assert "few rows:" in said and "1 of 2 layers run once per text" in said
    # Rows that look mislabelled are looked for in the features of all rows.
    assert "Not made" not in (tmp_path / "out" / "README.md").read_text()


def test_everything_may_train_and_a_pooler_learns_too(run, world: Path):
    write_checkpoint(world / "bert", "bert", layers=1)
    words = ("--preset", str(world / "bert"), "--class_weight", "balanced")
    _, said = run("--few_shot", "on", "--method", "full", "--learning_rate", "1e-3", *words)
    assert "few rows:" in said and "the head reads the first token" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "head"], "which --method head freezes"),
        (["--early_stopping", "2"], "--early_stopping needs a validation loss"),
        (["--data", "small.csv"], "but 'c' has one; add rows, or leave it out"),
        (["--data", "several.jsonl"], "--few_shot on is for single texts of one class each"),
    ],
)
def test_what_cannot_be_is_one_sentence(run, tmp_path: Path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    rows = [f"{'abc'[n % 3]} text {n},{'abc'[n % 3]}" for n in range(24)]
    kept = [row for row in rows if not row.endswith("c")] + rows[2:6:3]
    Path("small.csv").write_text("\n".join(["text,label", *kept]))
    several = [{"text": f"text {n}", "label": ["a", "b"][: 1 + n % 2]} for n in range(24)]
    Path("several.jsonl").write_text("\n".join(map(json.dumps, several)))
    with pytest.raises(SystemExit) as stop:
        run("--few_shot", "on", *arguments)
    complaint = capsys.readouterr().err
    assert stop.value.code == 2 and complaint.count("\n") == 1 and words in complaint
    assert not (tmp_path / "out").exists()


@pytest.mark.timeout(900)  # several processes
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_and_resumed_it_equals_an_unbroken_run(run, run_python, world: Path, tmp_path: Path):
    dropout = ("--dropout", "0.2")
    unbroken, _ = run(*dropout, name="unbroken")
    broken = tmp_path / "broken"
    command = ["--preset", world / "preset", "--data", world / "rows.csv", "--output", broken]
    command += ["--test", "0.3", *OPTIONS, *dropout, "--checkpoint_steps", "4"]
    killed = run_python(killed_recipe.SCRIPT, "distilbert_lora", 22, *command)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run_python(killed_recipe.SCRIPT, "distilbert_lora", -1, *command, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "Resuming after step 20 " in resumed.stdout
    assert metrics(broken)["history"] == metrics(unbroken)["history"]
    for name in ("adapter/adapter_model.safetensors", "model.safetensors"):
        assert (broken / name).read_bytes() == (unbroken / name).read_bytes()
