"""What the tasks of labelled texts share: what is saved of such a model, and how it is read."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_args

from kerasft.data.rows import Rows
from kerasft.data.text_pairs import TEXT_PAIR, texts_of
from kerasft.errors import ConfigError, DataError, FolderError, KerasftError
from kerasft.folder.contents import MANIFEST, REPORT, TOKENIZER, Reader, short
from kerasft.folder.opened import Opened
from kerasft.folder.reading import check_known, problem
from kerasft.tasks.headed_encoder import EncoderTask, segments_of
from kerasft.tasks.labelled.label_kind import LabelKind
from kerasft.tasks.labelled.scoring import Scoring
from kerasft.tasks.labelled.text_model import TextModel
from kerasft.tasks.task import NO_MODEL
from kerasft.text.cleaning import Cleaning
from kerasft.text.pairs import check_long_pairs

if TYPE_CHECKING:
    from kerasft.architectures import Classifier, EncoderArguments
    from kerasft.runtimes.gate import GateRows
    from kerasft.text.tokenizer import Tokenizer

OfText = TypeVar("OfText", bound=TextModel)


class TextTask(EncoderTask[OfText]):
    """A task of an encoder that says something of a text as a whole.

    Attributes:
        problem_type: What transformers calls such a head.
        scoring: How its results are scored.
        kind: What the label of a row is.
    """

    settings: ClassVar[tuple[str, ...]] = (
        *("num_labels", "pooling", "cleaning", "long_texts", "text_pairs"),
    )
    each_token = False
    formats = ("keras", "huggingface", "keras-hub", "onnx")
    problem_type: ClassVar[str]
    scoring: ClassVar[Scoring]
    kind: ClassVar[LabelKind]

    def check(self, parts: OfText) -> None:
        """See `Task.check`."""
        super().check(parts)
        if wrong := _wrong_long_texts(parts.long_texts):
            raise ConfigError(wrong)
        if parts.text_pairs:
            check_long_pairs(parts.long_texts)
            _check_pairs(parts.tokenizer, parts.max_length, parts.model.arguments.num_segments)

    def settings_of(self, parts: OfText) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {
            **super().settings_of(parts),
            "pooling": parts.model.pooling,
            "cleaning": parts.cleaning.to_dict(),
            "long_texts": parts.long_texts,
            "text_pairs": parts.text_pairs,
        }

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        super().check_settings(settings)
        settings.get("pooling", str)
        settings.get("text_pairs", bool)
        try:
            Cleaning.from_dict(settings.get("cleaning", dict), FolderError)
        except FolderError as error:
            raise FolderError(f"{settings.file}: {error}") from None
        if wrong := _wrong_long_texts(settings.data["long_texts"]):
            raise FolderError(f"{settings.file}: {wrong}.")

    def read(self, opened: Opened) -> OfText:
        """See `Task.read`."""
        manifest = opened.manifest
        tokenizer, labels = self.read_common(opened)
        if manifest.settings["text_pairs"]:
            try:
                _check_pairs(tokenizer, manifest.max_length, segments_of(opened))
            except KerasftError as error:
                raise FolderError(f"{opened.path / TOKENIZER}: {problem(error)}.") from None
        return self.parts(
            NO_MODEL,
            tokenizer,
            labels,
            manifest.max_length,
            Cleaning.from_dict(manifest.settings["cleaning"]),
            manifest.settings["long_texts"],
            manifest.settings["text_pairs"],
            **self.own_parts(manifest.settings),
        )

    def own_parts(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What the task's parts hold beside those of `TextModel`, of checked settings."""
        return {}

    @abstractmethod
    def said_of(self, result: Any, names: Sequence[str]) -> Any:
        """A row of what `scoring` takes as said, of a result.

        Args:
            result: Of the class `result`.
            names: The names of the head's outputs.
        """

    @abstractmethod
    def compared(self, result: Any) -> Any:
        """What of a result two models have to say alike."""

    @abstractmethod
    def gate_scores(
        self, parts: OfText, wanted: Sequence[Any], said: Sequence[Any]
    ) -> dict[str, float]:
        """Scores from 0 to 100, by their names.

        Args:
            wanted: The labels of rows.
            said: What `compared` returned of a model's results.
        """

    @abstractmethod
    def check_labels(self, parts: OfText, labels: Sequence[Any]) -> None:
        """Refuses labels of rows that the model cannot say.

        Raises:
            DataError: One is unknown.
        """

    def reads_pairs(self, parts: OfText) -> bool:
        """See `EncoderTask.reads_pairs`."""
        return parts.text_pairs

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

    def before_model(self, parts: OfText) -> list[str]:
        """See `Task.before_model`."""
        sentences = super().before_model(parts)
        if parts.text_pairs:
            sentences = [
                f"Pairs of texts are cut at {parts.max_length} tokens, the longer text first "
                "(transformers' `longest_first`)."
            ]
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

    def twin_config(self) -> dict[str, Any]:
        """See `EncoderTask.twin_config`."""
        return {"problem_type": self.problem_type}

    def file_facts(self, parts: OfText) -> dict[str, str]:
        """See `EncoderTask.file_facts`."""
        return {"cleaning": json.dumps(parts.cleaning.to_dict()), "long_texts": parts.long_texts}

    def gate_rows(
        self, folder: Path, parts: OfText, data: str | None, columns: Mapping[str, str]
    ) -> GateRows:
        """See `Task.gate_rows`.

        The rows that a run keeps are those of its validation; in folders of before they were kept,
        of its test.
        """
        from kerasft.runtimes.gate import GateRows
        from kerasft.tasks.labelled.report import PREDICTIONS, VALIDATION

        def rows(table: Rows, source: str) -> GateRows:
            self.check_labels(parts, table["label"])
            score = partial(self.gate_scores, parts)
            return GateRows(texts_of(table), table["label"], source, self.compared, score)

        if data is not None:
            pair = columns[TEXT_PAIR] if parts.text_pairs else None
            table = self.kind.read(data, columns["text"], columns["label"], text_pair_column=pair)
            named = self.kind.named_as(table, parts.labels.names)
            return rows(named, f"rows of {table.source}")
        for name, source in (
            (VALIDATION, "validation rows of the run"),
            (PREDICTIONS, "test rows of the run, which kept no validation rows"),
        ):
            file = folder / REPORT / name
            if file.exists():
                try:
                    return rows(self.kind.read_kept(file, parts.text_pairs), source)
                except DataError as error:
                    raise FolderError(
                        f"{file} does not hold rows as a run leaves them: {error}"
                    ) from error
        raise ConfigError(
            f"{folder} keeps no rows to compare an 8-bit model on; give some with --gate_data FILE."
        )


def _check_pairs(tokenizer: Tokenizer, max_length: int, num_segments: int) -> None:
    """Refuses a tokenizer with which a model cannot read pairs of texts.

    Args:
        tokenizer: The tokenizer.
        max_length: Most tokens of a pair.
        num_segments: Segments in the model's table; 0 where it has none.

    Raises:
        ConfigError: There is no room for a pair, or its marks do not fit the model.
    """
    encoded = tokenizer.encode([("a", "a")], max_length)
    highest = max(int(segments.max()) for segments in encoded.segment_ids or ())
    if 1 < num_segments <= highest:
        raise ConfigError(
            f"the tokenizer marks the texts of a pair as segments up to {highest}, but the model "
            f"has {num_segments}"
        )


def _wrong_long_texts(long_texts: object) -> str:
    """What is wrong with the setting for long texts; empty if nothing."""
    from kerasft.text.encodings import LongTexts

    known = get_args(LongTexts)
    if long_texts in known:
        return ""
    return f"long_texts is {short(long_texts)}, but must be one of {', '.join(known)}"
