"""A disk without room for a folder or an export: one sentence, nothing half written."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import classifiers, translators
from harness.full_disk import no_file_above
from kerasft.errors import ConfigError
from kerasft.exports.command import export
from kerasft.exports.engines import make_export

pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE"),
]

LORA: Callable[[], Path] = lambda: classifiers.saved_lora().folder  # noqa: E731


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("source", "write"),
    [
        # Safetensors in Rust, a zip of HDF5, Protocol Buffers.
        (LORA, lambda run: export(run, "huggingface", run.with_name("out"))),
        (LORA, lambda run: export(run, "keras", run.with_name("out.keras"))),
        (LORA, lambda run: export(run, "onnx", run.with_name("out.onnx"))),
        # Into the folder itself.
        (LORA, lambda run: make_export(run, "onnx")),
        (lambda: translators.saved().folder, lambda run: make_export(run, "ctranslate2")),
        (LORA, lambda run: classifiers.save(run, classifiers.build())),
    ],
    ids=["huggingface", "keras", "onnx", "engine onnx", "engine ctranslate2", "replaced"],
)
def test_nothing_is_half_written_and_what_was_there_stays(tmp_path, source, write):
    run = shutil.copytree(source(), tmp_path / "run")
    before = content(tmp_path)
    with no_file_above(12_000), pytest.raises(ConfigError) as caught:
        write(run)
    message = str(caught.value)
    assert "\n" not in message and str(tmp_path) in message
    assert "cannot be written: File too large; nothing was changed there" in message
    assert content(tmp_path) == before
