"""`import kerasft`: at once, without Keras, and everything that it promises is there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kerasft

pytestmark = pytest.mark.plain

WITHOUT_KERAS = [
    *("LabelMap", "MultiLabelClassifier", "Numbers", "Predictor", "SeveralLabels"),
    *("TextClassifier", "TextRegressor", "TokenTagger", "load", "load_data", "load_entities"),
]


def test_importing_it_imports_nothing_heavy():
    code = f"""
import sys, kerasft
print(*sorted({{"numpy", "keras", "torch", "jax", "tensorflow", "tokenizers"}} & set(sys.modules)))
for name in {WITHOUT_KERAS}:
    getattr(kerasft, name)
print(*sorted({{"keras", "torch", "jax", "tensorflow"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n\n"


def test_types_names_and_homes_are_the_same():
    """`__all__` is for stars and editors, the imports under TYPE_CHECKING for type checkers."""
    tree = ast.parse(Path(kerasft.__file__).read_text("utf-8"))
    (typed,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imports = {
        node.module: tuple(alias.name for alias in node.names)
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
    }
    assert imports == kerasft._HOMES
    names = {name for names in imports.values() for name in names}
    assert sorted(kerasft.__all__) == sorted({*names, "__version__"})
    assert names <= set(dir(kerasft))


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'kerasft' has no attribute 'LoRAConfigs'"):
        kerasft.LoRAConfigs  # noqa: B018
    assert not hasattr(kerasft, "fit")


def test_a_name_whose_library_is_missing_says_which_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "kerasft.peft", None)  # as where Keras cannot be imported
    with pytest.raises(ModuleNotFoundError, match=r"kerasft\.peft"):
        kerasft.__getattr__("LoRAConfig")
    monkeypatch.delitem(sys.modules, "kerasft.peft")
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(kerasft.errors.ConfigError, match=r"keras is not .*kerasft\[torch\]"):
        kerasft.__getattr__("LoRAConfig")
