"""Rows that look mislabelled, and rows of nearly the same text with different labels."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasft.data.csv_writing import CsvWriter
from kerasft.data.splits import normalize
from kerasft.data.text_pairs import on_one_line, sides_of, text_fields, texts_of, unordered_texts
from kerasft.errors import DataError
from kerasft.evaluation.confident_learning import label_issues
from kerasft.tasks.labelled.duplicates import conflicting_rows
from kerasft.tasks.labelled.tfidf_baseline import TfidfBaseline

if TYPE_CHECKING:
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.text.labels import LabelMap
    from kerasft.text.pairs import Text

FOLDS = 5
# What is looked at at most: rows, and characters of text times classes; some seconds of work.
MOST_ROWS, MOST_SIZE = 10_000, 25_000_000
# Of standardized features: the inverse strength of the L2 penalty.
STRENGTH = 0.01
NEARLY = 0.8  # Jaccard index from which two texts are nearly the same
LEAST_KAPPA = 0.4  # "moderate" agreement beyond chance (Landis and Koch 1977)
TFIDF = "TF-IDF"
HEADS = ("label", "suggested", "probability", "part", "why")


@dataclass(frozen=True)
class DoubtfulRow:
    """One row that is worth a look.

    Attributes:
        suggested: The label that it may have instead.
        probability: Of that label, out of sample.
        part: Where it is: "train", "validation" or "test".
        why: A few words.
    """

    text: Text
    label: str
    suggested: str
    probability: float
    part: str
    why: str

    def __str__(self) -> str:
        return (
            f"{self.label!r}, perhaps {self.suggested!r} ({self.probability:.2f}; {self.part}; "
            f"{self.why}): {textwrap.shorten(on_one_line(self.text), 100)}"
        )


@dataclass(frozen=True)
class DoubtfulRows:
    """What was found in a dataset.

    Attributes:
        mislabelled: Rows that look mislabelled, the worst first.
        conflicts: Rows with a near-duplicate of another label.
        looked_at: What was looked at, and how: a sentence.
        fields: The fields of a row's text, or of its pair of texts.
    """

    mislabelled: list[DoubtfulRow]
    conflicts: list[DoubtfulRow]
    looked_at: str
    fields: Sequence[str] = ("text",)

    def describe(self, most: int = 5) -> list[str]:
        """Sentences for a run's output and the model card: counts, then the first rows of each."""
        return [
            self.looked_at,
            f"{len(self.mislabelled)} look mislabelled",
            *map(str, self.mislabelled[:most]),
            f"{len(self.conflicts)} have nearly the text of a row with another label",
            *map(str, self.conflicts[:most]),
        ]

    def write(self, path: Path) -> None:
        """Writes all rows as a CSV file."""
        with (
            open(path, "w+", encoding="utf-8", errors="backslashreplace", newline="") as file,
            CsvWriter(file, [*self.fields, *HEADS]) as writer,
        ):
            for each in [*self.mislabelled, *self.conflicts]:
                writer.write(
                    [*sides_of(each.text), each.label, each.suggested, f"{each.probability:.4f}",
                     each.part, each.why]
                )  # fmt: skip


