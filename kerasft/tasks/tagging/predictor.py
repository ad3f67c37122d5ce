"""Entities in texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kerasft.folder.opened import Opened
from kerasft.tasks.columns import TEXT_WIDTH, Columns, beginning, cell, printable
from kerasft.tasks.tagging.saved import load_tagger
from kerasft.tasks.texts import checked, cut_word_note, facts, one_of_each_length
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


class EntityFinder:
    """A loaded folder that finds entities in texts.

    A text is split into words about as the corpora are; one that is too long to be read at once is
    read in parts that overlap, so that no text is cut but in a word which is longer than a part.

    Args:
        folder: The folder that `kerasft.tasks` wrote.

    Attributes:
        types: The types of entity that it finds.
        max_length: Tokens that are read at once.
        metadata: What `bundle.json` says: task, architecture, base model, versions, ...
        notes: See `kerasft.tasks.registry.TextPredictor`, as for the next two.
        columns: See there.
        warm_up_texts: See there.

    Raises:
        BundleError: The folder is missing, broken or was changed.

    Example:
        >>> finder = EntityFinder("saved_models/tagger_lora")
        >>> finder.predict(["Ann Lee lives in Rome."])[0].entities[1]
        FoundEntity(start=17, end=21, text='Rome', type='LOC', score=0.97)
    """

    def __init__(self, folder: str | Path | Opened) -> None:
        bundle = load_tagger(folder)
        from kerasft import peft
        from kerasft.tasks.tagging.engine import TaggingEngine

        if peft.adapted_layers(bundle.model):
            peft.remove(bundle.model)  # folds the adapters into the weights, for speed
        manifest, names = bundle.manifest, bundle.tags.names
        self._engine = TaggingEngine(bundle.model, bundle.tokenizer, names, manifest.max_length)
        self.types: tuple[str, ...] = tuple(tag[2:] for tag in names if tag.startswith("B-"))
        self.max_length: int = manifest.max_length
        self.metadata: dict[str, Any] = {
            **facts(folder, manifest),
            "types": list(self.types),
            "adapter": manifest.has_adapter,
        }
        self.columns: Columns = EntityColumns()
        self.notes: Mapping[str, str] = {"cut": cut_word_note(self.max_length)}
        self.warm_up_texts: Sequence[str] = one_of_each_length(self.max_length)

    def predict(self, texts: Sequence[str]) -> list[Entities]:
        """Finds the entities of texts; one `Entities` each, in their order, none for none.

        Raises:
            DataError: A text is blank, is not a string, or is not Unicode; the sentence says which
                (counted from 0).
        """
        sentences = [_sentence(text, row) for row, text in enumerate(checked(texts, "find"))]
        found = self._engine.read([sentence.tokens for sentence in sentences])
        return [
            Entities(tuple(_entity(sentence, each.span, each.score) for each in spans), cut)
            for sentence, (spans, cut) in zip(sentences, found, strict=True)
        ]


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


def _sentence(text: str, row: int) -> Sentence:
    """The words of a text.

    Raises:
        DataError: It is not a string, or not Unicode; the sentence says which text it is.
    """
    check_text(text, row)
    return Sentence.from_text(text)


def _entity(sentence: Sentence, span: Span, score: float) -> FoundEntity:
    entity = sentence.entity(span)
    return FoundEntity(entity.start, entity.end, sentence.mention(span), entity.type, score)
