"""Fine-tune a small BERT on messy complaints, with LoRA.

    python -m kerasft.recipes.tinybert_lora --preset minilm
    python -m kerasft.recipes.tinybert_lora --data complaints.csv

It is `distilbert_lora` with a smaller model and a corpus that is cleaned and merged first. The rows
and their split are those of `small_bert` with the same options, so that `compare` can set the two
side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kerasft.config import main
from kerasft.recipes import distilbert_lora
from kerasft.tasks.labelled.labelled_texts import CorpusOptions


@dataclass
class Config(CorpusOptions, distilbert_lora.Config):
    """Fine-tune a small BERT on messy complaints, with LoRA."""

    preset: str = "prajjwal1/bert-tiny"
    architecture: Literal["bert", "distilbert"] | None = "bert"  # bert-tiny's config names none
    class_weight: Literal["none", "balanced"] = "balanced"  # small classes count, in training too
    output: str = "saved_models/tinybert_lora"


def run(config: Config) -> Path:
    """Trains, evaluates and saves one classifier: see `distilbert_lora.run`."""
    return distilbert_lora.run(config)


if __name__ == "__main__":
    main(run, Config)
