"""The options of the recipes: the shipped configs, and the methods' own options."""

import dataclasses
import importlib
from pathlib import Path

import pytest

from kerasft import peft
from kerasft.config import option_kinds, parse, to_yaml
from kerasft.errors import ConfigError
from kerasft.recipes import distilbert_lora, methods, t5_ner_lora, tagger_lora, tinybert_lora

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parent.parent.parent
SHIPPED = sorted((ROOT / "recipes").rglob("*.yaml"))
TUNING = [distilbert_lora, tinybert_lora, tagger_lora, t5_ner_lora]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_recipe_config_is_accepted_by_its_recipe(path: Path):
    recipe = importlib.import_module(f"kerasft.recipes.{path.parent.name}")
    config = parse(recipe.Config, ["--config", str(path)])
    assert isinstance(config, recipe.Config)
    place = path.relative_to(ROOT).as_posix()
    command = f"kerasft run {path.parent.name} --config {place}"
    assert command in path.read_text("utf-8").split("\n\n")[0], f"{place} does not begin with it"


@pytest.mark.parametrize("option", ["few_shot", "cache_backbone"])
def test_the_words_on_and_off_need_no_quotes_in_a_config_file(option, tmp_path: Path):
    path = tmp_path / "config.yaml"
    for word in ("on", "off", "auto"):
        path.write_text(f"{option}: {word}\n")
        config = parse(distilbert_lora.Config, ["--config", str(path)])
        assert getattr(config, option) == word
        path.write_text(to_yaml(config))
        assert parse(distilbert_lora.Config, ["--config", str(path)]) == config
        assert parse(distilbert_lora.Config, [f"--{option}", word]) == config
    for word, meant in (("true", "on"), ("False", "off")):  # and name no folder
        assert getattr(parse(distilbert_lora.Config, [f"--{option}", word]), option) == meant


def test_few_rows_are_passed_over_more_often():
    config = distilbert_lora.Config()
    assert config.epochs_over(range(61)) == 9  # 490 rows in batches of 8: 549 steps
    assert config.epochs_over(range(5000)) == 3
    assert dataclasses.replace(config, epochs=1).epochs_over(range(61)) == 1
    assert dataclasses.replace(config, steps=62).epochs_over(range(61)) == 3


@pytest.mark.parametrize("recipe", [distilbert_lora, tagger_lora, methods])
def test_a_run_is_as_long_as_epochs_or_steps_say(recipe):
    config = parse(recipe.Config, ["--epochs", "null", "--steps", "700"])
    config.check()
    assert config.epochs_over(range(100)) == 7
    with pytest.raises(ConfigError, match="--steps counts only where --epochs is null, and it is"):
        parse(recipe.Config, ["--epochs", "4", "--steps", "700"]).check()
    parse(recipe.Config, ["--epochs", "4"]).check()


def test_a_method_with_epochs_of_its_own_has_no_steps():
    own = {"full": {"epochs": 3}}
    config = methods.Config(epochs=None, steps=700, method_options=own)
    for method, length in (("full", (3, None)), ("lora", (None, 700))):
        (run,) = methods.run_configs(config, method)
        run.check()
        assert (run.epochs, run.steps) == length


def test_other_words_are_a_folder_or_refused():
    config = parse(distilbert_lora.Config, ["--cache_backbone", "some/folder"])
    assert config.cache_backbone == "some/folder"
    with pytest.raises(ConfigError, match=r"expected one of \['auto', 'on', 'off'\]. got: maybe"):
        parse(distilbert_lora.Config, ["--few_shot", "maybe"])


@pytest.mark.parametrize("recipe", TUNING, ids=lambda recipe: recipe.__name__.rpartition(".")[2])
def test_every_method_is_a_choice_with_the_options_of_its_config(recipe, tmp_path: Path):
    kinds = option_kinds(recipe.Config)
    assert kinds["method"].__args__[: len(peft.METHODS)] == tuple(peft.METHODS)
    for name, method in peft.METHODS.items():
        config = parse(recipe.Config, ["--tune", name])
        fields = {each.name for each in dataclasses.fields(method)}
        assert {"targets", "modules_to_save", *config.method_options} == fields
        assert fields - {"targets", "modules_to_save"} <= kinds.keys()
        made = config.method_config(config.targets)
        assert {each: getattr(made, each) for each in config.method_options} == (
            config.method_options
        )
        assert config.peak_rate > 0
        (tmp_path / "run.yaml").write_text(to_yaml(config))
        assert parse(recipe.Config, ["--config", str(tmp_path / "run.yaml")]) == config


@pytest.mark.parametrize("recipe", TUNING, ids=lambda recipe: recipe.__name__.rpartition(".")[2])
def test_the_help_explains_every_option_of_every_method(recipe, capsys):
    with pytest.raises(SystemExit):
        parse(recipe.Config, ["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for name, option in recipe.Config.own_options.all().items():
        assert not option.help.startswith(" "), (
            f"--{name} is not explained in its config's docstring"
        )
        assert f" --{name} " in said


def test_what_a_recipe_takes_with_a_method():
    tagger = parse(tagger_lora.Config, [])
    assert (tagger.method_options["rank"], len(tagger.targets)) == (16, 4)
    writer = parse(t5_ner_lora.Config, [])
    assert (writer.method_options["alpha"], writer.peak_rate) == (32.0, 1e-2)
    assert parse(t5_ner_lora.Config, ["--learning_rate", "0.5"]).peak_rate == 0.5
    assert parse(distilbert_lora.Config, ["--method", "full"]).peak_rate == 1e-4
    assert "head" not in t5_ner_lora.Config.own_options.values()
