"""The facts about a tagger; its results are `Entities`."""

from __future__ import annotations

from dataclasses import dataclass

from kerasft.tasks.columns import said


@dataclass(frozen=True)
class TaggerFacts:
    """The facts about a tagger, for its metadata."""

    types: tuple[str, ...] = said("The types of entity that the model finds.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
