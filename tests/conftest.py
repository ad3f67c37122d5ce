"""What every test may use. The backend is the one that KERAS_BACKEND names."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import kerasft  # noqa: F401  (chooses the backend before anything imports keras)

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("KERASFT_SHARED", ROOT.parent / "shared"))
REAL_WEIGHTS = Path.home() / ".cache" / "kerasft-weights"


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


@pytest.fixture
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
