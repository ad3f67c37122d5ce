"""The house rules, checked on the files themselves."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerasft.config import parse

pytestmark = pytest.mark.plain

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "kerasft"
SOURCES = sorted(PACKAGE.rglob("*.py"))
RECIPES = sorted((PACKAGE / "recipes").glob("*.py"))

# A room imports only itself and the rooms before it. CONTRIBUTING.md shows the same order.
ROOMS = [
    *("errors", "storage", "backends", "config", "layers", "text"),
    *("data", "architectures", "peft", "generation", "training", "folder", "evaluation"),
    *("runtimes", "tasks", "presets", "exports", "predict", "serving", "reporting"),
    *("fine_tuning", "from_scratch", "recipes", "cli", "serve", "export", "convert"),
]
BACKENDS = {"torch", "tensorflow", "tensorflow_text", "jax", "jaxlib"}
ONLY_IN_BACKENDS = BACKENDS | {"keras_hub"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(name: str) -> str:
    """The room of a file or folder of the package."""
    return name.removesuffix(".py")


def room_of(path: Path) -> str:
    return room(path.relative_to(PACKAGE).parts[0])


def is_word(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import anywhere in a file, `from a import b` giving "a.b"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from ((node.lineno, str(ast.literal_eval(a))) for a in node.args if is_word(a))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_go_downwards(path: Path) -> None:
    own = room_of(path)
    if own == "__init__" or path.name == "__main__.py":  # doors, for whoever stands outside
        return
    assert own in ROOMS, f"{own} is not in the order of the rooms; add it where it belongs"
    known = ROOMS[: ROOMS.index(own) + 1]
    known += ["tasks"] if own == "runtimes" else []  # until runtimes name no task
    for line, name in imported_modules(ast.parse(path.read_text("utf-8"))):
        parts = [*name.split("."), "__init__"]
        if parts[0] == "kerasft" and not parts[1].startswith("__"):
            assert room(parts[1]) in known, f"{relative(path)}:{line}: {own} may not import {name}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_backends_are_imported_in_their_room_only(path: Path) -> None:
    if room_of(path) == "backends":
        return
    for line, name in imported_modules(ast.parse(path.read_text("utf-8"))):
        assert name.split(".")[0] not in ONLY_IN_BACKENDS, f"{relative(path)}:{line}: {name}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_public_names_have_docstrings(path: Path) -> None:
    def check(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        name = getattr(node, "name", "the module")
        assert ast.get_docstring(node), f"{relative(path)}: {name} has no docstring"
        if isinstance(node, ast.Module | ast.ClassDef):
            for child in node.body:
                if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    decorators = [ast.unparse(decorator) for decorator in child.decorator_list]
                    repeats = any(d.endswith((".setter", "overload")) for d in decorators)
                    if not child.name.startswith("_") and not repeats:
                        check(child)

    check(ast.parse(path.read_text("utf-8")))


CODE = [
    p for folder in (PACKAGE, ROOT / "tests", ROOT / "benchmarks") for p in folder.rglob("*.py")
]


@pytest.mark.parametrize("path", sorted(CODE), ids=relative)
def test_files_are_short_and_finished(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    limit = 255 if relative(path).startswith("kerasft/recipes/") else 400
    assert len(lines) <= limit, f"{relative(path)} has {len(lines)} lines, of at most {limit}"
    if path == Path(__file__):
        return
    for number, line in enumerate(lines, 1):
        found = re.search(r"\b(TODO|FIXME|NotImplementedError)\b", line)
        assert not found, f"{relative(path)}:{number}: {line.strip()}"


def test_no_two_test_files_have_one_name() -> None:
    """Pytest would refuse the second: they are modules without a package."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))


RECIPES = [p for p in sorted((PACKAGE / "recipes").glob("*.py")) if p.name != "__init__.py"]


@pytest.mark.parametrize("path", RECIPES, ids=relative)
def test_no_recipe_shares_its_output_with_another_run(path: Path) -> None:
    assert "\n@alone\ndef run(config: Config)" in path.read_text("utf-8")


def test_every_recipe_config_is_accepted_by_its_recipe() -> None:
    paths = sorted((ROOT / "recipes").rglob("*.yaml"))
    assert paths
    for path in paths:
        recipe = importlib.import_module(f"kerasft.recipes.{path.parent.name}")
        config = parse(recipe.Config, ["--config", str(path)])
        assert isinstance(config, recipe.Config)
        command = f"python -m kerasft.recipes.{path.parent.name} --config {relative(path)}"
        head = path.read_text("utf-8").split("\n\n")[0]
        assert command in head, f"{relative(path)} does not begin with its command: {command}"


def test_a_wrong_recipe_config_would_be_noticed(tmp_path: Path) -> None:
    from kerasft.errors import ConfigError
    from kerasft.recipes.distilbert_lora import Config

    path = tmp_path / "wrong.yaml"
    path.write_text("epoch: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="epoch"):
        parse(Config, ["--config", str(path)])


def test_the_guide_shows_the_order_of_the_rooms() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    shown = re.search(r"^    errors .*\n(    .*\n)+", guide, re.MULTILINE)
    assert shown
    assert shown[0].split() == [
        room for room in ROOMS if room not in ("serve", "export", "convert")
    ]


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=relative
)
def test_links_in_the_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{relative(path)} links to {target}"


@pytest.mark.parametrize("path", RECIPES, ids=relative)
def test_recipes_draw_no_bar_into_a_log(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("model.fit", "model.predict", "model.evaluate")
        ):
            verbose = {word.arg: ast.unparse(word.value) for word in node.keywords}.get("verbose")
            assert verbose in ("training.progress()", "0"), f"{relative(path)}:{node.lineno}"


TRAINING = [path for path in RECIPES if ".fit(" in path.read_text("utf-8")]


@pytest.mark.parametrize("path", TRAINING, ids=relative)
def test_a_recipe_says_what_can_be_done_about_a_rising_validation_loss(path: Path) -> None:
    config = importlib.import_module(f"kerasft.recipes.{path.stem}").Config
    given = "config.early_stopping" if hasattr(config, "early_stopping") else "kept=kept.epochs()"
    line = f'facts.state("Training", history.summary({given}))'
    assert line in path.read_text("utf-8")


def test_decisions_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [name[:4] for name in names] == [f"{n:04}" for n in range(1, len(names) + 1)]


@pytest.mark.parametrize(
    "path", [path for path in RECIPES if ".fit(" in path.read_text("utf-8")], ids=relative
)
def test_recipes_save_before_they_evaluate(path: Path) -> None:
    """So that nothing which comes after the training can cost the model."""
    text = path.read_text("utf-8")
    after = text.index("with adding_report(output, facts) as reports:")
    evaluated = re.search(r"= (evaluation\.)?\w*(score|report)\w*\(", text)
    assert evaluated
    assert text.index("fit(") < text.index("    save") < after < evaluated.start()
