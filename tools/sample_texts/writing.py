"""What both pages of phrases share: filling slots, and texts that are not too much alike."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence


def filled(phrase: str, words: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """A phrase with a word for each {slot}."""
    return re.sub(r"\{(\w+)\}", lambda slot: rng.choice(words[slot[1]]), phrase)


QUESTION = re.compile(
    r"(also, |besides, |and another thing: |on top of that, |and )?"
    r"(how|where|what|which|is it|can|could (you|somebody|a)|any chance|have you|does)\b",
    re.IGNORECASE,
)


def sentence(phrase: str) -> str:
    """A phrase with a capital in front and a mark at its end."""
    phrase = phrase[0].upper() + phrase[1:]
    return f"{phrase}{'?' if QUESTION.match(phrase) else '.'}"


class Deck:
    """Phrases in a random order; all of them come before one comes again."""

    def __init__(self, phrases: Sequence[str], rng: random.Random) -> None:
        self._phrases, self._rng, self._left = list(phrases), rng, list[str]()

    def draw(self) -> str:
        """The next phrase."""
        if not self._left:
            self._left = self._rng.sample(self._phrases, len(self._phrases))
        return self._left.pop()
