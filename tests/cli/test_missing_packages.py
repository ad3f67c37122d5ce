"""What is not installed is one sentence that names the extra."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import kerasft
from kerasft.cli.main import main
from kerasft.errors import EXTRAS

pytestmark = pytest.mark.plain

PACKAGE = Path(kerasft.__file__).parent
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
DISTRIBUTIONS = {"re2": "google-re2", "yaml": "pyyaml", "sklearn": "scikit-learn"}
# What comes with another: scikit-learn needs SciPy, FastAPI Starlette and Pydantic, ...
BROUGHT = {"scipy", "starlette", "pydantic", "h11", "h5py", "pyarrow"}


def names(requirements: list[str]) -> set[str]:
    """The distributions of requirements, in one spelling."""
    return {re.split(r"[\[<>=,]", each)[0].lower().replace("_", "-") for each in requirements}


def needed(extra: str) -> set[str]:
    """The distributions of an extra, those of the extras in it too."""
    requirements = PROJECT["optional-dependencies"][extra]
    found = names(requirements) - {"kerasft"}
    for each in requirements:
        if each.startswith("kerasft["):
            found |= {n for inner in each[8:-1].split(",") for n in needed(inner)}
    return found


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_brings_its_modules(extra: str):
    found = {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in EXTRAS[extra]}
    assert found - BROUGHT <= needed(extra)


def test_every_module_that_is_imported_is_in_an_extra():
    known = {module for modules in EXTRAS.values() for module in modules}
    known |= {"kerasft", "torch", "tensorflow", "jax", "jaxlib"}
    known |= names(PROJECT["dependencies"]) | set(sys.stdlib_module_names) | {"_typeshed"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found = {node.module.partition(".")[0]}
            else:
                continue
            assert found <= known, f"{path.name}:{node.lineno}"


def test_backends_and_servers_bring_no_framework_but_their_own():
    frameworks = {"torch", "tensorflow", "jax", "keras-hub"}
    for name in ("torch", "tensorflow", "jax"):
        assert needed(name) & frameworks == {name}
    heavy = frameworks | {"keras", "scikit-learn", "matplotlib", "onnx"}
    assert not (needed("serve") | names(PROJECT["dependencies"])) & heavy


@pytest.mark.parametrize(
    ("module", "words", "extra"),
    [
        ("jsonargparse", ["run", "translate"], "torch"),
        ("jsonargparse", ["compare"], "torch"),
        ("fastapi", ["serve", "nowhere"], "serve"),
        ("shtab", ["completion", "bash"], "completion"),
    ],
)
def test_a_command_says_what_it_misses(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    module: str,
    words: list[str],
    extra: str,
):
    for name in [name for name in sys.modules if name.startswith("kerasft.serving")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as stop:
        main(words)
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    start = f"error: the module {module} is not installed: `pip install 'kerasft[{extra}]'`"
    assert err.startswith(start) and err.count("\n") == 1, err
