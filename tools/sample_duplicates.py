"""Writes kerasft/data/samples/duplicates.csv: pairs of questions, and whether both ask the same.

    python -m tools.sample_duplicates kerasft/data/samples/duplicates.csv

A question is a wish (an action on a thing) in a frame. Two questions are duplicates if they mean
the same action on the same thing. In either class half of the pairs share the words for the thing
or for the action, and half share neither; no pair shares both, or its frame. So neither a word nor
the number of shared words tells the label: one has to know which words mean the same.
"""

import csv
import random
import sys
from collections import Counter
from pathlib import Path

ROWS = 1200
SEED = 20
LABELS = ("different", "duplicate")

FRAMES = (
    "How do I {}?",
    "What is the best way to {}?",
    "Could you tell me how to {}?",
    "I would like to {}. What has to be done?",
    "Is there an easy way to {}?",
    "My sister wants to {}; where does she begin?",
    "We are trying to {} and do not know how.",
    "Who can help me to {}?",
    "Any advice for someone who has to {}?",
    "What should I know before I {}?",
    "Need to {} this week, please help.",
    "Does anybody here know how one can {}?",
)

# A thing, in words that mean the same.
THINGS = {
    "car": ("my car", "my automobile", "my motor vehicle"),
    "bicycle": ("my bicycle", "my bike", "my pushbike"),
    "flat": ("the flat", "the apartment", "our rooms on the third floor"),
    "sofa": ("the sofa", "the couch", "the settee"),
    "computer": ("an old laptop", "an old notebook computer", "an ageing portable computer"),
    "phone": ("a mobile phone", "a cell phone", "a smartphone"),
    "photos": (
        "our wedding photos",
        "the pictures of our marriage",
        "the snapshots of our big day",
    ),
    "ring": ("a gold ring", "a piece of golden jewellery", "a golden band"),
    "coat": ("a leather jacket", "a leather coat", "a garment made of leather"),
    "boat": ("a small boat", "a little sailing vessel", "a dinghy"),
    "piano": ("grandfather's piano", "grandpa's upright piano", "the piano of my mother's father"),
    "tools": ("garden tools", "spades and rakes", "equipment for gardening"),
}

# What is done with a thing, in words that mean the same.
ACTIONS = {
    "sell": ("sell {}", "find a buyer for {}", "turn {} into money"),
    "repair": ("repair {}", "fix {}", "mend {}"),
    "clean": ("clean {}", "get the dirt off {}", "give {} a good wash"),
    "insure": ("insure {}", "take out insurance for {}", "cover {} against theft and damage"),
    "transport": ("transport {} to Spain", "ship {} to Spain", "get {} moved to Spain"),
    "store": ("store {} over the winter", "keep {} somewhere until spring",
              "put {} away for the cold months"),
    "value": ("find out what {} would fetch", "learn the worth of {}", "have {} appraised"),
    "lend": ("lend {} to a neighbour", "let the people next door use {}",
             "share {} with those next door"),
    "give": ("give {} to charity", "donate {}", "pass {} on to people in need"),
    "photograph": ("take a good photo of {}", "photograph {}", "make {} look nice in a picture"),
    "find": ("get {} back after a theft", "recover {} from thieves",
             "trace {}, which somebody stole"),
}  # fmt: skip


def question(rng: random.Random, meaning: tuple[str, str]) -> tuple[int, int, int]:
    """A choice of words for an action on a thing, and a frame."""
    action, thing = meaning
    return (
        rng.randrange(len(ACTIONS[action])),
        rng.randrange(len(THINGS[thing])),
        rng.randrange(len(FRAMES)),
    )


def text(meaning: tuple[str, str], words: tuple[int, int, int]) -> str:
    """The question in words."""
    action, thing = meaning
    wish = ACTIONS[action][words[0]].format(THINGS[thing][words[1]])
    return FRAMES[words[2]].format(wish)


def pair(rng: random.Random, label: str, shared: str) -> tuple[str, str]:
    """Two questions of which one word ("action", "thing") or none ("") is the same."""
    while True:
        first = rng.choice([*ACTIONS]), rng.choice([*THINGS])
        second = first
        if label == "different":
            # The other action on the same thing, or the same action on another thing.
            other = {"action": "thing", "thing": "action"}.get(shared) or rng.choice(
                ["action", "thing"]
            )
            second = (
                (rng.choice([*ACTIONS]), first[1])
                if other == "action"
                else (first[0], rng.choice([*THINGS]))
            )
            if second == first:
                continue
        one, two = question(rng, first), question(rng, second)
        same = [
            name
            for place, name in enumerate(("action", "thing"))
            if first[place] == second[place] and one[place] == two[place]
        ]
        if one[2] != two[2] and same == ([shared] if shared else []):
            return text(first, one), text(second, two)


def rows() -> list[tuple[str, str, str]]:
    """All rows, in random order; no pair stands there twice, either way round."""
    rng = random.Random(SEED)
    found: dict[frozenset[str], tuple[str, str, str]] = {}
    kinds = [(label, shared) for label in LABELS for shared in ("action", "thing", "", "")]
    wanted = dict.fromkeys(range(len(kinds)), ROWS // len(kinds))
    for number, (label, shared) in enumerate(kinds):
        while wanted[number]:
            texts = pair(rng, label, shared)
            if frozenset(texts) not in found:
                found[frozenset(texts)] = (*texts, label)
                wanted[number] -= 1
    made = list(found.values())
    rng.shuffle(made)
    return made


def main(path: str) -> None:
    """Writes the file."""
    made = rows()
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "text_pair", "label"])
        writer.writerows(made)
    print(f"{Path(path).name}: {len(made)} rows, {dict(Counter(row[2] for row in made))}")


if __name__ == "__main__":
    main(sys.argv[1])
