"""The command `kerasft`: what it lists and what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

import kerasft
from kerasft.cli.main import COMMANDS, main
from kerasft.cli.run import recipe_names

pytestmark = pytest.mark.plain

RECIPES = Path(kerasft.__file__).parent / "recipes"


def said(capsys: pytest.CaptureFixture, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that runs in this process."""
    try:
        main(words)
    except SystemExit as stop:
        return int(stop.code or 0), *capsys.readouterr()
    return 0, *capsys.readouterr()


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_help_has_every_command(capsys: pytest.CaptureFixture, words: tuple[str, ...]):
    code, out, _ = said(capsys, *words)
    assert code == 0
    assert all(f"  {name} " in out and text in out for name, text in COMMANDS.items())
    assert max(map(len, out.splitlines())) <= 100


def test_the_help_of_run_has_every_recipe_and_its_sentence(capsys: pytest.CaptureFixture):
    _, out, _ = said(capsys, "run", "--help")
    files = [path.stem for path in RECIPES.glob("*.py") if "\ndef run(" in path.read_text("utf-8")]
    assert sorted(recipe_names()) == sorted(files)
    for name, sentence in recipe_names().items():
        assert f"  {name} " in out and sentence.endswith(".") and sentence in out


@pytest.mark.parametrize(
    "name", ["run translate", "compare", *sorted(COMMANDS.keys() - {"run", "compare"})]
)
def test_each_command_explains_itself(capsys: pytest.CaptureFixture, name: str):
    code, out, _ = said(capsys, *name.split(), "--help")
    assert code == 0
    assert out.startswith(f"usage: kerasft {name.replace('compare', 'run compare')} ")


def test_the_version(capsys: pytest.CaptureFixture):
    assert said(capsys, "--version") == (0, f"kerasft {kerasft.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["predikt"], "there is no command 'predikt'; did you mean 'predict'?"),
        (["x"], "there is no command 'x'; the commands are: run, compare, predict, "),
        (["run", "distilbert"], "there is no recipe 'distilbert'; did you mean 'distilbert_lora'?"),
        (["run", "translate", "--epoch", "3"], "The options are: "),
        (["compare", "--draws", "few"], "--draws: expected int"),
        (["completion", "fish"], "invalid choice: 'fish'"),
        (["info"], "required: FOLDER"),
        (["info", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    capsys: pytest.CaptureFixture, words: list[str], says: str
):
    code, out, err = said(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and says in err


def test_help_imports_nothing_heavy():
    code = "import sys; from kerasft.cli.main import main; main(['--help']); main(['run', '-h']); "
    code += "print(sorted({'numpy', 'keras', 'torch', 'fastapi', 'yaml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize("module", ["kerasft", "kerasft.predict", "kerasft.serve"])
def test_modules_run_as_they_ever_did(module: str):
    words = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "kerasft" in done.stdout