def find_doubtful(
    dataset: Dataset, label_map: LabelMap, features: tuple[str, np.ndarray] | None = None
) -> DoubtfulRows:
    """Looks through all parts of a dataset.

    A logistic regression says how probable each label of a row is, fitted on four fifths of the
    rows without it (rows of the same text are never parted), over TF-IDF or, if it is right more
    often with them, over features; `label_issues` then says which labels are doubtful. Where it
    agrees with them too seldom (Cohen's kappa below `LEAST_KAPPA`), it calls none mislabelled.

    Args:
        label_map: The labels.
        features: What a model makes of the texts that was not trained on these labels: its name,
            and (rows, width), the rows of training, validation and test one after another.

    Example:
        >>> find_doubtful(dataset, label_map).describe()[1]
        '12 look mislabelled'
    """
    texts = [text for part in dataset.parts.values() for text in texts_of(part)]
    keys = [normalize(text) for part in dataset.parts.values() for text in unordered_texts(part)]
    names = [label for part in dataset.parts.values() for label in part["label"]]
    parts = [name for name, part in dataset.parts.items() for _ in range(len(part))]
    labels = label_map.encode(names)
    kept = _kept(keys, labels)
    texts, labels, parts = [texts[r] for r in kept], labels[kept], [parts[r] for r in kept]
    folds = _folds([keys[row] for row in kept], labels)
    classes, ids = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError("There are no two classes of two different texts or more.")
    over, probabilities = TFIDF, _by_tfidf(texts, ids, folds)
    accuracy = _accuracy(ids, probabilities)
    if features is not None:
        found = _by_features(features[1][kept], ids, folds)
        if (better := _accuracy(ids, found)) > accuracy:
            over, probabilities, accuracy = features[0], found, better
    said = probabilities.argmax(axis=1)  # (rows,)

    def row(number: int, suggested: int, why: str) -> DoubtfulRow:
        return DoubtfulRow(
            texts[number],
            label_map.names[labels[number]],
            label_map.names[classes[suggested]],
            float(probabilities[number, suggested]),
            parts[number],
            why,
        )

    own = probabilities[np.arange(len(ids)), ids]
    knows = _kappa(ids, said) >= LEAST_KAPPA
    mislabelled = [
        row(number, said[number], f"its own label has {own[number]:.2f}")
        for number in (label_issues(ids, probabilities) if knows else ())
    ]
    conflicts = [
        row(number, ids[other], f"near-duplicate in {parts[other]}")
        for number, other in conflicting_rows(texts, labels, NEARLY)
    ]
    which = f"{len(kept)} of {len(dataset)} rows" if len(kept) < len(dataset) else "all rows"
    return DoubtfulRows(
        mislabelled,
        conflicts,
        f"examined {which}: a logistic regression over {over} in {FOLDS} folds agrees with "
        f"{accuracy:.1%} of the labels" + ("" if knows else ", too few to doubt any of them"),
        text_fields(dataset.train),
    )


def _kept(keys: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """The rows that are looked at: a draw that is always the same, of classes of two texts."""
    characters = sum(map(len, keys)) / len(keys)
    most = min(MOST_ROWS, int(MOST_SIZE / max(characters * len(np.unique(labels)), 1)))
    rows = np.arange(len(keys))
    if most < len(rows):
        rows = np.sort(np.random.default_rng(0).permutation(len(keys))[:most])
    distinct: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        distinct[labels[row]].add(keys[int(row)])
    return np.array([row for row in rows if len(distinct[labels[row]]) > 1], int)


def _folds(keys: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """(rows,) the fold of each: the same for the same text, and of each class as many in each."""
    fold_of: dict[str, int] = {}
    dealt: dict[int, int] = defaultdict(int)
    for key, label in zip(keys, labels.tolist(), strict=True):
        if key not in fold_of:
            fold_of[key] = dealt[label] % FOLDS
            dealt[label] += 1
    return np.array([fold_of[key] for key in keys])


def _held_out(folds: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit on, and rows to predict, of each fold."""
    for fold in np.unique(folds):
        yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)


def _by_tfidf(texts: Sequence[Text], labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    found = np.zeros((len(texts), labels.max() + 1))
    for fit, held_out in _held_out(folds):
        baseline = TfidfBaseline.fit([texts[r] for r in fit], labels[fit], found.shape[1])
        found[held_out] = baseline.probabilities([texts[r] for r in held_out])
    return found


def _by_features(features: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.zeros((len(labels), labels.max() + 1))
    for fit, held_out in _held_out(folds):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=200))
        model.fit(features[fit], labels[fit])
        found[held_out[:, None], model.classes_] = model.predict_proba(features[held_out])
    return found


def _accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == labels).mean())


def _kappa(labels: np.ndarray, said: np.ndarray) -> float:
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(labels, said))
