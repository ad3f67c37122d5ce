"""The README's commands and code, run as they stand there (on the default backend)."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from kerasft import backends

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")

pytestmark = pytest.mark.skipif(
    backends.check().name != "torch", reason="one backend is enough for the README"
)


def commands(module: str) -> list[list[str]]:
    """The README's commands that run a module, each as a list of words after `python`."""
    found = re.findall(rf"^    \S*python (-m {re.escape(module)}\b.*)$", README, re.MULTILINE)
    assert found, f"the README shows no command of {module}"
    return [shlex.split(command) for command in found]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.fixture
def run_there(run_python, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs `python WORDS...` in a folder of its own."""

    def run(words: list[str]) -> str:
        code = f"import os, runpy, sys; os.chdir({str(folder)!r}); sys.argv = {words[1:]!r}; "
        code += f"runpy.run_module({words[1]!r}, run_name='__main__', alter_sys=True)"
        done = run_python("-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_quickstart_trains_and_predicts(run_there, folder: Path):
    demo = next(words for words in commands("kerasft.recipes.distilbert_lora") if "minilm" in words)
    said = run_there(demo)
    assert "macro F1" in said and (folder / "saved_models" / "distilbert_lora").is_dir()
    for words in commands("kerasft.predict"):
        if "saved_models/translate" not in words:
            assert re.search(r"news|opinion|comparison", run_there(words))
    export = re.search(r"`python (-m kerasft\.export FOLDER [^`]*)`", README)
    assert export
    words = export[1].replace("FOLDER", "saved_models/distilbert_lora").replace("FILE", "exported")
    run_there(shlex.split(words))
    assert (folder / "exported.keras").exists()
    shutil.rmtree(folder / "saved_models")


def test_the_translator_trains_and_translates(run_there, folder: Path):
    (train,) = commands("kerasft.recipes.translate")
    assert "BLEU" in run_there([*train, "--epochs", "1", "--validation_sentences", "10"])
    (predict,) = (w for w in commands("kerasft.predict") if "saved_models/translate" in w)
    assert "Where is the station?" in run_there(predict)
    shutil.rmtree(folder / "saved_models")


@pytest.mark.timeout(900)  # several processes, each compiles anew
def test_the_complaints_are_learned_and_compared(run_there, folder: Path):
    fewer = {"compare": ["--timed_rounds", "1", "--draws", "200"]}
    for recipe in ("small_bert", "tinybert_lora", "compare"):
        (words,) = commands(f"kerasft.recipes.{recipe}")
        said = run_there([*words, *fewer.get(recipe, ["--epochs", "1"])])
    assert "small_bert" in said and "tinybert_lora" in said and "TF-IDF" in said
    assert (folder / "saved_models" / "comparison" / "report" / "index.html").exists()
    shutil.rmtree(folder / "saved_models")


def test_the_python_block_runs():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    training = next(block for block in blocks if "peft.apply" in block)
    names: dict = {}
    exec(compile(training, "README.md", "exec"), names)
    assert names["model"].optimizer is not None
    trained = {v.path.split("/")[-1] for v in names["model"].trainable_variables}
    assert {"lora_a", "lora_b"} <= trained


def test_the_versions_are_pinned():
    constraints = Path(__file__).parent.parent / "constraints.txt"
    pinned = dict(line.split("==") for line in constraints.read_text().split())
    assert {"torch", "tensorflow", "jax", "keras", "keras-hub"} <= set(pinned)
    assert "+" not in pinned["torch"]  # a local build's name would not resolve elsewhere
    assert sys.version_info >= (3, 11)
