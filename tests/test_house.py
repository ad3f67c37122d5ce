"""The house rules, checked on the files themselves."""

import ast
import importlib
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import TopologicalSorter
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
    *("recipes", "cli", "serve", "export", "convert"),
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
    for line, name in imported_modules(ast.parse(path.read_text("utf-8"))):
        parts = [*name.split("."), "__init__"]
        if parts[0] == "kerasft" and not parts[1].startswith("__"):
            assert room(parts[1]) in known, f"{relative(path)}:{line}: {own} may not import {name}"


# Imports that would close a circle, and why.
BACK = {
    ("kerasft.peft.adapted", "kerasft.peft.methods.method"): "an adapter knows the method it is of",
}


def test_no_files_import_each_other_in_a_circle() -> None:
    """Imports for types count too, but not those from a room's face, its `__init__.py`."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in SOURCES}
    graph = {}
    for own, path in files.items():
        names = [name for _, name in imported_modules(ast.parse(path.read_text("utf-8")))]
        graph[own] = {*names, *(name.rpartition(".")[0] for name in names)} & files.keys() - {own}
    for own, name in BACK:
        graph[own].remove(name)
    TopologicalSorter(graph).prepare()


def test_the_map_shows_the_rooms_in_their_order() -> None:
    """docs/architecture.md: rows from the bottom up, each from left to right."""
    drawn = (ROOT / "docs" / "images" / "architecture.svg").read_text("utf-8")
    text = r'<text x="(\d+)" y="(\d+)"[^>]* font-size="16" font-weight="bold"[^>]*>(\w+)</text>'
    places = sorted((-int(y), int(x), name) for x, y, name in re.findall(text, drawn))
    folders = [name for name in ROOMS if (PACKAGE / name).is_dir() or name == "errors"]
    assert [name for *_, name in places] == folders


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_backends_are_imported_in_their_room_only(path: Path) -> None:
    if room_of(path) == "backends":
        return
    for line, name in imported_modules(ast.parse(path.read_text("utf-8"))):
        assert name.split(".")[0] not in ONLY_IN_BACKENDS, f"{relative(path)}:{line}: {name}"


def test_models_are_built_without_private_names_of_keras() -> None:
    """But for one, in a file of its own, to which Keras has no public way."""
    trees = {path: list(ast.walk(ast.parse(path.read_text("utf-8")))) for path in SOURCES}
    own = {
        getattr(node, "name", None) or node.attr
        for node in (node for nodes in trees.values() for node in nodes)
        if isinstance(node, ast.FunctionDef)
        or (isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    }
    found = {
        f"{relative(path)} says {node.attr}"
        for path, nodes in trees.items()
        if room_of(path) in ("layers", "architectures")
        for node in nodes
        if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr)
        if node.attr not in own
    }
    assert found == {"kerasft/layers/inner_layers.py says _flatten_layers"}


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
    path
    for folder in ("kerasft", "tests", "benchmarks", "tools")
    for path in (ROOT / folder).rglob("*.py")
]


@pytest.mark.parametrize("path", sorted(CODE), ids=relative)
def test_files_are_short_and_finished(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    limit = 250 if relative(path).startswith("kerasft/recipes/") else 400
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
RUN = re.compile(r"\n@alone\ndef run\(config: Config\)|    return \w+\.run\(config\)\n")


@pytest.mark.parametrize("path", RECIPES, ids=relative)
def test_no_recipe_shares_its_output_with_another_run(path: Path) -> None:
    assert RUN.search(path.read_text("utf-8")), "run is neither @alone nor another recipe's"


def test_a_wrong_recipe_config_would_be_noticed(tmp_path: Path) -> None:
    from kerasft.errors import ConfigError
    from kerasft.recipes.small_bert import Config

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


@pytest.mark.parametrize("path", [*RECIPES, PACKAGE / "training" / "fit.py"], ids=relative)
def test_runs_draw_no_bar_into_a_log(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("model.fit", "model.predict", "model.evaluate")
        ):
            verbose = {word.arg: ast.unparse(word.value) for word in node.keywords}.get("verbose")
            assert verbose in ("progress()", "0"), f"{relative(path)}:{node.lineno}"


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


# What varies has a file or folder of its own and a line in a registry; no other file says its name.
# (Recipes choose a task, a family and a method: they say all names.)
NAMES = {
    "task": {p.parent.name for p in PACKAGE.glob("tasks/*/task.py")},
    "family": {
        *("albert", "bert", "deberta_v2", "distilbert", "electra", "modernbert", "mpnet"),
        *("roberta", "t5", "transformer", "xlm_roberta", "camembert", "mt5", "umt5"),
    },
    "method": {p.stem for p in PACKAGE.glob("peft/methods/[!_]*.py")} - {"method"},
    "runtime": {p.parent.name for p in PACKAGE.glob("runtimes/*/runtime.py")},
}
OWN = {
    "task": ("tasks/{}/*.py", "tasks/registry.py", "__init__.py"),
    "family": (
        *("architectures/{}*.py", "architectures/*registry.py", "architectures/__init__.py"),
        *("layers/{}_*.py", "layers/__init__.py", "text/{}.py"),
    ),
    "method": ("peft/methods/{}*.py", "peft/methods/__init__.py", "__init__.py"),
    "runtime": ("runtimes/{}/*.py", "runtimes/registry.py"),
}
# What a family reads besides, in its own files.
ALSO = {"xlm_roberta": "roberta", "camembert": "roberta", "mt5": "t5", "umt5": "t5"}
# Words of others that hold such a name: of transformers, PEFT, tokenizers, scikit-learn, the Hub
# and CTranslate2, and the block that all families are built of.
OF_OTHERS = re.compile(
    "transformer_layer|TransformerLayer|transformer[.]layer|TransformerSpec"
    "|For(Sequence|Token)Classification|(single|multi)_label_classification"
    "|LogisticRegression"
    "|Bert(Normalizer|PreTokenizer|Processing)|RobertaProcessing"
    "|prompt_embeddings|transformer_submodules"
    "|distilbert/distilbert-base-uncased|google-t5/t5-small|(BERT|T5)-(base|large|11B)|"
    + "|".join(path.stem for path in RECIPES)
)
# Whose matter it is to know one.
ALLOWED = {
    "task": {
        "data/pairs.py": "the Hub calls a column of pairs `translation`",
    },
    "family": {
        "peft/methods/prefix_tuning.py": "its attention layer has an adapted class of its own",
        "presets/pypi.py": "a preset is called so",
        "presets/wrapped_names.py": "names of modules in other programs' checkpoints",
        "runtimes/ctranslate2/write.py": "CTranslate2 has a specification for each family",
        "tasks/text_to_text/architecture_plot.py": "it draws a T5",
        "tasks/translation/architecture_plot.py": "the task brings a whole model, the Transformer",
        "tasks/translation/report.py": "the same",
        "tasks/translation/task.py": "the same",
        "tasks/translation/translator.py": "the same",
        "text/fairseq.py": "CamemBERT's tokenizer is another of fairseq's",
    },
    "method": {
        "peft/methods/dora.py": "DoRA is LoRA with a magnitude",
        "peft/methods/lora.py": "PEFT calls all three LORA, and two fields tell them apart",
        "peft/methods/pissa.py": "PiSSA is LoRA from another start",
        "training/wandb.py": "W&B calls a question to the user so",
    },
    "runtime": {
        "errors.py": "the extras that bring them",
        "exports/command.py": "a file for other programs is of that format too",
        "tasks/labelled/text_task.py": "of it, too",
        "tasks/tagging/task.py": "the same",
        "folder/export_files.py": "which files a folder may hold",
    },
}


def words_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each identifier, import and string of one word; and the file's name."""
    yield 1, path.stem
    tree = ast.parse(path.read_text("utf-8"))
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "module", "value"):
            word = getattr(node, field, None)
            if isinstance(word, str) and node not in prose and not re.search(r"\s", word):
                yield getattr(node, "lineno", 1), word


