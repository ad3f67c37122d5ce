"""What every test may use. The backend is the one that KERAS_BACKEND names."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import kerasft  # noqa: F401  (chooses the backend before anything imports keras)

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("KERASFT_SHARED", ROOT.parent / "shared"))
REAL_WEIGHTS = Path.home() / ".cache" / "kerasft-weights"


# XLA compiles tiny models for far longer than it runs them, and one program again and again: for
# each new model of the same shapes, and in each process that a test starts.
COMPILED_ONCE = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def pytest_configure(config: pytest.Config) -> None:
    """Lets all processes of one test run share what JAX compiles; the next run compiles anew.

    JAX finds a program by its code, its options and its own version, so that nothing else can be
    taken for it. Whoever sets JAX_COMPILATION_CACHE_DIR keeps a folder of their own;
    JAX_ENABLE_COMPILATION_CACHE=false does without.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:  # also in the processes of pytest-xdist
        return
    folder = tempfile.mkdtemp(prefix="kerasft-compiled-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ.update(COMPILED_ONCE, JAX_COMPILATION_CACHE_DIR=folder)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="also run the tests marked `real`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--real"):
        return
    deselected = [item for item in items if "real" in item.keywords]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if "real" not in item.keywords]


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
