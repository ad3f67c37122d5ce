"""The recipe of several tasks by prefix: what a run leaves, resumes and refuses."""

import contextlib
import dataclasses
import io
import json
import signal
import sys
from pathlib import Path

import pytest

from harness import killed_recipe
from kerasft.architectures import T5
from kerasft.config import parse
from kerasft.errors import ConfigError, DataError
from kerasft.predict import Predictor
from kerasft.presets import load_seq2seq
from kerasft.recipes import t5_text_to_text
from kerasft.recipes.t5_text_to_text import Config
from kerasft.tasks import load
from kerasft.tasks.text_to_text.sources import load_tasks

SMALL = (
    "--export=none",
    "--d_model=16", "--d_kv=8", "--num_heads=2", "--d_ff=32", "--num_layers=1",
    "--num_decoder_layers=1", "--vocab_size=300", "--max_length=32", "--max_target_length=24",
    "--max_output_length=12", "--batch_size=8", "--warmup_steps=2", "--learning_rate=0.01",
    "--cap=40", "--validation=0.2",
)  # fmt: skip
KILLED_AT = 9
RECIPE = (killed_recipe.SCRIPT, "t5_text_to_text")


def write_config(folder: Path) -> Path:
    """Two small tasks in files, as a YAML; of few lengths, so that little is compiled."""
    pairs = [f"the number {i} is here\til numero {i} è qui" for i in range(10, 35)]
    for i in range(35, 60):
        pairs.append(f"it is not {i} but the number {i + 30}\tnon è {i} ma il numero {i + 30}")
    (folder / "pairs.tsv").write_text("\n".join(pairs) + "\n", "utf-8")
    kinds = [("red", "warm"), ("blue", "cold")]
    topics = [f"{kinds[i % 2][0]} thing {10 + i},{kinds[i % 2][1]}" for i in range(40)]
    (folder / "topics.csv").write_text("\n".join(["text,kind", *topics]) + "\n")
    (folder / "run.yaml").write_text(
        f"""
tasks:
- {{name: topics, data: {folder}/topics.csv, prefix: "classify: ", input: text, target: kind}}
- {{name: italian, data: {folder}/pairs.tsv, prefix: "to Italian: ", metric: bleu, weight: 0.5}}
"""
    )
    return folder / "run.yaml"


