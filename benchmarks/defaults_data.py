"""The data sets on which the defaults of `distilbert_lora` are chosen and checked.

    python benchmarks/defaults_data.py ../shared/data data

Three ship with kerasft, two are known corpora, four are made of known corpora: whether a sentence
of WikiGold names a person; which of two registers a sentence has (spoken Tatoeba, Europarl);
whether a summary of DialogSum is that of the dialogue beside it; TREC's fine classes.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from few_shot_draws import write
from kerasft.data.conll import read_conll

SOURCES = {
    "conversations": {},
    "duplicates": {"data": "sample:duplicates", "text_pair_column": "text_pair"},
    "complaints_sample": {"corpus": True},
    "complaints": {"corpus": True, "data": "complaints.csv", "sample": 1000},
    "trec6_500": {"data": "trec6.csv", "sample": 700},
    "trec6": {"data": "trec6.csv"},
    "trec_fine": {"data": "trec_fine.csv"},
    "people": {"data": "people.csv"},
    "register": {"data": "register.csv"},
    "summaries": {"data": "summaries.csv", "text_pair_column": "summary"},
}
"""Name -> its options; `corpus` takes those of `tinybert_lora`."""
LEAST = 20


def trec(file: Path, folder: Path) -> None:
    """Writes the coarse classes, and the fine ones of `LEAST` questions or more."""
    lines = file.read_text(encoding="latin-1").splitlines()
    questions = [line.partition(" ") for line in lines]
    coarse = [(text, label.partition(":")[0]) for label, _, text in questions]
    write(folder / "trec6.csv", coarse)
    count = Counter(label for label, _, _ in questions)
    fine = [(text, label) for label, _, text in questions if count[label] >= LEAST]
    write(folder / "trec_fine.csv", fine)


def people(file: Path, folder: Path) -> None:
    """Writes the sentences of more than three words, and whether they name a person."""
    sentences = read_conll(file)
    rows = [
        (" ".join(words), "person" if any(tag.endswith("PER") for tag in tags) else "none")
        for words, tags in zip(sentences["tokens"], sentences["tags"], strict=True)
        if len(words) > 3
    ]
    write(folder / "people.csv", rows)


def register(folder: Path, out: Path, generator: np.random.Generator) -> None:
    """Writes 600 short sentences of each corpus, without capitals and marks."""
    rows = []
    for name in ("tatoeba", "europarl"):
        lines = (folder / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        texts = {
            "".join(c for c in line.split("\t")[0].lower() if c.isalnum() or c == " ")
            for line in lines
        }
        texts = sorted(each for each in texts if 5 <= len(each.split()) <= 10)
        chosen = generator.choice(len(texts), 600, replace=False)
        rows += [(" ".join(texts[i].split()), name) for i in chosen]
    write(out / "register.csv", rows)


def summaries(file: Path, folder: Path) -> None:
    """Writes each dialogue with its own summary and with that of the next one."""
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    rows = []
    for number, row in enumerate(found):
        other = found[(number + 1) % len(found)]
        rows.append((row["dialogue"], row["summary"], "own"))
        rows.append((row["dialogue"], other["summary"], "other"))
    write(folder / "summaries.csv", rows, ("text", "summary", "label"))


def main() -> None:
    """Writes all files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpora", type=Path, help="has trec6, complaints, ner, en_it, dialogsum")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    trec(args.corpora / "trec6" / "train.label", args.folder)
    people(args.corpora / "ner" / "wikigold.conll", args.folder)
    register(args.corpora / "en_it", args.folder, np.random.default_rng(0))
    summaries(args.corpora / "dialogsum" / "dev.jsonl", args.folder)
    raw = (args.corpora / "complaints" / "complaints.csv").read_bytes()
    (args.folder / "complaints.csv").write_bytes(raw)


if __name__ == "__main__":
    main()
