"""The result of text-to-text models, and the facts about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kerasft.tasks.columns import TEXT, said
from kerasft.tasks.seq2seq import SavedTask


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
    truncated: bool = said("Whether the output was stopped at its largest length.")

    on_screen: ClassVar[tuple[str, ...]] = ("score", TEXT, "output")


@dataclass(frozen=True)
class TextWriterFacts:
    """The facts about a model that writes texts."""

    tasks: tuple[SavedTask, ...] = said("What the model was trained on.")
    default_task: str = said(
        "The task whose prefix is put before texts without it; empty for none."
    )
    beam_size: int = said("Beams of the search; 1 is greedy.")
    max_target_length: int = said("Longest output, in tokens.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
