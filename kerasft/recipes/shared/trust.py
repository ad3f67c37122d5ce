"""How far predictions and labels can be trusted: the options, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from kerasft.tasks.labelled.target import Target

if TYPE_CHECKING:
    from kerasft.data.batches import BucketedBatches
    from kerasft.folder import Facts
    from kerasft.tasks.labelled.dataset import Dataset

OfTarget = TypeVar("OfTarget", bound=Target)


@dataclass
class TrustOptions:
    """How far predictions and labels can be trusted.

    Args:
        calibrate: With one label per text: fit a temperature on the validation rows (at least 200),
            so that a probability says how often the label is right. No label changes.
        doubtful_rows: With one label per text: list rows whose label may be wrong in the report.
    """

    group = "labels"

    calibrate: bool = True
    doubtful_rows: bool = True


def settled(
    target: OfTarget, model: Any, validation: BucketedBatches, dataset: Dataset, facts: Facts
) -> OfTarget:
    """Chooses a temperature or thresholds on the validation rows; see `Target.settle`.

    Args:
        model: The trained model.
        validation: The batches of the validation rows, for the whole model.
    """
    if not target.is_open:
        return target
    outputs = validation.unsort(model.predict(validation, verbose=0))  # (rows, outputs)
    target, chosen = target.settle(outputs, dataset.validation["label"])
    facts.state("Chosen on the validation rows", chosen)
    return target
