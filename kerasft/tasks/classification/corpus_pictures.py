"""What a run's report shows of its data: classes before and after the steps, lengths of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kerasft.data.dataset import Dataset
from kerasft.evaluation.data_plots import plot_classes, plot_text_lengths

if TYPE_CHECKING:
    from kerasft.tasks.classification.report import Picture
    from kerasft.text.tokenizer import Encodings


def corpus_pictures(dataset: Dataset, encodings: Mapping[str, Encodings]) -> list[Picture]:
    """The pictures `classes.png` and `text_lengths.png`, for `classifier_report`.

    Args:
        dataset: What `load_corpus` returned.
        encodings: Part -> token ids of its texts, as in `LabelledBatches.encodings`.

    Returns:
        Name of each picture, and what draws it into a path.

    Example:
        >>> report = classifier_report(..., pictures=corpus_pictures(dataset, batches.encodings))
    """
    after = Counter(label for part in dataset.parts.values() for label in part.labels)
    lengths = np.concatenate([part.full_lengths for part in encodings.values()])
    max_length = max(part.max_length for part in encodings.values())
    return [
        ("classes.png", lambda path: plot_classes(dataset.before, after, path)),
        ("text_lengths.png", lambda path: plot_text_lengths(lengths, max_length, path)),
    ]
