"""Saving a trained classifier as one folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft import storage
from kerasft.bundle import manifest as names
from kerasft.bundle.card import section
from kerasft.bundle.manifest import Manifest, is_ours, seal
from kerasft.bundle.weights import full_modules
from kerasft.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from kerasft.models import Classifier
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import Tokenizer
    from kerasft.weight_maps import Entry


def save(
    destination: str | Path,
    *,
    model: Classifier,
    tokenizer: Tokenizer,
    label_map: LabelMap,
    max_length: int,
    config_yaml: str,
    card: str,
    preprocessing: Mapping[str, Any] | None = None,
    report: Callable[[Path], object] | None = None,
    base_model: str = "",
) -> Path:
    """Writes the saved folder; see `kerasft.bundle.manifest` for what is in it.

    With LoRA, the adapter and the layers that trained fully go into `adapter/`, all other weights
    into `model.safetensors`; each weight is in exactly one file. Otherwise all are in
    `model.safetensors`.

    Args:
        destination: The folder; it may exist if it is empty or a saved folder, which is replaced.
        model: The trained classifier, with its adapters on it (unmerged) if it has any.
        tokenizer: Its tokenizer.
        label_map: The names of its labels.
        max_length: Tokens that texts were cut at in training, and are cut at again.
        config_yaml: The resolved config of the run.
        card: The text of README.md, to which versions and the way to predict are added;
            `Facts.card` makes one.
        preprocessing: What `Cleaning.to_dict` gave in training; applied again in predictions.
        report: Called with the folder `report/` to write plots and metrics into it.
        base_model: Where the pretrained weights came from.

    Returns:
        The destination.

    Raises:
        ConfigError: The folder cannot be written, or the parts do not fit each other.

    Example:
        >>> def report(folder):
        ...     storage.write_json(folder / "metrics.json", metrics)
        ...     plots.loss(history, folder / "loss.png")
        >>> save(
        ...     "saved_models/run", model=model, tokenizer=pretrained.tokenizer,
        ...     label_map=label_map, max_length=64, config_yaml=to_yaml(config),
        ...     card=facts.card("run"), report=report, base_model=pretrained.source,
        ... )
    """
    import safetensors.numpy

    from kerasft import peft
    from kerasft.text.cleaning import Cleaning

    manifest = Manifest(
        architecture=model.architecture,
        arguments=model.arguments.to_dict(),
        num_labels=model.num_labels,
        pooling=model.pooling,
        max_length=max_length,
        preprocessing=Cleaning.from_dict(preprocessing or {}).to_dict(),
        base_model=base_model,
        versions=versions(),
    )
    _check_fit(model, tokenizer, label_map, max_length)
    with storage.write_folder(destination, is_ours=is_ours) as folder:
        in_adapter: set[str] = set()
        if peft.adapted_layers(model):
            adapter = (folder / names.ADAPTER_CONFIG).parent
            adapter.mkdir()
            peft.save_adapter(model, adapter, base_model)
            in_adapter = full_modules(folder / names.ADAPTER_WEIGHTS)
        tensors = base_tensors(model, lambda entry: entry.module not in in_adapter)
        # "pt" is what transformers wants to read there; it says how the tensors are laid out.
        safetensors.numpy.save_file(tensors, folder / names.WEIGHTS, metadata={"format": "pt"})
        tokenizer.save(folder / names.TOKENIZER)
        label_map.save(folder / names.LABEL_MAP)
        (folder / names.CONFIG).write_text(config_yaml, encoding="utf-8")
        (folder / names.CARD).write_text(_complete(card, manifest), encoding="utf-8")
        if report is not None:
            (folder / names.REPORT).mkdir()
            report(folder / names.REPORT)
        seal(folder, manifest)
    return Path(destination)


def versions() -> dict[str, str]:
    """Package -> version of what made the weights, for people who look into it later."""
    import platform
    from importlib.metadata import version

    from kerasft import __version__, backends

    choice = backends.check()
    return {
        "kerasft": __version__,
        "keras": version("keras"),
        "keras-hub": version("keras-hub"),
        choice.name: backends.current().version(),
        "tokenizers": version("tokenizers"),
        "python": platform.python_version(),
    }


def base_tensors(
    model: Classifier, only: Callable[[Entry], bool] | None = None
) -> dict[str, np.ndarray]:
    """`weight_maps.to_tensors`, or an error for weights that are not numbers any more."""
    import numpy as np

    from kerasft.weight_maps import to_tensors

    tensors = to_tensors(model, only)
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ConfigError(
                f"the weights {name} hold NaN or infinity, so the model is not saved; "
                "train it with a smaller learning rate"
            )
    return tensors


def _complete(card: str, manifest: Manifest) -> str:
    use = '## Use\n\n    python -m kerasft.predict FOLDER "A text."'
    return "\n\n".join([card.rstrip(), use, section("Versions", manifest.versions)]) + "\n"


def _check_fit(
    model: Classifier, tokenizer: Tokenizer, label_map: LabelMap, max_length: int
) -> None:
    arguments = model.arguments
    if len(label_map) != model.num_labels:
        raise ConfigError(
            f"the label map has {len(label_map)} labels, but the model has {model.num_labels}"
        )
    if not 1 <= max_length <= arguments.max_sequence_length:
        raise ConfigError(
            f"max_length is {max_length}, but the model takes 1 to {arguments.max_sequence_length}"
        )
    if tokenizer.vocabulary_size > arguments.vocabulary_size:
        raise ConfigError(
            f"the tokenizer has {tokenizer.vocabulary_size} tokens, but the model only "
            f"{arguments.vocabulary_size}"
        )
