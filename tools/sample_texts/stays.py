"""Writes kerasft/data/samples/stays.csv: reviews of hotels, with a rating from 1 to 5.

    python -m tools.sample_texts.stays

A review speaks of some aspects of a stay, each in a phrase written by hand that says how good it
was; the rating is the mean of these, weighed by how much the aspect counts, with a little of the
guest's mood, to a tenth.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

from tools.sample_texts.writing import Deck, filled, sentence

FILE = Path(__file__).parent.parent.parent / "kerasft" / "data" / "samples" / "stays.csv"
ROWS = 460
MOOD = 0.2  # standard deviation

WORDS = {
    "nights": ["two nights", "a week", "one night", "ten days", "a long weekend"],
    "floor": ["third", "top", "ground", "second", "fifth"],
    "place": ["the station", "the old town", "the fair", "the lake", "the airport", "the harbor"],
    "minutes": ["five", "ten", "fifteen", "twenty"],
}
# Aspect -> how much it counts; then how good it was, from 1 to 5 -> phrases.
WEIGHTS = {"room": 1.5, "staff": 1.3, "breakfast": 0.9, "place": 1.0, "noise": 1.1, "price": 1.0}
SAYS: dict[str, dict[int, list[str]]] = {
    "room": {
        1: [
            "mold in the shower and a bed that sagged to the floor",
            "the room had not been cleaned, hair everywhere",
            "something ran across the carpet at night",
            "our window did not close and the heater was dead",
        ],
        2: [
            "the room on the {floor} floor was smaller than in the pictures and rather worn",
            "the mattress had seen better days",
            "one lamp for the whole room, and that one flickered",
            "the bathroom door would not shut",
        ],
        3: [
            "the room was all right, nothing more",
            "a plain room with all that one needs",
            "clean enough, if a bit dated",
            "a room like a thousand others",
        ],
        4: [
            "a bright and spotless room",
            "the bed was comfortable and the shower hot",
            "more space than we had expected on the {floor} floor",
            "a neat little room with a good desk",
        ],
        5: [
            "the most beautiful room that we have ever had",
            "we slept like children in that bed",
            "a balcony over the water, and fresh flowers each day",
            "every detail of the room was thought of",
        ],
    },
    "staff": {
        1: [
            "the man at the desk shouted at my mother",
            "nobody answered the bell for an hour, and then they laughed",
            "they denied our booking and would not let us sit down",
        ],
        2: [
            "the staff seemed to be somewhere else",
            "we had to ask three times for towels",
            "check-in took {minutes} minutes longer than it should, without an excuse",
        ],
        3: [
            "the staff did what they had to",
            "reception was correct and quick to look away",
            "no complaints about the people, no praise either",
        ],
        4: [
            "friendly people at the desk",
            "they let us leave the bags without any fuss",
            "the porter gave us good advice on where to eat",
        ],
        5: [
            "the staff remembered our names after a day",
            "the lady at reception drove us to {place} herself",
            "I have never been looked after so kindly",
        ],
    },
    "breakfast": {
        1: [
            "the milk was sour and the eggs cold, I was ill for a day",
            "there was no breakfast, though we had paid for it",
        ],
        2: [
            "breakfast was toast and more toast",
            "by nine the buffet was empty and stayed so",
            "the coffee tasted of the machine",
        ],
        3: ["breakfast does its job", "an ordinary buffet", "coffee fine, bread less so"],
        4: ["a generous breakfast with fresh fruit", "good coffee and warm rolls"],
        5: [
            "the breakfast alone is worth the trip",
            "homemade jams, eggs to order, and a cake each morning",
        ],
    },
    "place": {
        1: [
            "it lies between a motorway and a dump",
            "not {minutes} minutes from {place} but an hour, and no bus",
        ],
        2: ["far from everything that one wants to see", "the walk from {place} is dark and long"],
        3: ["the area is neither nice nor bad", "about {minutes} minutes on foot to {place}"],
        4: ["close to {place} and yet green", "a handy place, {minutes} minutes from {place}"],
        5: [
            "right by {place}, with a view that one does not forget",
            "one could not wish for a better spot than this",
        ],
    },
    "noise": {
        1: [
            "we did not sleep at all for the disco under us",
            "drills from six in the morning, each day",
        ],
        2: ["thin walls, we know our neighbors now", "the lift hums into the night"],
        3: [
            "some traffic, as one has to expect in a town",
            "with the window closed it was bearable",
        ],
        4: ["surprisingly quiet for so central a house", "calm nights"],
        5: ["not a sound but the birds", "the quietest nights of our year"],
    },
    "price": {
        1: [
            "a robbery at that price, and they charged the towels",
            "they took double what was agreed",
        ],
        2: ["too dear for what it is", "the extras add up to half the bill"],
        3: ["the price is what one pays in this town", "neither cheap nor dear"],
        4: ["fair money for what one gets", "we have paid more for less"],
        5: [
            "for so little money this is a gift",
            "they even took something off the bill because it rained",
        ],
    },
}
# What is said of the whole, from a rating up to the next.
WHOLE = [
    (1.8, ["never again", "keep away", "the worst {nights} of my life"]),
    (2.6, ["I would not come back", "we left a day early", "a disappointment"]),
    (3.4, ["it was what it was", "fine for one night", "one can stay here, one need not"]),
    (4.2, ["we would come again", "all in all a good choice", "glad that we picked it"]),
    (
        9.0,
        [
            "we have booked for next year already",
            "perfect from the first hour to the last",
            "I shall tell everybody about this house",
        ],
    ),
]
OPENINGS = [
    "we stayed for {nights}",
    "{nights} in spring",
    "a business trip",
    "our honeymoon",
    "with two small children",
    "booked at the last minute",
    "my third visit",
]
BUT = ["", "", "also, ", "and ", "besides, "]


def stays(rows: int = ROWS, seed: int = 5) -> list[tuple[str, str]]:
    """The rows: a text and its rating, always the same ones."""
    rng = random.Random(seed)
    decks = {
        (aspect, level): Deck(phrases, rng)
        for aspect, levels in SAYS.items()
        for level, phrases in levels.items()
    }
    found: dict[str, tuple[str, str]] = {}
    while len(found) < rows:
        text, rating = _stay(decks, rng)
        found.setdefault(text.casefold(), (text, f"{rating:.1f}"))
    return list(found.values())


def _stay(decks: dict[tuple[str, int], Deck], rng: random.Random) -> tuple[str, float]:
    general = rng.uniform(1, 5)  # of the whole house
    aspects = rng.sample(list(WEIGHTS), rng.choices([1, 2, 3, 4], [1, 3, 3, 1])[0])
    levels = {a: min(5, max(1, round(rng.gauss(general, 1.0)))) for a in aspects}
    weight = sum(WEIGHTS[aspect] for aspect in aspects)
    mean = sum(WEIGHTS[aspect] * level for aspect, level in levels.items()) / weight
    rating = min(5.0, max(1.0, rng.gauss(mean, MOOD)))
    phrases = []
    for number, (aspect, level) in enumerate(levels.items()):
        link = rng.choice(BUT) if number else ""
        before = levels[aspects[number - 1]] if number else level
        if number and abs(level - before) >= 2:
            link = rng.choice(["but ", "on the other hand, ", "then again, "])
        phrases.append(link + filled(decks[aspect, level].draw(), WORDS, rng))
    if rng.random() < 0.35:
        phrases.append(filled(rng.choice(next(s for top, s in WHOLE if rating < top)), WORDS, rng))
    if rng.random() < 0.4:
        phrases.insert(0, filled(rng.choice(OPENINGS), WORDS, rng))
    return " ".join(map(sentence, phrases)), rating


def write(file: Path = FILE) -> None:
    """Writes the sample."""
    with open(file, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([("text", "rating"), *stays()])


if __name__ == "__main__":
    write()
