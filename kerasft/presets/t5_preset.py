"""A pretrained T5, from a directory, the Hub, or a saved folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kerasft import peft
from kerasft.architectures import LoadReport, T5Architecture
from kerasft.architectures.t5 import T5
from kerasft.errors import FolderError, PresetError
from kerasft.folder import has_manifest
from kerasft.folder.opened import open_saved, sha256_of
from kerasft.presets.directory import CONFIG, read_config, sha256_files, weight_files
from kerasft.presets.hub import fetch_config, fetch_rest
from kerasft.presets.load import HUB_ID, is_path
from kerasft.presets.saved_folder import check_folds
from kerasft.presets.tensor_files import TensorFiles
from kerasft.tasks import load
from kerasft.text.tokenizer import Tokenizer

DEFAULT_T5 = "google-t5/t5-small"
_INSTEAD = (
    "use `--preset` with a local directory that holds a T5's config.json, model.safetensors and "
    "tokenizer.json or spiece.model, or with a folder saved by t5_text_to_text"
)


@dataclass(frozen=True)
class PretrainedT5:
    """A T5 with its weights and its tokenizer.

    Attributes:
        source: The model's name: a Hub id or a path.
        sha256: Of the weights.
        report: What was loaded, and what was not read.
        license: As the source states it.
        revision: The Hub's commit, for a model of the Hub.
    """

    model: T5
    tokenizer: Tokenizer
    source: str
    sha256: str
    report: LoadReport
    license: str | None = None
    revision: str | None = None


def load_t5(preset: str = DEFAULT_T5) -> PretrainedT5:
    """Finds a pretrained T5, builds it and reads its weights and tokenizer.

    Args:
        preset: A Hugging Face directory, a folder that `kerasft.save` wrote, or a Hub
            id such as "google/flan-t5-small" (HF_TOKEN opens private ones).

    Raises:
        PresetError: It cannot be found, reached or read, or is no T5.

    Example:
        >>> pretrained = load_t5("google-t5/t5-small")
        >>> TextGenerator(pretrained.model, pretrained.tokenizer).texts(["summarize: ..."])
    """
    path = Path(preset).expanduser()
    if preset and has_manifest(path):
        return load_saved_t5(path, source=preset)
    if preset and path.is_dir():
        return load_t5_directory(path, source=preset)
    if preset == "minilm":
        raise PresetError(
            f"the preset minilm is no T5 but an encoder, which writes no texts; {_INSTEAD}"
        )
    if path.is_file():
        raise PresetError(
            f"the preset {preset!r} is a file; give the directory that holds {CONFIG}"
        )
    if is_path(preset) or not HUB_ID.fullmatch(preset):
        raise PresetError(f"the preset {preset!r} is no directory here; {_INSTEAD}")
    folder, license = fetch_config(preset, _INSTEAD)
    fetch_rest(preset, folder, _INSTEAD)
    return load_t5_directory(folder, source=preset, license=license, revision=folder.name)


def load_t5_directory(
    directory: Path,
    *,
    source: str | None = None,
    license: str | None = None,
    revision: str | None = None,
) -> PretrainedT5:
    """Reads a Hugging Face directory of a T5.

    Args:
        directory: Holds config.json, model.safetensors (or its shards with their index), and
            tokenizer.json or spiece.model.
        source: The model's name; by default the directory.
        license: As the source states it.
        revision: The Hub's commit.

    Raises:
        PresetError: A file is missing or broken, or the model is no T5.
    """
    where = source or str(directory)
    config = read_config(directory)
    T5Architecture().arguments_from_config(
        config, f"{CONFIG} of {where}"
    )  # whether it is a T5 at all
    if config.get("quantization_config"):
        raise PresetError(f"{where} is quantized, which is not supported; use the full model")
    tokenizer = Tokenizer.from_directory(directory)
    paths = weight_files(directory)
    tensors = TensorFiles(paths)
    model, report = T5Architecture().load(config, tensors, tensors.shapes, where)
    report.note = tensors.note
    rows, pieces = model.arguments.vocab_size, tokenizer.vocab_size
    if pieces > rows:
        raise PresetError(
            f"the tokenizer of {where} has {pieces} tokens, but its embedding table only {rows} "
            "rows; they do not belong together"
        )
    return PretrainedT5(
        model=model,
        tokenizer=tokenizer,
        source=where,
        sha256=sha256_files(paths),
        report=report,
        license=license,
        revision=revision,
    )


def load_saved_t5(folder: Path, *, source: str | None = None) -> PretrainedT5:
    """Reads a saved folder, with its adapter merged into the weights.

    Args:
        folder: Holds manifest.json.
        source: The model's name; by default the folder.

    Raises:
        PresetError: The folder is broken, was changed by hand, or is of another task.
    """
    where = source or str(folder)
    try:
        opened = open_saved(folder)
        saved = load(opened)
    except FolderError as error:
        raise PresetError(f"the preset {where} cannot be loaded: {error}") from error
    if not isinstance(saved.model, T5):
        raise PresetError(f"{where} was saved by kerasft, but holds no T5; {_INSTEAD}")
    check_folds(saved.model, folder)
    if peft.fold(saved.model):
        peft.unfreeze(saved.model)
    loaded = [each.name for entry in saved.model.entries() for each in entry.parameters]
    return PretrainedT5(
        model=saved.model,
        tokenizer=saved.tokenizer,
        source=where,
        sha256=sha256_of(opened.manifest),  # it holds the hash of every other file
        report=LoadReport(loaded=loaded),
    )
