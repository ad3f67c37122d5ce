"""Classifying texts: what is saved of a classifier, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from kerasft.errors import ConfigError, FolderError
from kerasft.folder.contents import MANIFEST, Reader, short
from kerasft.folder.opened import Opened
from kerasft.folder.reading import check_known
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.classification.results import ClassifierFacts, Prediction
from kerasft.tasks.headed_encoder import EncoderTask
from kerasft.tasks.task import NO_MODEL, TaskPredictor
from kerasft.text.cleaning import Cleaning

if TYPE_CHECKING:
    from kerasft.architectures import Classifier, EncoderArguments
    from kerasft.runtimes.gate import GateRows


class ClassificationTask(EncoderTask[TextClassifier]):
    """One label a text, of labels that exclude each other."""

    name = "classification"
    parts = TextClassifier
    settings = ("num_labels", "pooling", "cleaning", "long_texts")
    each_token = False
    result = Prediction
    facts = ClassifierFacts
    summary = "Predict the labels of texts"
    description = "Predicts one label per text, with the probability of every label."
    example = ("I loved every minute of it.", "Never again.")

    def check(self, parts: TextClassifier) -> None:
        """See `Task.check`."""
        super().check(parts)
        if wrong := _wrong_long_texts(parts.long_texts):
            raise ConfigError(wrong)

    def settings_of(self, parts: TextClassifier) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {
            **super().settings_of(parts),
            "pooling": parts.model.pooling,
            "cleaning": parts.cleaning.to_dict(),
            "long_texts": parts.long_texts,
        }

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        super().check_settings(settings)
        settings.get("pooling", str)
        try:
            Cleaning.from_dict(settings.get("cleaning", dict), FolderError)
        except FolderError as error:
            raise FolderError(f"{settings.file}: {error}") from None
        if wrong := _wrong_long_texts(settings.data["long_texts"]):
            raise FolderError(f"{settings.file}: {wrong}.")

    def read(self, opened: Opened) -> TextClassifier:
        """See `Task.read`."""
        manifest = opened.manifest
        tokenizer, labels = self.read_common(opened)
        return TextClassifier(
            NO_MODEL,
            tokenizer,
            labels,
            manifest.max_length,
            Cleaning.from_dict(manifest.settings["cleaning"]),
            manifest.settings["long_texts"],
        )

    def pooling(self, opened: Opened) -> str:
        """See `EncoderTask.pooling`."""
        from kerasft.architectures import POOLINGS

        pooling = opened.manifest.settings["pooling"]
        check_known(opened.path / MANIFEST, "pooling", pooling, POOLINGS)
        return pooling

    def make(self, opened: Opened, arguments: EncoderArguments) -> Classifier:
        """See `EncoderTask.make`."""
        from kerasft.architectures import Classifier

        manifest = opened.manifest
        return Classifier(
            manifest.architecture,
            arguments,
            manifest.settings["num_labels"],
            manifest.settings["pooling"],
            initialize=False,
        )

    def open(self, opened: Opened, **options: Any) -> TaskPredictor[TextClassifier]:
        """See `Task.open`."""
        from kerasft.tasks.classification.predictor import LabelPredictor

        return LabelPredictor(opened, *self.load_encoder(opened), **options)

    def before_model(self, parts: TextClassifier) -> list[str]:
        """See `Task.before_model`."""
        sentences = super().before_model(parts)
        if parts.long_texts == "head_tail":
            sentences = [
                f"Texts of more than {parts.max_length} tokens are cut in the middle (a quarter is "
                "kept from the beginning, the rest from the end), which is not part of the export."
            ]
        if steps := [f"{name} = {value}" for name, value in parts.cleaning.to_dict().items()]:
            sentences.append(
                f"Texts are cleaned before the tokenizer ({', '.join(steps)}), which is not part "
                "of the export."
            )
        return sentences

    def file_facts(self, parts: TextClassifier) -> dict[str, str]:
        """See `EncoderTask.file_facts`."""
        return {"cleaning": json.dumps(parts.cleaning.to_dict()), "long_texts": parts.long_texts}

    def gate_rows(
        self, folder: Path, parts: TextClassifier, data: str | None, columns: Mapping[str, str]
    ) -> GateRows:
        """See `Task.gate_rows`."""
        from kerasft.tasks.classification.gate import gate_rows

        return gate_rows(folder, parts.labels, data, columns)


def _wrong_long_texts(long_texts: object) -> str:
    """What is wrong with the setting for long texts; empty if nothing."""
    from kerasft.text.tokenizer import LongTexts

    known = get_args(LongTexts)
    if long_texts in known:
        return ""
    return f"long_texts is {short(long_texts)}, but must be one of {', '.join(known)}"
