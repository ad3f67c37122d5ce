"""What is said of a tagger; what it answers are `Entities`."""

from __future__ import annotations

from dataclasses import dataclass

from kerasft.tasks.columns import said


@dataclass(frozen=True)
class TaggerFacts:
    """What is said of a tagger."""

    types: tuple[str, ...] = said("The types of entity that the model finds.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
