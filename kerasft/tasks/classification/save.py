"""Saving a trained classifier as one folder, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.folder.contents import ClassificationManifest
from kerasft.folder.preprocessing import join_preprocessing
from kerasft.folder.writing import Report, new_folder, versions
from kerasft.tasks.headed_encoder import Parts, check_parts, write_parts

if TYPE_CHECKING:
    from kerasft.architectures import Classifier
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import LongTexts, Tokenizer


def save(
    destination: str | Path,
    *,
    model: Classifier,
    tokenizer: Tokenizer,
    label_map: LabelMap,
    max_length: int,
    config_yaml: str,
    card: str,
    cleaning: Cleaning | None = None,
    long_texts: LongTexts = "cut",
    report: Report | None = None,
    base_model: str = "",
) -> Path:
    """Writes the saved folder; see `kerasft.folder.contents` for what is in it.

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
        cleaning: What was done to each text in training, and is done again in predictions.
        long_texts: What was kept of texts longer than `max_length`, and is kept again; see
            `Tokenizer.encode`.
        report: Called with the folder `report/` to write plots and metrics into it; a failure is
            a sentence of the card. `adding_report` adds one to a folder that is saved already.
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
    manifest = ClassificationManifest(
        architecture=model.architecture,
        arguments=model.arguments.to_dict(),
        num_labels=model.num_labels,
        pooling=model.pooling,
        max_length=max_length,
        preprocessing=join_preprocessing(cleaning, long_texts),
        base_model=base_model,
        versions=versions(),
    )
    parts = Parts(model, tokenizer, label_map)
    check_parts(parts, max_length)
    with new_folder(
        destination, manifest, config_yaml=config_yaml, card=card, report=report
    ) as folder:
        write_parts(parts, folder, base_model)
    return Path(destination)
