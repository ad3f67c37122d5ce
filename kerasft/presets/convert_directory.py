"""Converts the pickled weights of a Hugging Face directory to safetensors."""

from __future__ import annotations

import os
import shlex
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from kerasft.backends import has_checksums, read_pickled_tensors
from kerasft.errors import ConfigError, PresetError
from kerasft.presets.directory import INDEX, PICKLE, PICKLE_INDEX, WEIGHTS, shard_names
from kerasft.presets.sentence_pooling import POOLING_FILE
from kerasft.storage import (
    check_output,
    read_json,
    reason_of,
    write_file,
    write_folder,
    write_json,
    write_tensors,
)

_RESERVED = "__metadata__"
# What is copied besides LICENSE and NOTICE: configs, tokenizers, the card; not weights of other
# formats, nor the trainer's own files.
_ALONG = (".json", ".txt", ".md", ".model", ".spm", ".jinja")


@dataclass(frozen=True)
class Conversion:
    """What `convert_directory` wrote.

    Attributes:
        files: The names of the new safetensors files.
        tensors: How many tensors they hold.
        bytes: The size of these tensors together.
        repeated: Names of tensors that shared memory with an earlier one, as tied embeddings do;
            each now has its own numbers.
        left: Names in the old directory that were not copied to the new one.
        unchecked: Names of the old files that are in a format without checksums.
    """

    files: tuple[str, ...]
    tensors: int
    bytes: int
    repeated: tuple[str, ...]
    left: tuple[str, ...]
    unchecked: tuple[str, ...] = ()

    def describe(self) -> list[str]:
        """Sentences for the command line."""
        name = self.files[0] if len(self.files) == 1 else f"{len(self.files)} files"
        lines = [f"{self.tensors} tensors, {self.bytes / 1e6:.1f} MB, in {name}"]
        if self.repeated:
            lines.append(
                f"written out once more each, since they shared another's memory: "
                f"{', '.join(self.repeated)}"
            )
        if self.unchecked:
            lines.append(
                "PyTorch's format before 1.6 has no checksums, so nothing tells whether a number "
                f"in it was damaged: {', '.join(self.unchecked)}"
            )
        if self.left:
            lines.append(f"left behind: {', '.join(self.left)}")
        return lines


@dataclass(frozen=True)
class _Written:
    """One file: the size of each tensor by name, and those that repeat another one's memory."""

    bytes: dict[str, int]
    repeated: tuple[str, ...]


def convert_directory(directory: str | Path, output: str | Path | None = None) -> Conversion:
    """Writes the weights of `pytorch_model.bin` (or of its shards) as safetensors.

    Nothing in the pickle is run: see `read_pickled_tensors`. Names, shapes, types and numbers do
    not change, a shard becomes a shard, and the old files stay. Either all new files appear or
    none.

    Args:
        directory: Holds pytorch_model.bin, or pytorch_model.bin.index.json and the files it names.
        output: A new or empty folder for the weights and the directory's other files (configs,
            tokenizer, README); None writes the weights into the directory itself.

    Raises:
        ConfigError: There are safetensors already, the output cannot be written, or torch is not
            installed.
        PresetError: The weights are missing, broken, or more than tensors.

    Example:
        >>> convert_directory("tinybert", "tinybert-safetensors").files
        ('model.safetensors',)
    """
    source = Path(directory)
    names = _pickles(source)
    targets = _targets(names)
    if output is None:
        _check_free(source, [*targets.values(), WEIGHTS, INDEX])
        repeated, sizes = _write_weights(source, targets, source)
        return _conversion(source, targets, repeated, sizes, ())
    if os.path.realpath(output) == os.path.realpath(source):
        raise ConfigError(
            f"--output is {directory} itself; leave it out to write the new weights beside the old"
        )
    check_output(output, _is_ours)
    along, left = _other_files(source, set(names))
    with write_folder(output, is_ours=_is_ours) as folder:
        repeated, sizes = _write_weights(source, targets, folder)
        for name in along:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(source / name, folder / name)
    return _conversion(source, targets, repeated, sizes, left)


def _is_ours(folder: Path) -> bool:
    """No folder with files in it is ever replaced."""
    raise ConfigError(
        f"{folder} holds files, and a conversion replaces none, not even those of an earlier one; "
        "name a folder that is new or empty"
    )


def _pickles(directory: Path) -> list[str]:
    """The names of the pickled files: one, or the shards that the index names."""
    if not directory.is_dir():
        raise PresetError(f"there is no directory {directory}; give a Hugging Face directory")
    if (directory / PICKLE).is_file():
        return [PICKLE]
    if not (directory / PICKLE_INDEX).is_file():
        found = [name for name in (WEIGHTS, INDEX) if (directory / name).is_file()]
        if found:
            raise PresetError(f"{directory} has {found[0]} already, so there is nothing to convert")
        raise PresetError(f"{directory} has no {PICKLE}, so there is nothing to convert")
    shards = shard_names(directory / PICKLE_INDEX)
    missing = [name for name in shards if not (directory / name).is_file()]
    if missing:
        raise PresetError(f"{directory} lacks {missing[0]}, which {PICKLE_INDEX} names")
    return shards


