"""The command line: what is accepted, what is refused, and with which words."""

import codecs
import dataclasses
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from harness.full_disk import no_file_above
from kerasft import storage
from kerasft.cli import convert, export, predict, serve
from kerasft.config import RunOptions, alone, guard, parse, to_yaml
from kerasft.config.guard import ENDING
from kerasft.errors import ConfigError, DataError

pytestmark = pytest.mark.plain


@dataclasses.dataclass
class Config(RunOptions):
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
    assert parse(Config, []) == Config()


def test_options_flags_and_lists():
    config = parse(
        Config, ["--rank", "3", "--resume", "--targets", "query,key", "--tensorboard", "false"]
    )
    assert config == Config(rank=3, resume=True, targets=("query", "key"))
    assert parse(Config, ["--seed", "4", "--resume"]).resume
    assert parse(Config, ["--targets=query,key", "--rank=3"]).targets == ("query", "key")
    assert parse(Config, ["--targets", "[query]"]).targets == ("query",)


def test_paths_need_not_be_utf_8(tmp_path: Path):
    odd = "r\udce9sum\udcff.csv"
    config = parse(Config, ["--preset", odd, "--targets", f"{odd},b"])
    assert (config.preset, config.targets) == (odd, (odd, "b"))
    (tmp_path / odd).write_text(to_yaml(config), "utf-8")
    assert parse(Config, ["--config", str(tmp_path / odd)]) == config
    with pytest.raises(ConfigError, match="r\udce9sum"):
        parse(Config, ["--rank", odd])


def test_command_line_overrules_the_file(tmp_path: Path):
    file = tmp_path / "run.yaml"
    file.write_text("rank: 4\ntargets: [key]\nseed: 9\n")
    config = parse(Config, ["--config", str(file), "--rank", "5"])
    assert (config.rank, config.targets, config.seed) == (5, ("key",), 9)


def test_a_printed_config_reads_back(tmp_path: Path):
    config = Config(rank=2, targets=("key",), preset="minilm", resume=True)
    file = tmp_path / "run.yaml"
    file.write_text(to_yaml(config))
    assert yaml.safe_load(file.read_text())["targets"] == ["key"]
    assert parse(Config, ["--config", str(file)]) == config


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
class WithTasks(RunOptions):
    """A config with a list of records.

    Args:
        tasks: The records.
    """

    tasks: tuple[Task, ...] = (Task("a"), Task("b", 2.0))


def test_records_in_a_list_are_dataclasses(tmp_path: Path):
    assert parse(WithTasks, []) == WithTasks()
    file = tmp_path / "run.yaml"
    file.write_text("tasks:\n- {name: c}\n- {name: d, weight: 3}\n")
    config = parse(WithTasks, ["--config", str(file)])
    assert config.tasks == (Task("c"), Task("d", 3.0))
    file.write_text(to_yaml(config))
    assert parse(WithTasks, ["--config", str(file)]) == config
    for wrong in ("{weight: 1}", "{name: c, luck: 1}", "{name: c, weight: x}"):
        file.write_text(f"tasks:\n- {wrong}\n")
        with pytest.raises(ConfigError, match="--tasks"):
            parse(WithTasks, ["--config", str(file)])


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
        parse(Config, arguments)
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("text", ["rank: 3\nunknown: 4\n", "rank: [3\n", "- 1\n"])
def test_wrong_files_are_refused(tmp_path: Path, text: str):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        parse(Config, ["--config", str(file)])
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
        (convert, "--output o", "required: MODEL"),
    ],
)
def test_what_options_cannot_mean_is_one_sentence(command: Any, words: str, says: str):
    with pytest.raises(ConfigError, match=says):
        command.parse(words.split())


TEXT = "# è\nrank: 3\npreset: è\n"
UTF_16 = codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le")
BOMB = "a: &a [1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in pairwise("abcdefghij")
)


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.replace("\n", "\r\n").encode(),
        UTF_16,  # as PowerShell writes it
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        b'<<: {rank: &r 3}\nseed: *r\npreset: "\xc3\xa8"\n',
    ],
)
def test_files_of_any_unicode_are_read(tmp_path: Path, raw: bytes):
    (tmp_path / "run.yaml").write_bytes(raw)
    for words in (["--config", str(tmp_path / "run.yaml")], [f"--config={tmp_path / 'run.yaml'}"]):
        config = parse(Config, words)
        assert (config.rank, config.preset) == (3, "è")


