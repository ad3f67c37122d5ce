"""Draws of few rows per class for `few_shot.py`: files that every side reads.

    python benchmarks/few_shot_draws.py --trec6 trec6.csv --complaints complaints.csv draws

A draw permutes the rows of a data set: the first 500 (or a half, if there are fewer than 1,000)
are the test rows, and of the others each class gives its first 8 or 16 to train on. The recipe
wants validation rows, so each class gives it two more; nothing is chosen by them but the baseline.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerasft.data.splits import normalize
from kerasft.tasks.labelled.labelled_texts import CorpusOptions, LabelledTextOptions, load_labelled

SIZES = (8, 16)
VALIDATION = 2
TEST = 500
Row = tuple[str, str]


def rows_of(options: LabelledTextOptions) -> list[Row]:
    """All rows of some data as (text, label), each text once, ordered by text."""
    parts = load_labelled(options).parts.values()
    rows = {}
    for part in parts:
        for text, label in zip(part["text"], part["label"], strict=True):
            rows[normalize(text)] = (text, label)
    return [rows[key] for key in sorted(rows)]


def write(
    path: Path, rows: Sequence[tuple[str, ...]], names: tuple[str, ...] = ("text", "label")
) -> None:
    """Writes a CSV with these columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])


def draw(rows: list[Row], seed: int, folder: Path) -> None:
    """Writes `test.csv`, and of each size `SIZE.csv` and `SIZE_train.csv`, the part to train on."""
    order = np.random.default_rng(seed).permutation(len(rows))
    held_out = min(TEST, len(rows) // 2)
    write(folder / "test.csv", [rows[i] for i in order[:held_out]])
    classes: dict[str, list[Row]] = defaultdict(list)
    for place in order[held_out:]:
        classes[rows[place][1]].append(rows[place])
    for size in SIZES:
        few = [row for of_class in classes.values() for row in of_class[: size + VALIDATION]]
        write(folder / f"{size}.csv", few)
        split = load_labelled(
            LabelledTextOptions(
                data=str(folder / f"{size}.csv"),
                test_data=str(folder / "test.csv"),
                validation=VALIDATION / (size + VALIDATION),
            )
        )
        assert len(split.train) == size * len(classes), (folder, size, len(split.train))
        train = list(zip(split.train["text"], split.train["label"], strict=True))
        write(folder / f"{size}_train.csv", train)


def main() -> None:
    """Writes all draws."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trec6", default="trec6.csv")
    parser.add_argument("--complaints", default="complaints.csv")
    parser.add_argument("--draws", type=int, default=10)
    args = parser.parse_args()
    sources = {
        "trec6": LabelledTextOptions(data=args.trec6),
        "complaints": CorpusOptions(data=args.complaints),
        "conversations": LabelledTextOptions(),
    }
    for name, options in sources.items():
        rows = rows_of(options)
        print(f"{name}: {len(rows)} texts, {len({label for _, label in rows})} classes")
        for seed in range(args.draws):
            draw(rows, seed, args.folder / name / str(seed))


if __name__ == "__main__":
    main()