def config_of(folder: Path, *more: str) -> Config:
    return parse(Config, [*SMALL, f"--config={folder / 'run.yaml'}", *more])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder that the recipe saved, and what it printed."""
    folder = tmp_path_factory.mktemp("t5")
    write_config(folder)
    config = config_of(folder, f"--output={folder / 'out'}", "--epochs=4", "--average_epochs=2")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert t5_text_to_text.run(config) == folder / "out"
    return folder / "out", printed.getvalue()


def test_a_run_says_what_it_does(saved):
    _, said = saved
    for words in (
        "topics: 40 pairs from",
        "pieces of",
        "texts were cut at 32 tokens",
        "all of them trained",
        "rows per epoch, padded to",
        "validation loss: ",
        "the mean of those after the epochs 3, 4",
        "majority",
        "copy of the source",
        "beam 4",
        "kerasft predict",
    ):
        assert words in said, words
    assert said.count("validation loss: ") == 4


def test_the_folder_serves_every_prefix_as_the_run_did(saved):
    output, _ = saved
    rows = [json.loads(line) for line in (output / "report" / "predictions.jsonl").open()]
    found = Predictor(output).predict([row["source"] for row in rows])
    assert [each.output for each in found] == [row["output"] for row in rows]
    assert [each.task for each in found] == [row["task"] for row in rows]
    assert {row["task"] for row in rows} == {"topics", "italian"}
    config = config_of(output.parent)
    held_out = [
        each.task.prefix + source
        for each in load_tasks(config.tasks, validation=0.2, seed=0)
        for source in each.pairs.validation["source"]
    ]
    assert [row["source"] for row in rows] == held_out
    unknown = Predictor(output).predict(["sing: la"])[0]
    assert "'classify: ', 'to Italian: '" in unknown.warning


def test_the_report(saved):
    output, _ = saved
    metrics = json.loads((output / "report" / "metrics.json").read_text())
    assert list(metrics["validation"]["topics"]["scores"]) == ["majority", "beam 4"]
    assert set(metrics["validation"]["italian"]["scores"]["beam 4"]) == {"BLEU", "chrF"}
    epochs = metrics["history"]["epochs"]
    assert {"val_loss", "val_loss_topics", "val_loss_italian"} <= epochs[0].keys()
    assert epochs[-1]["val_loss"] < epochs[0]["val_loss"]
    names = {path.name for path in (output / "report").iterdir()}
    assert {"loss.png", "architecture.png", "samples.md"} <= names
    assert "## italian: `to Italian:`" in (output / "report" / "samples.md").read_text()
    assert parse(Config, [f"--config={output / 'config.yaml'}"]).tasks == (
        config_of(output.parent).tasks
    )


@pytest.mark.any_backend
def test_the_folder_is_a_preset(saved):
    output, _ = saved
    pretrained = load_seq2seq(str(output))
    assert [task.name for task in load(output).tasks] == ["topics", "italian"]
    assert pretrained.model.arguments.d_model == 16


@pytest.mark.any_backend
@pytest.mark.timeout(900)  # several processes, each compiles anew
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_and_resumed_equals_unbroken(run_python, tmp_path):
    write_config(tmp_path)
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    options = ["--epochs=2", "--checkpoint_steps=2", "--dropout=0.2", "--beam_size=1"]

    def run(kill_at: int, output: Path, *more: str):
        return run_python(
            *RECIPE, kill_at, *SMALL, f"--config={tmp_path / 'run.yaml'}",
            *options, f"--output={output}", *more,
        )  # fmt: skip

    whole = run(-1, unbroken)
    assert whole.returncode == 0, whole.stderr
    killed = run(KILLED_AT, broken)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run(-1, broken, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    histories = [
        json.loads((folder / "report" / "metrics.json").read_text())["history"]
        for folder in (unbroken, broken)
    ]
    assert len(histories[0]["losses"]) > KILLED_AT + 1 and histories[0] == histories[1]


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["--epochs=0"], ConfigError, "--epochs is 0"),
        (["--beam_size=0"], ConfigError, "--beam_size is 0"),
        (["--validation=1"], ConfigError, "validation is 1"),
        (["--vocab_size=20"], ConfigError, "vocabulary size is 20"),
        (["--label_smoothing=1"], ConfigError, "label_smoothing is 1"),
        (["--weight_decay=-1"], ConfigError, "weight_decay is -1"),
        (["--tasks=[]"], ConfigError, "there is no task"),
        (["--max_length=1"], ConfigError, "--max_length is 1"),
        (["--max_target_length=0"], ConfigError, "--max_target_length is 0"),
        (["--max_length=4"], ConfigError, "the prefix 'classify: ' takes"),
        (["--beam_size=65"], ConfigError, "--beam_size is 65"),
        (
            ["--max_output_length=20000"],
            ConfigError,
            "--max_output_length is 20000; give 16384 or less",
        ),
        (["--seed=-1"], ConfigError, "seed is -1"),
    ],
)
def test_what_cannot_be_used_is_refused_before_the_training(
    saved, tmp_path, options, error, words, monkeypatch
):
    monkeypatch.setattr(T5, "fit", lambda *_, **__: pytest.fail("it was trained"))
    config = config_of(saved[0].parent, f"--output={tmp_path / 'out'}", *options)
    with pytest.raises(error, match=words):
        t5_text_to_text.run(config)
    assert not (tmp_path / "out").exists()


@pytest.mark.any_backend
def test_a_task_without_its_file_or_column_is_named(saved, tmp_path):
    config = config_of(saved[0].parent, f"--output={tmp_path / 'out'}")
    for change, words in (
        ({"data": str(tmp_path / "nowhere.csv")}, "'topics'.*nowhere.csv"),
        ({"target": "color"}, "no column 'color'.*name it in 'target'"),
    ):
        tasks = (dataclasses.replace(config.tasks[0], **change), config.tasks[1])
        with pytest.raises(DataError, match=words):
            t5_text_to_text.run(dataclasses.replace(config, tasks=tasks))
    assert not (tmp_path / "out").exists()
