"""The result of models that write entities, and the facts about them."""

from __future__ import annotations

from dataclasses import dataclass

from kerasft.tasks.columns import said
from kerasft.tasks.entities.results import Entities, FoundEntity


@dataclass(frozen=True)
class WrittenEntities(Entities):
    """What the model wrote of one text, and the entities in it."""

    entities: tuple[FoundEntity, ...] = said(
        "In the order of the text, none overlapping. Their score is the geometric mean of the "
        "probabilities of the output's tokens, one for all entities of an output."
    )
    output: str = said(
        'What the model wrote; of a text that is read in windows, their outputs joined by " | ".'
    )
    unreadable: tuple[str, ...] = said(
        "Pieces of the output that name no entity of the text, each with the reason.", join="; "
    )
    truncated: bool = said("Whether the output was stopped at its largest length.")


@dataclass(frozen=True)
class EntityWriterFacts:
    """The facts about a model that writes entities."""

    types: tuple[str, ...] = said("The types of entity that the model finds.")
    prefix: str = said("What is put before each text; do not send it.")
    beam_size: int = said("Beams of the search; 1 is greedy.")
    max_target_length: int = said("Longest output, in tokens.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
