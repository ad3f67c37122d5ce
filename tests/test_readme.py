"""The commands and the code of the README and of three guides, run as printed (on torch)."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.checkpoints import write_checkpoint
from kerasft import backends

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
COMPLAINTS = (ROOT / "docs" / "complaints.md").read_text("utf-8")
TRANSLATE = (ROOT / "docs" / "translate.md").read_text("utf-8")
PYTHON = (ROOT / "docs" / "python.md").read_text("utf-8")

pytestmark = pytest.mark.skipif(
    backends.check().name != "torch", reason="one backend is enough for the README"
)


def commands(page: str, beginning: str) -> list[list[str]]:
    """A page's commands that begin with these words, each as a list of words after `kerasft`."""
    found = re.findall(rf"^    kerasft ({re.escape(beginning)}\b.*)$", page, re.MULTILINE)
    assert found, f"the page shows no command `kerasft {beginning}`"
    return [shlex.split(command) for command in found]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.fixture
def run_there(run_python, folder: Path):
    """Runs `kerasft WORDS...` in a folder of its own."""

    def run(words: list[str]) -> str:
        code = f"import os; os.chdir({str(folder)!r}); "
        code += f"from kerasft.cli.main import main; main({words!r})"
        done = run_python("-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_first_command_trains_and_predicts(run_there, folder: Path):
    demo = next(w for w in commands(README, "run distilbert_lora") if "minilm" in w)
    said = run_there(demo)
    assert "macro F1" in said and (folder / "saved_models" / "distilbert_lora").is_dir()
    for words in commands(README, "predict"):
        assert re.search(r"news|opinion|comparison", run_there(words))
    (export,) = commands(README, "export")
    run_there(export)
    assert (folder / "classifier.keras").exists()
    shutil.rmtree(folder / "saved_models")


def test_the_translator_trains_and_translates(run_there, folder: Path):
    train, *_ = commands(TRANSLATE, "run translate")
    assert "BLEU" in run_there([*train, "--epochs", "1", "--validation_sentences", "10"])
    predict, *_ = commands(TRANSLATE, "predict FOLDER")
    predict[1] = "saved_models/translate"
    assert "Where is the station?" in run_there(predict)
    shutil.rmtree(folder / "saved_models")


@pytest.mark.timeout(900)  # several processes, each compiles anew
def test_the_complaints_are_learned_and_compared(run_there, folder: Path):
    fewer = {"compare": ["--timed_rounds", "1", "--draws", "200"]}
    for name in ("run small_bert", "run tinybert_lora", "compare"):
        words, *_ = commands(COMPLAINTS, name)
        said = run_there([*words, *fewer.get(name, ["--epochs", "1"])])
    assert "small_bert" in said and "tinybert_lora" in said and "TF-IDF" in said
    assert (folder / "saved_models" / "comparison" / "report" / "index.html").exists()
    shutil.rmtree(folder / "saved_models")


@pytest.mark.timeout(900)  # it trains every block of a real model
def test_the_python_example_trains_evaluates_saves_and_predicts(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(example.split("\n")) < 32
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    said = capsys.readouterr().out
    assert "12 layers adapted" in said and re.search(r"'accuracy': 0\.[6-9]", said)
    assert said.split()[-1] in ("news", "opinion", "comparison")
    # What was saved computes what was trained.
    texts, test = names["data"].test["text"], names["batches"].test
    logits = test.unsort(names["model"].predict(test, verbose=0))  # (rows, labels)
    results = names["predictor"].predict(texts)
    labels = names["labels"].names
    assert [labels[row.argmax()] for row in logits] == [result.label for result in results]
    shutil.rmtree(folder / "saved_models")


def test_the_examples_of_other_tasks_save_what_they_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Those of docs/python.md, with a tiny random encoder and one epoch."""
    monkeypatch.chdir(tmp_path)
    write_checkpoint(tmp_path / "tiny", "bert", max_position_embeddings=128)
    said = {}
    for example in re.findall(r"```python\n(.*?)```", PYTHON, re.DOTALL):
        example, epochs = re.subn(r"epochs=\d+", "epochs=1", example.replace('"minilm"', '"tiny"'))
        assert epochs == 1
        names: dict = {}
        exec(compile(example, "python.md", "exec"), names)
        predictor, data = names["predictor"], names["data"]
        said[predictor.task.name] = predictor
        if predictor.task.name == "tagging":
            (found,) = predictor.predict(["Ann Lee flew from Rome to Oslo."])
            assert {entity.type for entity in found.entities} <= set(data.types)
            continue
        # What was saved computes what was trained.
        test = names["batches"].test
        outputs = test.unsort(names["model"].predict(test, verbose=0))  # (rows, outputs)
        results = predictor.predict(data.test["text"])
        if predictor.task.name == "regression":
            found = [result.value for result in results]
            expected = names["regressor"].encoder.decode(outputs)
        else:
            found = [list(result.probabilities.values()) for result in results]
            expected = 1 / (1 + np.exp(-outputs))
        np.testing.assert_allclose(found, expected, atol=1e-4)
    assert said.keys() == {"multi_label", "regression", "tagging"}


def test_the_readme_is_short():
    assert len(README.split()) <= 700


def test_the_versions_are_pinned():
    constraints = Path(__file__).parent.parent / "constraints.txt"
    pinned = dict(line.split("==") for line in constraints.read_text().split())
    assert {"torch", "tensorflow", "jax", "keras", "keras-hub"} <= set(pinned)
    assert "+" not in pinned["torch"]  # a local build's name would not resolve elsewhere
    assert sys.version_info >= (3, 11)
