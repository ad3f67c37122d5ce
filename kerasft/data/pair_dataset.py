"""Sentence pairs, read and split: what a translator trains and validates on."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasft.data.pairs import read_pairs
from kerasft.data.rows import Rows
from kerasft.data.splits import hash_of_texts, normalize, place_of
from kerasft.errors import ConfigError, DataError


@dataclass(frozen=True)
class PairDataset:
    """Two parts, with the fields "source" and "target", that share no source sentence.

    Attributes:
        train: Pairs to train on.
        validation: Pairs to validate on.
        validation_sha256: Hash of the validation sources; equal hashes mean the same validation.
        notes: What was left out or is worth knowing, one sentence each.
    """

    train: Rows
    validation: Rows
    validation_sha256: str
    notes: list[str]

    @property
    def parts(self) -> dict[str, Rows]:
        """The parts by name, in the order train, validation."""
        return {"train": self.train, "validation": self.validation}

    def __len__(self) -> int:
        return len(self.train) + len(self.validation)

    def describe(self) -> list[str]:
        """Where the pairs come from and what was left out, one sentence each."""
        return [
            f"{len(self)} pairs from {self.train.source}: {len(self.train)} to train on, "
            f"{len(self.validation)} to validate on",
            *self.notes,
        ]

    def samples(self, count: int = 3, width: int = 100) -> list[str]:
        """The first training pairs as "source -> target", each side shortened to `width`."""
        rows = zip(self.train["source"][:count], self.train["target"][:count], strict=True)
        return [
            f"{textwrap.shorten(source, width)} -> {textwrap.shorten(target, width)}"
            for source, target in rows
        ]


def load_pairs(
    data: str | Path | Sequence[str | Path] | None = None,
    source_file: str | Path | None = None,
    target_file: str | Path | None = None,
    source_lang: str = "en",
    target_lang: str = "it",
    *,
    validation: float = 0.1,
    seed: int = 0,
) -> PairDataset:
    """Reads pairs and splits them by a hash of the source sentence.

    A pair is validated on if sha256(seed + source), read as a number from 0 to 1, is below
    `validation`. So the side of a sentence depends on this sentence alone: neither the order of the
    pairs nor adding others moves it, and a sentence with several translations has all of them on
    one side. Sentences count as the same if `normalize` makes them so.

    Pairs that repeat an earlier pair are left out and counted.

    Args:
        data: As for `read_pairs`, like the next four.
        validation: Share of the sentences to validate on, above 0 and below 1.
        seed: Another seed gives another split.

    Raises:
        ConfigError: The share is impossible, or as for `read_pairs`.
        DataError: One side of the split is empty, or as for `read_pairs`.

    Example:
        >>> pairs = load_pairs("tatoeba.tsv", validation=0.1)
        >>> pairs.describe()[0]
        '16000 pairs from tatoeba.tsv: 14400 to train on, 1600 to validate on'
    """
    check_share(validation)
    table = read_pairs(data, source_file, target_file, source_lang, target_lang)
    return split_pairs(table, validation, seed)


def check_share(validation: float) -> None:
    """Refuses a share of validation that leaves nothing on one side.

    Raises:
        ConfigError: It is not above 0 and below 1.
    """
    if not 0 < validation < 1:  # also if it is NaN
        raise ConfigError(f"validation is {validation}; make it a share above 0 and below 1")


def split_pairs(table: Rows, validation: float, seed: int) -> PairDataset:
    """Splits pairs that were read, as `load_pairs` says.

    Args:
        validation: Share of the sources to validate on, above 0 and below 1.
        seed: Another seed gives another split.

    Raises:
        ConfigError: The share is impossible.
        DataError: One side of the split is empty.
    """
    check_share(validation)
    notes = table.remarks()
    sources = [normalize(text) for text in table["source"]]
    targets = [normalize(text) for text in table["target"]]
    seen: set[tuple[str, str]] = set()
    parts: dict[str, list[int]] = {"train": [], "validation": []}
    for row, pair in enumerate(zip(sources, targets, strict=True)):
        if pair in seen:
            continue
        seen.add(pair)
        part = "validation" if place_of(pair[0], seed) < validation else "train"
        parts[part].append(row)
    for part, rows in parts.items():
        if not rows:
            raise DataError(
                f"of {len(seen)} pairs none is left to {'train' if part == 'train' else 'validate'}"
                f" on; give more data or another share than --validation {validation}"
            )
    repeated = len(table) - len(seen)
    if repeated:
        notes.append(f"{repeated} pairs repeat an earlier pair and were left out")
    trained = {targets[row] for row in parts["train"]}
    known = sum(targets[row] in trained for row in parts["validation"])
    if known:
        notes.append(
            f"{known} of {len(parts['validation'])} validation pairs have a target that training "
            "sees too, with another source"
        )
    held_back = table.take(parts["validation"])
    return PairDataset(
        train=table.take(parts["train"]),
        validation=held_back,
        validation_sha256=hash_of_texts(held_back["source"]),
        notes=notes,
    )
