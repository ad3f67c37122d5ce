"""A tiny saved folder and real servers on it."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import classifiers
from harness.servers import LIMITS, Running
from kerasft.predict import Predictor


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The saved folder of a tiny classifier with a LoRA adapter."""
    path = tmp_path_factory.mktemp("saved") / "tiny"
    return classifiers.save(path, classifiers.train("lora")).folder


@pytest.fixture(scope="session")
def predictor(folder: Path) -> Predictor:
    return Predictor(folder)


@pytest.fixture
def serve(folder: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts servers of the tiny folder and ends those that the test left."""
    started: list[Running] = []

    def start(*arguments: object) -> Running:
        log_file = tmp_path / f"{len(started)}.log"
        started.append(Running(log_file, folder, "--port", 0, *arguments))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.wait()


@pytest.fixture(scope="session")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server with small limits for all tests that only ask it things."""
    options = [word for name, value in LIMITS.items() for word in (f"--{name}", value)]
    log_file = tmp_path_factory.mktemp("server") / "log"
    running = Running(log_file, folder, "--port", 0, *options).wait_until_ready()
    yield running
    assert running.stop(signal.SIGINT) == 0
    assert "Traceback" not in running.log
