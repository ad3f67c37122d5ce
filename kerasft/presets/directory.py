"""A Hugging Face directory: config.json, safetensors, and the tokenizer's files."""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasft.architectures import (
    EncoderArguments,
    config_labels,
    config_to_arguments,
    find_encoder,
    read_tokenizer,
)
from kerasft.errors import PresetError
from kerasft.presets.pretrained import Pretrained
from kerasft.presets.sentence_pooling import read_pooling
from kerasft.presets.tensor_files import TensorFiles
from kerasft.storage import read_json, sha256_file

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
_OTHER_WEIGHTS = ("tf_model.h5", "flax_model.msgpack")


def load_directory(
    directory: Path,
    *,
    architecture: str | None = None,
    source: str | None = None,
    license: str | None = None,
    revision: str | None = None,
) -> Pretrained:
    """Reads a Hugging Face directory.

    Args:
        directory: Holds config.json, model.safetensors (or its shards with their index), and
            tokenizer.json or its older files; perhaps sentence-transformers' 1_Pooling/config.json.
        architecture: The model_type, where config.json has none.
        source: The model's name; by default the directory.
        license: As stated by the source.
        revision: The Hub's commit.

    Raises:
        PresetError: A file is missing or broken, or the model is not supported.
    """
    config = read_config_json(directory)
    where = source or str(directory)
    family, arguments = config_to_arguments(
        config, architecture=architecture, source=f"{CONFIG} of {where}"
    )
    if config.get("quantization_config"):
        raise PresetError(f"{where} is quantized, which is not supported; use the full model")
    paths = weight_files(directory)
    tensors = TensorFiles(paths)
    has_head = _has_head(family, arguments, config, tensors)
    pooling, reason = read_pooling(directory, arguments.hidden_size)
    head_pooling = find_encoder(family).head_pooling(arguments) if has_head else None
    if head_pooling:
        pooling, reason = head_pooling, "as its trained head does"
    return Pretrained(
        architecture=family,
        arguments=arguments,
        tensors=tensors,
        tokenizer=read_tokenizer(directory, architecture),
        labels=config_labels(config) if has_head else None,
        source=where,
        sha256=sha256_files(paths),
        license=license,
        revision=revision,
        head_pooling=head_pooling,
        pooling=pooling,
        pooling_reason=reason,
        tags=config_labels(config) if _has_token_head(config, tensors) else None,
        problem_type=_problem_type(config) if has_head else None,
    )


def read_config_json(directory: Path) -> dict[str, Any]:
    """Reads the config.json of a directory.

    Raises:
        PresetError: It is missing or broken.
    """
    path = directory / CONFIG
    if not path.is_file():
        _refuse_adapter(directory)
        raise PresetError(f"{directory} has no {CONFIG}; a preset is a model's whole directory")
    config = read_json(path, PresetError)
    if not isinstance(config, dict):
        raise PresetError(f"{path} must hold a JSON object")
    return config


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files of a directory: one, or the shards that the index names.

    Raises:
        PresetError: There are none, or a shard is missing.
    """
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    if not (directory / INDEX).is_file():
        raise PresetError(_no_weights(directory))
    shards = shard_names(directory / INDEX)
    missing = [name for name in shards if not (directory / name).is_file()]
    if missing:
        raise PresetError(f"{directory} lacks {missing[0]}, which {INDEX} names")
    return [directory / name for name in shards]


def _refuse_adapter(directory: Path) -> None:
    """Raises a PresetError for the folder of a PEFT adapter, which is not a model."""
    path = directory / "adapter_config.json"
    if not path.is_file():
        return
    config = read_json(path, PresetError)
    base = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    base = base if isinstance(base, str) and 0 < len(base) < 200 else "MODEL"
    raise PresetError(
        f"{directory} is a PEFT adapter and not a model; give both: `--preset {shlex.quote(base)} "
        f"--adapter {shlex.quote(str(directory))}`, with the model that it was trained on"
    )


def _no_weights(directory: Path) -> str:
    """What a directory without safetensors has instead, and what to do."""
    _refuse_adapter(directory)
    for name in (PICKLE, PICKLE_INDEX, *_OTHER_WEIGHTS):
        if (directory / name).is_file():
            mend = f"save the model again as {WEIGHTS}"
            if name not in _OTHER_WEIGHTS:
                mend = f"convert them: `kerasft convert {shlex.quote(str(directory))}`"
            return (
                f"{directory} has its weights only as {name}, which is not read (only safetensors "
                f"are); {mend}"
            )
    return f"{directory} has no {WEIGHTS}"


def shard_names(index: Path) -> list[str]:
    """The files that a `model.safetensors.index.json` (or the pickles' index) names, sorted.

    Raises:
        PresetError: The index is broken or names a file outside its folder.
    """
    content = read_json(index, PresetError)
    names = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(names, dict) or not names:
        raise PresetError(f"{index} has no weight_map")
    for name in names.values():
        if not isinstance(name, str) or Path(name).name != name or "\\" in name:
            raise PresetError(f"{index} names the file {name!r}, which is not in its folder")
    return sorted(set(names.values()))


def _has_head(
    architecture: str, arguments: EncoderArguments, config: Mapping[str, Any], tensors: TensorFiles
) -> bool:
    """Whether there is a trained sequence-classification head.

    Token classifiers call their last layer "classifier" too, so `architectures` decides; where that
    is missing, the whole of the head must be there.
    """
    names = config.get("architectures")
    if isinstance(names, list) and names:
        return str(names[0]).endswith("ForSequenceClassification")
    family = find_encoder(architecture)
    head = [e for e in family.entries(arguments, 2, family.head_pooling(arguments)) if e.head]
    return all(f"{entry.module}.weight" in tensors for entry in head)


def sha256_files(paths: Sequence[Path]) -> str:
    """Of one file: its SHA-256. Of shards: the SHA-256 of theirs, one per line."""
    digests = [sha256_file(path) for path in paths]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _problem_type(config: Mapping[str, Any]) -> str | None:
    found = config.get("problem_type")
    return found if isinstance(found, str) else None


def _has_token_head(config: Mapping[str, Any], tensors: TensorFiles) -> bool:
    """Whether there is a trained token-classification head, of as many tags as it names."""
    names = config.get("architectures")
    if not (isinstance(names, list) and names and "classifier.weight" in tensors):
        return False
    labels = config_labels(config) or []
    fits = tensors.shapes["classifier.weight"][0] == len(labels)
    return fits and str(names[0]).endswith("ForTokenClassification")
