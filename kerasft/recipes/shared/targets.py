"""What the rows of a recipe say of their texts, and which task that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kerasft.tasks.classification.target import ClassTarget
from kerasft.tasks.labelled.labelled_texts import LabelledTextOptions

if TYPE_CHECKING:
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.tasks.labelled.target import Target


@dataclass
class TargetOptions(LabelledTextOptions):
    """Which labelled texts, and what is said of them."""

    def target(self, dataset: Dataset, class_weight: Literal["none", "balanced"]) -> Target:
        """What a model learns of these rows."""
        return ClassTarget.learn(dataset, class_weight)
