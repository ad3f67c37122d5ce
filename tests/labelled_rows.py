"""Small labelled data that a tiny classifier can learn: the label follows from a word."""

import csv
from pathlib import Path

import numpy as np

WORDS = {"news": ["people", "year", "place"], "opinion": ["good", "think"], "comparison": ["more"]}
FILLING = [
    "the",
    "a",
    "of",
    "to",
    "and",
    "in",
    "is",
    "it",
    "you",
    "that",
    "he",
    "was",
    "for",
    "on",
    "are",
    "with",
    "as",
    "his",
    "they",
    "be",
]


def write_rows(path: Path, rows: int = 72, header: tuple[str, str] = ("text", "label")) -> Path:
    """Writes a csv of texts of 4 to 20 words, the classes in turn."""
    random = np.random.default_rng(0)
    names = sorted(WORDS)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in range(rows):
            label = names[row % len(names)]
            words = list(random.choice(FILLING, size=random.integers(4, 20)))
            words.insert(int(random.integers(len(words))), str(random.choice(WORDS[label])))
            writer.writerow([" ".join(words), label])
    return path
