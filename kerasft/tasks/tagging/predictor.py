"""Entities in texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from kerasft.folder.opened import Opened
from kerasft.tasks.columns import TEXT_WIDTH, Columns, beginning, cell, printable
from kerasft.tasks.tagging.task import TokenTagger
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.texts import cut_word_note, one_of_each_length
from kerasft.text.entities import Sentence, Span
from kerasft.text.tokenizer import check_text


@dataclass(frozen=True)
class FoundEntity:
    """An entity that was found in a text.

    Attributes:
        start: Its first character, from 0.
        end: The character after its last.
        text: What stands there.
        type: What it is.
        score: How sure the model is, 0 to 1.
    """

    start: int
    end: int
    text: str
    type: str
    score: float


@dataclass(frozen=True)
class Entities:
    """What the model found in one text.

    Attributes:
        entities: In the order of the text; none of them overlap.
        cut: Whether a word was longer than the model reads at once, so that its end was not seen.
    """

    entities: tuple[FoundEntity, ...]
    cut: bool


class EntityFinder(TaskPredictor[TokenTagger]):
    """Finds entities in texts.

    A text is split into words about as the corpora are; one that is too long to be read at once is
    read in parts that overlap, so that no text is cut but in a word which is longer than a part.

    Args:
        opened: The folder.
    """

    def __init__(self, opened: Opened) -> None:
        from kerasft import peft
        from kerasft.tasks.saved import read_parts
        from kerasft.tasks.tagging.engine import TaggingEngine

        self.parts = parts = read_parts(opened)
        if peft.adapted_layers(parts.model):
            peft.remove(parts.model)  # folds the adapters into the weights, for speed
        names = parts.labels.names
        self._engine = TaggingEngine(parts.model, parts.tokenizer, names, parts.max_length)
        self.facts = {
            "types": [tag[2:] for tag in names if tag.startswith("B-")],
            "adapter": opened.manifest.has_adapter,
        }
        self.columns: Columns = EntityColumns()
        self.notes = {"cut": cut_word_note(parts.max_length)}
        self.warm_up_texts = one_of_each_length(parts.max_length)

    def predict(self, texts: Sequence[str]) -> list[Entities]:
        """See `TaskPredictor.predict`."""
        sentences = sentences_of(texts)
        found = self._engine.read([sentence.tokens for sentence in sentences])
        return [
            Entities(tuple(_entity(sentence, each.span, each.score) for each in spans), cut)
            for sentence, (spans, cut) in zip(sentences, found, strict=True)
        ]


def sentences_of(texts: Sequence[str]) -> list[Sentence]:
    """The words of texts.

    Raises:
        DataError: One is not a string, or not Unicode; the sentence says which text it is.
    """
    for row, text in enumerate(texts):
        check_text(text, row)
    return [Sentence.from_text(text) for text in texts]


class EntityColumns:
    """Entities in tables and files; see `kerasft.tasks.columns.Columns`.

    In a file: text, entities, as JSON, cut. On the screen: the beginning of the text, then the
    entities with their types and scores.
    """

    file_heads: Sequence[str] = ("text", "entities", "cut")
    screen_heads: Sequence[str] = (f"{'text':<{TEXT_WIDTH}}", "entities")

    def in_file(self, text: str, prediction: Entities) -> list[str]:
        """The cells of one row of a file."""
        entities = [asdict(entity) for entity in prediction.entities]
        return [text, json.dumps(entities, ensure_ascii=False), cell(prediction.cut)]

    def on_screen(self, text: str, prediction: Entities) -> list[str]:
        """The cells of one row on the screen."""
        entities = (
            f"{printable(each.text)} ({printable(each.type)} {each.score:.2f})"
            for each in prediction.entities
        )
        return [f"{beginning(text):<{TEXT_WIDTH}}", ", ".join(entities) or "none"]


def _entity(sentence: Sentence, span: Span, score: float) -> FoundEntity:
    entity = sentence.entity(span)
    return FoundEntity(entity.start, entity.end, sentence.mention(span), entity.type, score)
