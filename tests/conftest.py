"""What every test may use. The backend is the one that KERAS_BACKEND names."""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kerasft.backends import BACKENDS  # importing kerasft chooses one before Keras is imported

pytest.register_assert_rewrite("harness")
from harness.other_backends import OtherBackends  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("KERASFT_SHARED", ROOT.parent / "shared"))
REAL_WEIGHTS = Path.home() / ".cache" / "kerasft-weights"

# What a test marked `plain` does without. (Not torch itself: scikit-learn looks for it.)
HEAVY = ("keras", "keras_hub", *(f"kerasft.backends.{name}_backend" for name in BACKENDS))

# XLA takes far longer to optimize such small programs than to run them.
QUICK_XLA = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
# And it is given one program again and again: by each model of the same shapes, in each process.
COMPILED_ONCE = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def pytest_configure(config: pytest.Config) -> None:
    """Takes the backends away from tests marked `plain`; else makes compiling cheap.

    All processes of a test run share what JAX compiles; the next run compiles anew. JAX finds a
    program by its code, its options and its own version, so that nothing else can be taken for it.
    JAX_ENABLE_COMPILATION_CACHE=false does without, an empty XLA_FLAGS lets XLA optimize.
    """
    if config.getoption("--plain"):
        sys.modules.update(dict.fromkeys(HEAVY))  # importing one is an ImportError now
        return
    if not config.getoption("--real"):  # real models are to be computed as users compute them
        os.environ.setdefault("XLA_FLAGS", QUICK_XLA)  # of JAX and of TensorFlow
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:  # also in the processes of pytest-xdist
        return
    folder = tempfile.mkdtemp(prefix="kerasft-compiled-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ.update(COMPILED_ONCE, JAX_COMPILATION_CACHE_DIR=folder)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="also run the tests marked `real`")
    parser.addoption(
        "--plain", action="store_true", help="run the tests marked `plain` alone, without a backend"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --plain, files of other tests are not even imported: they need a backend."""
    if not config.getoption("--plain"):
        return None
    files = [collection_path] if collection_path.match("test_*.py") else []
    if collection_path.is_dir():
        files = collection_path.rglob("test_*.py")
    plain = re.compile(r"^pytestmark = .*pytest\.mark\.plain\b", re.MULTILINE)
    return None if any(plain.search(file.read_text("utf-8")) for file in files) else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    plain, real = config.getoption("--plain"), config.getoption("--real")
    left_out = [
        item
        for item in items
        # A file that is named on the command line is collected with --plain, whatever it needs.
        if (plain and "plain" not in item.keywords) or (not real and "real" in item.keywords)
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(tryfirst=True)  # before the fixtures are made
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a test draws without a seed of its own is the same in every run.

    Keras seeds its initializers and dropouts from `random`.
    """
    random.seed(item.nodeid)
    np.random.seed(zlib.crc32(item.nodeid.encode()))
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora (tests marked `real` only)."""
    if not SHARED.is_dir():
        pytest.skip(f"no real corpora at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """The folder of real checkpoints (tests marked `real` only)."""
    if not REAL_WEIGHTS.is_dir():
        pytest.skip(f"no real checkpoints at {REAL_WEIGHTS}")
    return REAL_WEIGHTS


@pytest.fixture(scope="session")
def run_python() -> Callable[..., subprocess.CompletedProcess]:
    """Runs `python ARGS...` in a fresh process, on any backend, and returns what it said."""

    def run(
        *args: object,
        backend: str | None = None,
        timeout: float = 240,
        env: dict | None = None,
        **options: object,
    ) -> subprocess.CompletedProcess:
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(env or {})}
        if backend:
            environment["KERAS_BACKEND"] = backend
        return subprocess.run(
            [sys.executable, *map(str, args)],
            capture_output=True, text=True, timeout=timeout, env=environment, cwd=ROOT, **options,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def other_backends() -> Iterator[OtherBackends]:
    """Predicts with a saved folder on any backend, in processes that are started once."""
    processes = OtherBackends()
    yield processes
    processes.close()


@pytest.fixture
def run_export(capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str, str]]:
    """Runs `kerasft export ARGS...` in this process: its code, stdout and stderr."""
    from kerasft.cli.main import main

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            main(["export", *map(str, arguments)])
        except SystemExit as stop:
            return int(stop.code or 0), *capsys.readouterr()
        return 0, *capsys.readouterr()

    return run


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list["Figure"]:
    """The figures that were saved, to look at their contents."""
    from matplotlib.figure import Figure

    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: object, **options: object) -> None:
        figures.append(figure)
        save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures
