"""What the labels of a recipe's rows are, and which task that makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kerasft.data.readers import holds_lists
from kerasft.errors import ConfigError
from kerasft.recipes.shared.trust import TrustOptions
from kerasft.tasks.classification.target import ClassTarget
from kerasft.tasks.labelled.label_kind import LabelKind
from kerasft.tasks.labelled.labelled_texts import LabelledTextOptions
from kerasft.tasks.multi_label.rows import SeveralLabels
from kerasft.tasks.multi_label.target import BEST, LabelsTarget
from kerasft.tasks.regression.rows import Numbers
from kerasft.tasks.regression.target import NumberTarget

if TYPE_CHECKING:
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.tasks.labelled.target import Target


@dataclass
class TargetOptions(TrustOptions, LabelledTextOptions):
    """Which labelled texts, and their labels: one, several, or a number.

    Several labels are what `label_columns` or `label_separator` says, or a label column that holds
    lists (in .jsonl and .parquet files).

    Args:
        task: `classification` (one label per text), `multi_label` (several or none) or
            `regression` (a number); null takes one label or several, as the columns show.
        label_columns: Columns of 0 and 1, one per label, instead of `label_column`.
        label_separator: What separates the labels of a text in `label_column`, for example ";".
        thresholds: With several labels: the probability from which on a label is predicted. `f1`
            chooses the one with the best F1 on the validation rows for each label (0.5 with fewer
            than 50 rows), a number is used for all labels; null is `f1`.
        loss: With numbers: `mse` (mean squared error) or `huber` (less sensitive to outliers); null
            is `mse`.
    """

    group = "labels"

    task: Literal["classification", "multi_label", "regression"] | None = None
    label_columns: tuple[str, ...] | None = None
    label_separator: str | None = None
    thresholds: str | float | None = None
    loss: Literal["mse", "huber"] | None = None

    def kind(self) -> LabelKind:
        """What a row says of its text.

        Raises:
            ConfigError: The options contradict each other.
        """
        columns, separator = self.label_columns, self.label_separator
        if columns is not None and separator is not None:
            raise ConfigError(
                "--label_columns gives each label a column and --label_separator parts those in "
                "one; leave one of them out."
            )
        for name, value in (("label_columns", columns), ("label_separator", separator)):
            if value is not None and self.task not in (None, "multi_label"):
                raise ConfigError(f"--{name} is for several labels; leave out --task {self.task}.")
            if value is not None and not value:
                raise ConfigError(f"--{name} is empty; name something or leave it out.")
        if columns is not None and len(set(columns)) < len(columns):
            raise ConfigError("--label_columns names a column twice.")
        several = columns is not None or separator is not None or self.task == "multi_label"
        if self.task is None and not several:
            several = holds_lists(self.data, self.label_column)
        kind: LabelKind = SeveralLabels(separator, columns or ()) if several else LabelKind()
        if self.task == "regression":
            kind = Numbers()
        if self.thresholds is not None and not isinstance(kind, SeveralLabels):
            raise ConfigError("--thresholds is for several labels; leave it out.")
        if self.loss is not None and not isinstance(kind, Numbers):
            raise ConfigError("--loss is for numbers (--task regression); leave it out.")
        return kind

    def target(self, dataset: Dataset, class_weight: Literal["none", "balanced"]) -> Target:
        """What a model learns of these rows.

        Raises:
            ConfigError: An option does not apply to it.
        """
        if isinstance(dataset.kind, SeveralLabels):
            thresholds = BEST if self.thresholds is None else self.thresholds
            return LabelsTarget.learn(dataset, class_weight, thresholds)
        if isinstance(dataset.kind, Numbers):
            if class_weight != "none":
                raise ConfigError("--class_weight does not apply to numbers; leave it out.")
            return NumberTarget.learn(dataset, self.label_column, self.loss or "mse")
        return ClassTarget.learn(dataset, class_weight, self.calibrate)
