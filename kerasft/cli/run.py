"""Train a model with a recipe: `kerasft run distilbert_lora --preset minilm`."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Sequence
from pathlib import Path

from kerasft import config, recipes
from kerasft.cli.main import check_name, two_columns

HELP = """Train a model with a recipe, and save it.

usage: kerasft run RECIPE [--config FILE] [--OPTION VALUE ...]

recipes:
{recipes}

example:
  kerasft run distilbert_lora --data mails.csv --label_column team --epochs 4

`kerasft run RECIPE --help` explains the options of a recipe, `--config` reads
them from a YAML file, `--print_config` prints them as YAML.
"""


def recipe_names() -> dict[str, str]:
    """Each recipe and the first sentence of its file; none of them is imported."""
    found = {}
    for path in sorted(Path(recipes.__path__[0]).glob("[!_]*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
            sentence = (ast.get_docstring(tree) or "").split("\n\n")[0]
            found[path.stem] = " ".join(sentence.split())
    return found


def main(arguments: Sequence[str]) -> None:
    """Runs a recipe, or lists them.

    Raises:
        ConfigError: There is no such recipe.
    """
    names = recipe_names()
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help"):
        print(HELP.format(recipes=two_columns(names)), end="")
        return
    check_name("recipe", name, names)
    recipe = importlib.import_module(f"kerasft.recipes.{name}")
    config.main(recipe.run, recipe.Config, rest)
