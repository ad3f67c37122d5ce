"""A pretrained model that writes a text for a text: of a directory, the Hub or a saved folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kerasft import peft
from kerasft.architectures import SEQ2SEQ_TYPES, LoadReport, Seq2SeqModel, read_tokenizer
from kerasft.errors import FolderError, PresetError
from kerasft.folder import has_manifest
from kerasft.folder.opened import open_saved, sha256_of
from kerasft.presets.directory import CONFIG, read_config_json, sha256_files, weight_files
from kerasft.presets.hub import fetch_config, fetch_rest
from kerasft.presets.load import HUB_ID, is_path
from kerasft.presets.pypi import PYPI_MODELS
from kerasft.presets.saved_folder import check_folds
from kerasft.presets.tensor_files import TensorFiles
from kerasft.tasks import load
from kerasft.text.tokenizer import Tokenizer

DEFAULT_SEQ2SEQ = "google-t5/t5-small"
_INSTEAD = (
    "use `--preset` with a local directory that holds config.json, model.safetensors and "
    f"tokenizer.json or spiece.model of a model of the type {', '.join(SEQ2SEQ_TYPES)}, with a Hub "
    f"id such as {DEFAULT_SEQ2SEQ}, or with a folder saved by t5_text_to_text"
)


@dataclass(frozen=True)
class PretrainedSeq2Seq:
    """An encoder and a decoder with their weights, and the tokenizer of both sides.

    Attributes:
        source: The model's name: a Hub id or a path.
        sha256: Of the weights.
        report: What was loaded, and what was not read.
        license: As the source states it.
        revision: The Hub's commit, for a model of the Hub.
    """

    model: Seq2SeqModel
    tokenizer: Tokenizer
    source: str
    sha256: str
    report: LoadReport
    license: str | None = None
    revision: str | None = None


def load_seq2seq(preset: str = DEFAULT_SEQ2SEQ) -> PretrainedSeq2Seq:
    """Finds a pretrained model, builds it and reads its weights and tokenizer.

    Args:
        preset: A Hugging Face directory, a folder that `kerasft.save` wrote, or a Hub
            id such as "google/flan-t5-small" (HF_TOKEN opens private ones).

    Raises:
        PresetError: It cannot be found, reached or read, or writes no texts.

    Example:
        >>> pretrained = load_seq2seq("google-t5/t5-small")
        >>> TextGenerator(pretrained.model, pretrained.tokenizer).texts(["summarize: ..."])
    """
    path = Path(preset).expanduser()
    if preset and has_manifest(path):
        return load_saved_seq2seq(path, source=preset)
    if preset and path.is_dir():
        return load_seq2seq_directory(path, source=preset)
    if preset in PYPI_MODELS:
        raise PresetError(f"the preset {preset} is an encoder, which writes no texts; {_INSTEAD}")
    if path.is_file():
        raise PresetError(
            f"the preset {preset!r} is a file; give the directory that holds {CONFIG}"
        )
    if is_path(preset) or not HUB_ID.fullmatch(preset):
        raise PresetError(f"there is no directory {preset!r}; {_INSTEAD}")
    folder, license = fetch_config(preset, _INSTEAD)
    fetch_rest(preset, folder, _INSTEAD)
    return load_seq2seq_directory(folder, source=preset, license=license, revision=folder.name)


def load_seq2seq_directory(
    directory: Path,
    *,
    source: str | None = None,
    license: str | None = None,
    revision: str | None = None,
) -> PretrainedSeq2Seq:
    """Reads a Hugging Face directory.

    Args:
        directory: Holds config.json, model.safetensors (or its shards with their index), and
            tokenizer.json or spiece.model.
        source: The model's name; by default the directory.
        license: As the source states it.
        revision: The Hub's commit.

    Raises:
        PresetError: A file is missing or broken, or the model is of no type in `SEQ2SEQ_TYPES`.
    """
    where = source or str(directory)
    config = read_config_json(directory)
    family = SEQ2SEQ_TYPES.get(str(config.get("model_type")))
    if family is None:
        raise PresetError(
            f"{CONFIG} of {where} has the model_type {config.get('model_type')!r}, which is not "
            f"supported where texts are written; {_INSTEAD}"
        )
    family.arguments_from_config(config, f"{CONFIG} of {where}")  # before the large files are read
    if config.get("quantization_config"):
        raise PresetError(f"{where} is quantized, which is not supported; use the full model")
    tokenizer = read_tokenizer(directory)
    paths = weight_files(directory)
    tensors = TensorFiles(paths)
    model, report = family.load(config, tensors, tensors.shapes, where)
    report.note = tensors.note
    rows, pieces = model.arguments.vocab_size, tokenizer.vocab_size
    if pieces > rows:
        raise PresetError(
            f"the tokenizer of {where} has {pieces} tokens, but its embedding table only {rows} "
            "rows; they do not belong together"
        )
    return PretrainedSeq2Seq(
        model=model,
        tokenizer=tokenizer,
        source=where,
        sha256=sha256_files(paths),
        report=report,
        license=license,
        revision=revision,
    )


def load_saved_seq2seq(folder: Path, *, source: str | None = None) -> PretrainedSeq2Seq:
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
    if not isinstance(saved.model, Seq2SeqModel):
        raise PresetError(
            f"{where} was saved by kerasft, but holds no pretrained model that writes texts; "
            f"{_INSTEAD}"
        )
    check_folds(saved.model, folder)
    if peft.remove_mergeable(saved.model):
        peft.unfreeze(saved.model)
    loaded = [each.name for entry in saved.model.entries() for each in entry.parameters]
    return PretrainedSeq2Seq(
        model=saved.model,
        tokenizer=saved.tokenizer,
        source=where,
        sha256=sha256_of(opened.manifest),  # it holds the hash of every other file
        report=LoadReport(loaded=loaded),
    )
