"""The command line: what is accepted, what is refused, and with which words."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from kerasft import cli, convert, export, serve
from kerasft.errors import ConfigError, DataError
from kerasft.predict import command as predict

pytestmark = pytest.mark.plain


@dataclasses.dataclass
class Config(cli.RunOptions):
    """A config for the tests.

    Args:
        rank: Rank of the update.
        tune: What trains.
        targets: Names of projections.
        preset: A checkpoint.
    """

    rank: int = 8
    tune: Literal["lora", "head"] = "lora"
    targets: tuple[str, ...] = ("query", "value")
    preset: str | None = None


def test_no_arguments_give_the_defaults():
    assert cli.parse(Config, []) == Config()


def test_options_flags_and_lists():
    config = cli.parse(
        Config, ["--rank", "3", "--resume", "--targets", "query,key", "--tensorboard", "false"]
    )
    assert config == Config(rank=3, resume=True, targets=("query", "key"))
    assert cli.parse(Config, ["--seed", "4", "--resume"]).resume
    assert cli.parse(Config, ["--targets=query,key", "--rank=3"]).targets == ("query", "key")
    assert cli.parse(Config, ["--targets", "[query]"]).targets == ("query",)


def test_command_line_overrules_the_file(tmp_path: Path):
    file = tmp_path / "run.yaml"
    file.write_text("rank: 4\ntargets: [key]\nseed: 9\n")
    config = cli.parse(Config, ["--config", str(file), "--rank", "5"])
    assert (config.rank, config.targets, config.seed) == (5, ("key",), 9)


def test_a_printed_config_reads_back(tmp_path: Path):
    config = Config(rank=2, targets=("key",), preset="minilm", resume=True)
    file = tmp_path / "run.yaml"
    file.write_text(cli.to_yaml(config))
    assert yaml.safe_load(file.read_text())["targets"] == ["key"]
    assert cli.parse(Config, ["--config", str(file)]) == config


@dataclasses.dataclass(frozen=True)
class Task:
    """A record inside of a list.

    Args:
        name: Its name.
        weight: Its weight.
    """

    name: str
    weight: float = 1.0


@dataclasses.dataclass
class WithTasks(cli.RunOptions):
    """A config with a list of records.

    Args:
        tasks: The records.
    """

    tasks: tuple[Task, ...] = (Task("a"), Task("b", 2.0))


def test_records_in_a_list_are_dataclasses(tmp_path: Path):
    assert cli.parse(WithTasks, []) == WithTasks()
    file = tmp_path / "run.yaml"
    file.write_text("tasks:\n- {name: c}\n- {name: d, weight: 3}\n")
    config = cli.parse(WithTasks, ["--config", str(file)])
    assert config.tasks == (Task("c"), Task("d", 3.0))
    file.write_text(cli.to_yaml(config))
    assert cli.parse(WithTasks, ["--config", str(file)]) == config
    for wrong in ("{weight: 1}", "{name: c, luck: 1}", "{name: c, weight: x}"):
        file.write_text(f"tasks:\n- {wrong}\n")
        with pytest.raises(ConfigError, match="--tasks"):
            cli.parse(WithTasks, ["--config", str(file)])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rank", "x"], ["--rank", "int", "x"]),
        (["--unknown", "1"], ["--unknown", "rank", "targets"]),
        (["--tune", "everything"], ["--tune", "lora", "head", "everything"]),
        (["--rank"], ["--rank"]),
        (["--config", "/nowhere.yaml"], ["/nowhere.yaml"]),
    ],
)
def test_wrong_options_are_named_in_one_line(arguments: list[str], words: list[str]):
    with pytest.raises(ConfigError) as error:
        cli.parse(Config, arguments)
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("text", ["rank: 3\nunknown: 4\n", "rank: [3\n", "- 1\n"])
def test_wrong_files_are_refused(tmp_path: Path, text: str):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        cli.parse(Config, ["--config", str(file)])
    assert "\n" not in str(error.value)


FOLDER_AND_TEXTS = {"folder": "F", "texts": ["a", "-b"], "format": "jsonl"}


@pytest.mark.parametrize(
    ("command", "words", "means"),
    [
        (predict, "F --format jsonl a -- -b", FOLDER_AND_TEXTS),
        (predict, "--format jsonl F a -- -b", FOLDER_AND_TEXTS),
        (predict, "F a --format=jsonl -- -b", FOLDER_AND_TEXTS),
        (predict, "F a --text_column t b --overwrite c", {"texts": ["a", "b", "c"]}),
        (predict, "F -5", {"texts": ["-5"]}),
        (predict, "--input x.csv F", {"folder": "F", "texts": [], "input": "x.csv"}),
        (serve, "--port 1 F --host ::1", {"folder": "F", "port": 1, "host": "::1"}),
        (export, "--engine onnx F", {"folder": "F", "engine": "onnx"}),
        (export, "--format onnx F --output o", {"folder": "F", "format": "onnx", "output": "o"}),
        (convert, "--output o D", {"directory": "D", "output": "o"}),
    ],
)
def test_options_stand_anywhere(command: Any, words: str, means: dict[str, Any]):
    found = vars(command.parse(words.split()))
    assert {name: found[name] for name in means} == means


@pytest.mark.parametrize(
    ("command", "words", "says"),
    [
        (predict, "--format jsonl", "required: FOLDER"),
        (predict, "F a --formt jsonl b", "unrecognized arguments: --formt"),
        (serve, "F --port 1 G", "unrecognized arguments: G"),
        (export, "F", "one of the arguments --format --engine is required"),
        (export, "F --engine onnx --format onnx", "not allowed with"),
        (convert, "--output o", "required: DIR"),
    ],
)
def test_what_options_cannot_mean_is_one_sentence(command: Any, words: str, says: str):
    with pytest.raises(ConfigError, match=says):
        command.parse(words.split())


def test_guard_makes_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stop, cli.guard():
        raise DataError("data.csv has no rows.")
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: data.csv has no rows.\n"


def test_guard_lets_bugs_through():
    with pytest.raises(ZeroDivisionError), cli.guard():
        _ = 1 / 0


def test_guard_names_a_folder_that_cannot_be_written(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stop, cli.guard():
        raise PermissionError(13, "Permission denied", "/root/output")
    assert stop.value.code == 2
    assert "/root/output" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_full_disk_behind_standard_output_is_one_sentence():
    code = "from kerasft import cli\nwith cli.guard():\n    print('x' * 100_000)"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (2, "error: No space left on device.\n")


WRITER = """
import sys, time
from pathlib import Path
from kerasft import cli, storage
with cli.guard():
    if sys.argv[1] == "file":
        with storage.write_file(sys.argv[2]) as file:
            file.write_text("half")
            print("in", flush=True)
            time.sleep(60)
    with storage.write_folder(sys.argv[2], is_ours=lambda path: True) as folder:
        (folder / "half").write_text("half")
        print("in", flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("kind", "name"), [("file", "SIGTERM"), ("folder", "SIGHUP")])
def test_what_is_told_to_end_leaves_no_half_written_file(tmp_path: Path, kind: str, name: str):
    number = getattr(signal, name)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, kind, tmp_path / "out"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (128 + number, "terminated\n")
    assert not list(tmp_path.iterdir())


def test_guard_leaves_signals_as_they_were(capsys: pytest.CaptureFixture):
    before = [signal.getsignal(number) for number in cli.ENDING]
    with pytest.raises(SystemExit), cli.guard():
        raise ConfigError("no")
    assert [signal.getsignal(number) for number in cli.ENDING] == before


def test_one_run_at_a_time_writes_an_output(tmp_path: Path):
    output = tmp_path / "models" / "run"

    @cli.alone
    def run(config: Config) -> str:
        with pytest.raises(ConfigError, match=rf"process {os.getpid()}.* is writing {output};"):
            run(config)
        return config.output

    assert run(Config(output=str(output))) == str(output)
    assert not list(tmp_path.iterdir())