def names_in(word: str, names: set[str]) -> set[str]:
    """The names in a word: "TextToTextEngine", "text_to_text.json" and `load_text_to_text`."""
    parts = re.findall(r"[A-Z]+\d*(?![a-z])|[A-Z]?[a-z]+\d*|\d+", OF_OTHERS.sub("-", word))
    found, start = set(), 0
    while start < len(parts):
        for end in range(len(parts), start, -1):  # the longest: distilbert is not bert
            joined = "".join(parts[start:end]).lower()
            if known := {name for name in names if name.replace("_", "") == joined}:
                found |= known
                start = end - 1
                break
        start += 1
    return found


@pytest.mark.parametrize("kind", NAMES)
def test_no_file_but_its_own_says_what_varies(kind: str) -> None:
    found: dict[str, set[str]] = {}
    for path in [path for path in SOURCES if room_of(path) != "recipes"]:
        place = path.relative_to(PACKAGE).as_posix()
        foreign = {
            name
            for name in NAMES[kind]
            if not any(fnmatch(place, own.format(ALSO.get(name, name))) for own in OWN[kind])
        }
        for line, word in words_of(path):
            for name in names_in(word, NAMES[kind]) & foreign:
                found.setdefault(place, set()).add(f"{relative(path)}:{line} says {name}")
    listed = "\n".join(sorted(set().union(*found.values())))
    assert found.keys() == ALLOWED[kind].keys(), f"{found.keys() ^ ALLOWED[kind].keys()}\n{listed}"


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("TextToTextEngine", {"text_to_text"}),
        ("kerasft.tasks.tagging.load_text_to_text", {"tagging", "text_to_text"}),
        ("DistilBertTokenizer", {"distilbert"}),
        ("BertBackbone", {"bert"}),
        (".lora_A.weight", {"lora"}),
        ("split_t5", {"t5"}),
        ("transformers", set()),
        ("transformer_layer_1", set()),
        ("BertForSequenceClassification", {"bert"}),
        ("explorable", set()),
    ],
)
def test_names_are_found_in_words(word: str, names: set[str]) -> None:
    known = {"text_to_text", "tagging", "classification", "bert", "distilbert", "t5", "lora"}
    assert names_in(word, {*known, "transformer"}) == names


# Of each kind: how its things are called, where they lie, and where their case classes do.
BATTERIES = {
    "family": (r'^    name = "(.+)"', "architectures/*.py", "architectures/test_*.py"),
    "method": (
        r"^(?:class |    method = )(\w+Config)\b", "peft/methods/[!_]*.py", "peft/test_*.py",
    ),
    "task": (r'^    name = "(.+)"', "tasks/*/task.py", "tasks/test_tasks.py"),
    "runtime": (
        r'^    (?:exact|format) = "(.+)"', "runtimes/*/runtime.py", "runtimes/test_runtimes.py",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BATTERIES)
def test_each_goes_through_the_battery_of_its_kind(kind: str) -> None:
    pattern, places, tests = BATTERIES[kind]

    def declared(root: Path, places: str) -> set[str]:
        texts = (path.read_text("utf-8") for path in root.glob(places))
        return {name for text in texts for name in re.findall(pattern, text, re.MULTILINE)}

    there = declared(PACKAGE, places)
    assert there and there <= declared(ROOT / "tests", tests)
