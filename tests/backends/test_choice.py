"""Which backend runs, and what is said when none can."""

import os

import pytest

from kerasft import backends
from kerasft.backends.choice import decide


def everything(name: str) -> bool:
    return True


@pytest.mark.parametrize("name", backends.BACKENDS)
def test_the_variable_decides(name):
    choice = decide({"KERAS_BACKEND": name}, None, everything)
    assert (choice.name, choice.problem) == (name, None)
    assert "KERAS_BACKEND" in choice.reason


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"torch", "jax", "tensorflow"}, "torch"),
        ({"jax", "tensorflow"}, "jax"),
        ({"tensorflow"}, "tensorflow"),
    ],
)
@pytest.mark.parametrize("environment", [{}, {"KERAS_BACKEND": ""}])
def test_the_first_installed_is_the_default(installed, expected, environment):
    choice = decide(environment, None, installed.__contains__)
    assert (choice.name, choice.problem) == (expected, None)
    assert "default" in choice.reason


def test_an_imported_keras_decides_over_the_variable():
    choice = decide({"KERAS_BACKEND": "jax"}, "tensorflow", everything)
    assert (choice.name, choice.problem) == ("tensorflow", None)


@pytest.mark.parametrize(
    ("environment", "imported", "installed", "words"),
    [
        ({"KERAS_BACKEND": "theano"}, None, {"torch"}, ["theano", "torch, jax, tensorflow"]),
        ({"KERAS_BACKEND": "Torch"}, None, {"torch"}, ["'Torch'", "torch, jax, tensorflow"]),
        ({"KERAS_BACKEND": "numpy"}, None, {"torch"}, ["numpy", "torch, jax, tensorflow"]),
        ({"KERAS_BACKEND": "jax"}, None, {"torch"}, ["jax is not installed", "kerasft[jax]"]),
        ({}, None, set(), ["no backend is installed", "kerasft[torch]"]),
        ({}, "openvino", {"torch"}, ["openvino", "torch, jax, tensorflow"]),
    ],
)
def test_problems_are_one_sentence(environment, imported, installed, words):
    problem = decide(environment, imported, installed.__contains__).problem
    assert problem and "\n" not in problem
    for word in words:
        assert word in problem


def test_the_running_backend_is_described():
    import keras

    choice = backends.check()
    assert choice.name == keras.config.backend() == os.environ["KERAS_BACKEND"]
    line = backends.describe()
    assert line.startswith(f"backend: {choice.name} {backends.current().version()} on ")
    assert "thread" in line and choice.reason in line


def test_a_bad_variable_is_noted_at_import_and_raised_by_check(run_python):
    code = """
import sys, kerasft
from kerasft import backends, errors
try:
    backends.check()
except errors.ConfigError as error:
    print(error)
print([name for name in ("keras", "torch", "jax", "tensorflow") if name in sys.modules])
"""
    done = run_python("-c", code, backend="theano")
    assert done.returncode == 0, done.stderr
    assert "KERAS_BACKEND is 'theano', but it must be one of torch, jax, tensorflow" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_keras_json_is_not_asked_and_the_import_is_light(run_python, tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "tensorflow"}')
    code = """
import os, sys, kerasft
print(kerasft.backends.check().name, os.environ["KERAS_BACKEND"])
print([name for name in ("keras", "numpy", "torch", "jax", "tensorflow") if name in sys.modules])
"""
    done = run_python("-c", code, env={"HOME": str(tmp_path), "KERAS_BACKEND": ""})
    assert done.stdout == "torch torch\n[]\n", done.stderr
