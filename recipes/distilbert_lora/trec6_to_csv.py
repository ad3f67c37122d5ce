"""Turns a TREC question file (`COARSE:fine question`, Latin-1) into a csv: `text,label`.

    python recipes/distilbert_lora/trec6_to_csv.py train.label trec6.csv

The label is the coarse one: ABBR, DESC, ENTY, HUM, LOC or NUM (Li and Roth, 2002).
"""

import csv
import sys


def main(source: str, target: str) -> None:
    """Writes one row a question, in the file's order."""
    with (
        open(source, encoding="latin-1") as lines,
        open(target, "w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out)
        writer.writerow(["text", "label"])
        for line in lines:
            label, question = line.rstrip("\n").split(" ", 1)
            writer.writerow([question.strip(), label.split(":")[0]])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