@pytest.mark.parametrize("raw", [b"", b"# nothing\n", b"---\n"])
def test_a_file_without_options_changes_none(tmp_path: Path, raw: bytes):
    (tmp_path / "run.yaml").write_bytes(raw)
    assert parse(Config, ["--config", str(tmp_path / "run.yaml")]) == Config()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (TEXT.encode("latin-1"), "not UTF-8: byte 0xe8 in line 1; save it as UTF-8"),
        (b"r\0a\0n\0k\0", "holds NUL characters"),
        (UTF_16[:-1], "not UTF-16"),
        (b"seed: 1\nrank: [3\n", "not valid YAML in line 3"),
        (b"seed: 1\nx: \x07\n", "not valid YAML in line 2"),
        (b"rank: 3\n---\nrank: 4\n", "not valid YAML in line 2"),
        (b"rank: " + b"[" * 99_999, "nested too deeply"),
        (b"rank: " + b"[" * 50 + b"]" * 50, "inside each other"),
        (b"rank: &a [*a]\n", "inside each other"),
        (BOMB.encode(), "for more than 10000 values, its aliases written out"),
        (b"rank: 3\nseed: 1\nrank: 4\n", "line 3: 'rank' is given twice"),
        (b"targets: {a: 1, a: 2}\n", "line 1: 'a' is given twice"),
        (b"seed: 1\nno: 3\n", "line 2: no is not a name; put it in quotes"),
        (b"targets: {1: 2}\n", "line 1: 1 is not a name"),
        (b"? [a]\n: 2\n", "a list or a mapping is not a name"),
        (b"rank: !!python/name:os.system\n", "no option takes a value with the tag"),
        (b"- 1\n", "names no options"),
        (b"config: other.yaml\n", "cannot name another"),
        (b"rank:\n", "--rank has no value"),
        (b"output: 2024\n", "--output: expected str. got: 2024; put it in quotes."),
        (b"x" * 2**18 + b": 1", "is larger than 262144 bytes"),
    ],
)
def test_a_file_of_other_things_is_one_sentence(tmp_path: Path, raw: bytes, says: str):
    (tmp_path / "run.yaml").write_bytes(raw)
    with pytest.raises(ConfigError) as error:
        parse(Config, ["--config", str(tmp_path / "run.yaml")])
    assert says in str(error.value) and "\n" not in str(error.value)


@pytest.mark.skipif(sys.platform == "win32", reason="has no FIFOs")
def test_what_is_no_file_is_not_read(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(ConfigError, match="is a folder, a pipe or a device"):
            parse(Config, ["--config", str(path)])


def test_an_option_is_written_out():
    with pytest.raises(ConfigError, match="--ran"):
        parse(Config, ["--ran", "3"])
    with pytest.raises(ConfigError, match="--rank has no value"):
        parse(Config, ["--rank", "null"])
    assert parse(Config, ["--preset", "null"]).preset is None


def test_guard_makes_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stop, guard():
        raise DataError("data.csv has no rows.")
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: data.csv has no rows.\n"


def test_guard_lets_bugs_through():
    with pytest.raises(ZeroDivisionError), guard():
        _ = 1 / 0


def test_guard_names_a_folder_that_cannot_be_written(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stop, guard():
        raise PermissionError(13, "Permission denied", "/root/output")
    assert stop.value.code == 2
    assert "/root/output" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_full_disk_behind_standard_output_is_one_sentence():
    code = "from kerasft.config import guard\nwith guard():\n    print('x' * 100_000)"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (2, "error: No space left on device.\n")


WRITER = """
import signal, sys, time
from pathlib import Path
from kerasft import storage
from kerasft.config import guard
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which is ignored below nohup
with guard():
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
    before = [signal.getsignal(number) for number in ENDING]
    with pytest.raises(SystemExit), guard():
        raise ConfigError("no")
    assert [signal.getsignal(number) for number in ENDING] == before


def test_one_run_at_a_time_writes_an_output(tmp_path: Path):
    output = tmp_path / "models" / "run"

    @alone
    def run(config: Config) -> str:
        with pytest.raises(ConfigError, match=rf"process {os.getpid()}.* is writing {output};"):
            run(config)
        return config.output

    assert run(Config(output=str(output))) == str(output)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_ends_a_run_with_what_it_can_go_on_from(tmp_path: Path):
    @alone
    def run(config: Config) -> None:
        with no_file_above(10), storage.write_file(config.output) as file:
            file.write_text("x" * 100)

    config = Config(output=str(tmp_path / "run"))
    with pytest.raises(ConfigError, match=r"make room and try again\.$"):
        run(config)
    (tmp_path / "run.mlm.checkpoint").mkdir()
    says = r"make room and try again: --resume continues from the last checkpoint\.$"
    with pytest.raises(ConfigError, match=says):
        run(config)
