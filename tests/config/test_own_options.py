"""Options that only some values of another option have: read, refused, explained, written."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from kerasft.config import OwnOptions, RunOptions, option_kinds, parse, to_yaml
from kerasft.errors import ConfigError

pytestmark = pytest.mark.plain


@dataclasses.dataclass(frozen=True)
class Thin:
    """Two thin matrices.

    Attributes:
        places: Where they go.
        rank: How thin they are, in % of nothing.
        dropout: Share that is dropped.
    """

    places: tuple[str, ...]
    rank: int = 8
    dropout: float = 0.1


@dataclasses.dataclass(frozen=True)
class Thinner(Thin):
    """The same with a magnitude.

    Attributes:
        plain: Whether there is none.
    """

    plain: bool = False


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Virtual tokens.

    Attributes:
        count: How many.
        dropout: Of the tokens.
        words: What they begin as.
    """

    count: int = 20
    dropout: float = 0.0
    words: tuple[str, ...] | None = None


VALUES = {"thin": Thin, "thinner": Thinner, "tokens": Tokens, "all": None}


@dataclasses.dataclass
class Config(RunOptions):
    """A config whose ways have options of their own.

    Args:
        way: The way to go.
        way_options: Its own options.
        epochs: Passes.
    """

    way: str = "thin"
    way_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    epochs: int = 3

    own_options: ClassVar[OwnOptions] = OwnOptions(
        chooser="way",
        holder="way_options",
        values=lambda: VALUES,
        also="path",
        without=frozenset({"places"}),
        usual={"thinner": {"rank": 2, "places": ("not", "an", "option")}},
    )

    def __post_init__(self) -> None:
        self.way_options = self.own_options.chosen(self.way, self.way_options)


def test_a_value_has_its_own_options_and_their_defaults():
    assert parse(Config, []).way_options == {"rank": 8, "dropout": 0.1}
    config = parse(Config, ["--way", "thinner", "--plain", "--dropout=0.5"])
    assert config.way_options == {"rank": 2, "dropout": 0.5, "plain": True}
    assert parse(Config, ["--way", "tokens", "--words", "a,b"]).way_options == {
        "count": 20, "dropout": 0.0, "words": ("a", "b"),
    }  # fmt: skip
    assert parse(Config, ["--way", "all"]).way_options == {}
    assert Config("there", way_options={"rank": 3}).way_options["rank"] == 3


def test_the_chooser_has_another_spelling_on_the_command_line_and_in_a_file(tmp_path: Path):
    assert parse(Config, ["--path", "tokens", "--count", "4"]).way_options["count"] == 4
    assert parse(Config, ["--path=all"]).way == "all"
    file = tmp_path / "run.yaml"
    file.write_text("path: tokens\ncount: 5\n")
    assert parse(Config, ["--config", str(file)]).way_options["count"] == 5


def test_a_printed_config_has_the_options_of_its_value_alone_and_reads_back(tmp_path: Path):
    config = parse(Config, ["--way", "tokens", "--words", "a,b"])
    text = to_yaml(config)
    printed = yaml.safe_load(text)
    assert (printed["way"], printed["count"], printed["words"]) == ("tokens", 20, ["a", "b"])
    assert not {"way_options", "rank", "plain"} & set(printed)
    file = tmp_path / "run.yaml"
    file.write_text(text)
    assert parse(Config, ["--config", str(file)]) == config


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--way", "tokens", "--rank", "3"],
            "--rank is not an option of --way tokens; leave it out.",
        ),
        (
            ["--way", "all", "--dropout", "0"],
            "--dropout is not an option of --way all; leave it out.",
        ),
        (["--plain"], "--plain is not an option of --way thin; leave it out."),
        (["--rank", "null"], "--rank has no value; give one, or leave it out."),
        (["--rank", "x"], "--rank: expected int"),
        (["--way", "none"], "'thinner', 'tokens', 'all'"),
        (["--places", "x"], "The options are: output"),
        (["--way_options", "{}"], "--way_options"),
    ],
)
def test_what_a_value_has_not_is_one_sentence(words: list[str], says: str):
    with pytest.raises(ConfigError) as error:
        parse(Config, words)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_config_made_in_python_is_refused_as_well():
    with pytest.raises(ConfigError, match="--way is 'none'; it must be one of thin, thinner"):
        Config(way="none")
    with pytest.raises(ConfigError, match="--count is not an option of --way thin"):
        Config(way_options={"count": 3})


def test_the_help_says_whose_an_option_is(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        parse(Config, ["--help"])
    said = " ".join(capsys.readouterr().out.split())
    choices = "{thin,thinner,tokens,all}"
    assert f"--way {choices}, --path {choices} The way to go. (default: thin)" in said
    assert "null leaves it to the backend. (default: null) --resume [{true,false}]" in said
    assert said.index("--epochs INT Passes. (default: 3)") < said.index("run and output: --output")
    both = said.partition("options of --way thin and thinner: ")[2]
    assert "How thin they are, in % of nothing. (default: 8 for thin, 2 for thinner)" in both
    assert "options of --way thinner: --plain" in said
    assert "options of --way thin, thinner and tokens: --dropout" in said
    assert "options of --way tokens: --count INT How many. (default: 20)" in said
    assert "--words TEXT,... What they begin as. (default: null)" in said


def test_the_options_are_known_by_name_and_type():
    kinds = option_kinds(Config)
    assert not {"way_options", "places"} & set(kinds)
    assert (kinds["epochs"], kinds["plain"], kinds["rank"]) == (int, bool, int)
