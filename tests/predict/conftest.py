"""`kerasft predict` in this process, with a predictor that is loaded once."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from kerasft.cli import main as command
from kerasft.cli import predict as command_line

Result = tuple[int, str, str]


@pytest.fixture
def command_with(monkeypatch, capsys) -> Callable[[Path, object], Callable[..., Result]]:
    """The command on a folder whose predictor is given: arguments -> (exit code, stdout, stderr).

    The given predictor stands for the folder as long as no option of a single task is given.
    """

    really = command_line.open_predictor

    def make(known: Path, predictor: object) -> Callable[..., Result]:
        def opened(folder: str, pairs: bool, **options: object) -> object:
            same = Path(folder) == known and all(value is None for value in options.values())
            return predictor if same else really(folder, pairs, **options)

        monkeypatch.setattr(command_line, "open_predictor", opened)

        def run(*arguments: object, stdin: bytes = b"", folder: object = known) -> Result:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            code = 0
            try:
                command.main(["predict", str(folder), *map(str, arguments)])
            except SystemExit as stop:
                code = int(stop.code or 0)
            return code, *capsys.readouterr()

        return run

    return make
