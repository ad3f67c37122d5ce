"""What text-to-text models answer, texts or entities, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kerasft.tasks.columns import TEXT, said
from kerasft.tasks.entities.results import Entities, FoundEntity


@dataclass(frozen=True)
class SavedTask:
    """One of the tasks that a text-to-text model was trained on."""

    name: str = said("Its name, for people and for --task.")
    prefix: str = said('What its texts begin with ("summarize: ").')
    metric: str = said('How it is scored: "exact", "rouge", "bleu" or "entities".', default="exact")


@dataclass(frozen=True)
class WrittenText:
    """What the model makes of one text."""

    output: str = said("The best output that the search found.")
    task: str = said("The task that the text's prefix asks for; empty where the model knows none.")
    warning: str = said(
        "A sentence where the text begins with no prefix that the model was trained on; else empty."
    )
    score: float = said("The sum of the log-probabilities of the output's tokens: 0 is certainty.")
    unknown_words: tuple[str, ...] = said(
        "Words of the text that the model cannot read, each once."
    )
    cut: bool = said(
        "Whether the text was longer than max_length and the model saw only its start."
    )
    truncated: bool = said(
        "Whether the output reached the most tokens it may have, and was stopped."
    )

    on_screen: ClassVar[tuple[str, ...]] = ("score", TEXT, "output")


@dataclass(frozen=True)
class WrittenEntities(Entities):
    """What the model wrote of one text, and the entities in it."""

    entities: tuple[FoundEntity, ...] = said(
        "In the order of the text, none overlapping. Their score is the geometric mean of the "
        "probabilities of the output's tokens, one for all entities of an output."
    )
    output: str = said(
        'What the model wrote; of a text that is read in parts, their outputs joined by " | ".'
    )
    unreadable: tuple[str, ...] = said(
        "Pieces of the output that name no entity of the text, each with the reason.", join="; "
    )
    truncated: bool = said("Whether the output was stopped at the most tokens.")


@dataclass(frozen=True)
class TextWriterFacts:
    """What is said of a model that writes texts."""

    tasks: tuple[SavedTask, ...] = said("What the model was trained on.")
    default_task: str = said(
        "The task whose prefix is put before texts without it; empty for none."
    )
    beam_size: int = said("Hypotheses that the search follows; 1 is greedy search.")
    max_target_length: int = said("Most tokens of an output.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")


@dataclass(frozen=True)
class EntityWriterFacts:
    """What is said of a model that writes entities."""

    types: tuple[str, ...] = said("The types of entity that the model finds.")
    prefix: str = said("What is put before each text; do not send it.")
    beam_size: int = said("Hypotheses that the search follows; 1 is greedy search.")
    max_target_length: int = said("Most tokens of an output.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