def _targets(names: list[str]) -> dict[str, str]:
    """Old name -> new name: model.safetensors, or model-00001-of-00002.safetensors and so on."""
    if names == [PICKLE]:
        return {PICKLE: WEIGHTS}
    count = len(names)
    return {name: f"model-{i:05}-of-{count:05}.safetensors" for i, name in enumerate(names, 1)}


def _check_free(directory: Path, names: list[str]) -> None:
    for name in names:
        if os.path.lexists(directory / name):
            raise ConfigError(
                f"{directory / name} exists and is not overwritten; move it away, or name a new "
                f"folder: `kerasft convert {shlex.quote(str(directory))} --output FOLDER`"
            )


def _other_files(directory: Path, weights: set[str]) -> tuple[list[str], tuple[str, ...]]:
    """The names that are copied, and those that are not."""
    along, left = [], []
    for path in sorted(directory.iterdir()):
        if path.name in weights or path.name.startswith(".") or path.name == PICKLE_INDEX:
            continue
        if path.name == POOLING_FILE.partition("/")[0] and (directory / POOLING_FILE).is_file():
            along.append(POOLING_FILE)
            continue
        known = path.suffix in _ALONG or path.name.startswith(("LICENSE", "NOTICE"))
        foreign_weights = path.name.endswith(".index.json")
        if path.is_file() and known and not foreign_weights:
            along.append(path.name)
        else:
            left.append(path.name)
    return along, tuple(left)


def _write_weights(
    source: Path, targets: dict[str, str], folder: Path
) -> tuple[list[str], dict[str, dict[str, int]]]:
    """Writes all files, each to a hidden sibling first; they take their names when all are done.

    Returns:
        The tensors that repeat another one's memory, and by file the sizes of its tensors.
    """
    repeated: list[str] = []
    sizes: dict[str, dict[str, int]] = {}
    expected = None if PICKLE in targets else _index_of(source)
    with ExitStack() as stack:
        # The stack ends in reverse: the index, without which shards are not found, comes last.
        index = stack.enter_context(write_file(folder / INDEX)) if expected is not None else None
        for name, target in targets.items():
            written = _write_one(source / name, stack.enter_context(write_file(folder / target)))
            if expected is not None:
                _check_against_index(source / name, written, expected)
            repeated.extend(written.repeated)
            sizes[target] = written.bytes
        if index is not None:
            write_json(index, _new_index(sizes))
    return repeated, sizes


def _write_one(source: Path, target: Path) -> _Written:
    tensors = read_pickled_tensors(source)
    if not tensors:
        raise PresetError(f"{source} holds no tensor")
    if _RESERVED in tensors:
        raise PresetError(
            f"{source} calls a tensor {_RESERVED!r}, a name that safetensors keeps for itself; "
            "give it another"
        )
    sizes = {name: array.nbytes for name, array in tensors.items()}
    repeated, seen = [], set()
    for name, array in tensors.items():
        place = (array.ctypes.data, array.nbytes)
        if array.nbytes and place in seen:
            repeated.append(name)
        seen.add(place)
    try:
        write_tensors(tensors, target)
    except SafetensorError as error:
        if reason_of(error):
            raise  # the disk's: `write_file` says it
        raise PresetError(f"{source} cannot be written as safetensors: {error}") from None
    return _Written(sizes, tuple(repeated))


def _index_of(source: Path) -> dict[str, str]:
    """The pickles' `weight_map`: tensor name -> file. `shard_names` has checked its shape."""
    weight_map: dict[str, str] = read_json(source / PICKLE_INDEX, PresetError)["weight_map"]
    return weight_map


def _check_against_index(path: Path, written: _Written, expected: dict[str, str]) -> None:
    """A shard must hold the tensors that the index says, no less and no more."""
    named = {name for name, file in expected.items() if file == path.name}
    for name in sorted(named ^ set(written.bytes)):
        holds = "lacks" if name in named else "holds"
        raise PresetError(
            f"{path} {holds} the tensor {name!r}, and {PICKLE_INDEX} says otherwise; fetch both "
            "again"
        )


def _new_index(sizes: dict[str, dict[str, int]]) -> dict[str, object]:
    total = sum(size for file in sizes.values() for size in file.values())
    weight_map = {name: target for target, file in sizes.items() for name in file}
    return {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}


def _conversion(
    source: Path,
    targets: dict[str, str],
    repeated: list[str],
    sizes: dict[str, dict[str, int]],
    left: tuple[str, ...],
) -> Conversion:
    return Conversion(
        files=tuple(targets.values()),
        tensors=sum(len(file) for file in sizes.values()),
        bytes=sum(size for file in sizes.values() for size in file.values()),
        repeated=tuple(repeated),
        left=left,
        unchecked=tuple(name for name in targets if not has_checksums(source / name)),
    )
