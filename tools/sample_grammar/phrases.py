"""Noun phrases of the sample grammar: articles, possessives and adjectives around a noun."""

from __future__ import annotations

from collections.abc import Iterator

from tools.sample_grammar import italian
from tools.sample_grammar.words import ADJECTIVES, BEFORE_NOUN, DAILY, Noun, Verb

# English and Italian.
Pair = tuple[str, str]


def habitual_objects(noun: Noun, verb: Verb) -> list[Pair]:
    """The object of what is done again and again."""
    if not noun.italian_plural:
        return [(noun.english, noun.italian)] if "bare" in verb.habitual else []
    phrases = [with_a(noun)] if "a" in verb.habitual and noun.english in DAILY else []
    if "the" in verb.habitual:
        phrases.append(with_the(noun))
    if "my" in verb.habitual:
        phrases.append(with_my(noun))
    return phrases


def objects(noun: Noun, verb: Verb) -> list[Pair]:
    """The object of what is done once."""
    if not noun.italian_plural:
        some = italian.contract("di", italian.definite(noun.italian, noun.gender))
        return [(f"some {noun.english}", some + noun.italian), with_the(noun)]
    the = italian.definite(noun.italian_plural, noun.gender, plural=True)
    some = italian.contract("di", the)
    phrases = [
        with_a(noun),
        (f"two {noun.english_plural}", f"due {noun.italian_plural}"),
        (f"some {noun.english_plural}", some + noun.italian_plural),
    ]
    if "my" in verb.single:
        phrases.append(with_my(noun))
    if "this" in verb.single:
        phrases.append(with_this(noun))
    if "the" in verb.single:
        phrases += [with_the(noun), with_the(noun, plural=True)]
        for quality in noun.adjectives:
            if quality != "beautiful":
                phrases += _with_quality(noun, quality)
    return phrases


def _with_quality(noun: Noun, quality: str) -> list[Pair]:
    """A red one, the red one, two red ones; the article agrees with the word that follows it."""
    red = italian.adjective(ADJECTIVES[quality], noun.gender)
    reds = italian.adjective(ADJECTIVES[quality], noun.gender, plural=True)
    one, many = f"{noun.italian} {red}", f"{noun.italian_plural} {reds}"
    if quality in BEFORE_NOUN:
        one, many = f"{red} {noun.italian}", f"{reds} {noun.italian_plural}"
    a = "an" if quality[0] in "aeiou" else "a"
    return [
        (f"{a} {quality} {noun.english}", italian.indefinite(one, noun.gender) + one),
        (f"the {quality} {noun.english}", italian.definite(one, noun.gender) + one),
        (f"two {quality} {noun.english_plural}", f"due {many}"),
    ]


def known_things(noun: Noun) -> Iterator[tuple[Pair, bool]]:
    """Phrases for known things, each with whether it is a plural."""
    if noun.italian_plural:
        yield with_the(noun), False
        yield with_my(noun), False
        yield with_this(noun), False
        yield with_the(noun, plural=True), True
        yield with_my(noun, plural=True), True
        yield with_this(noun, plural=True), True


def liked_things(noun: Noun) -> Iterator[tuple[Pair, bool]]:
    """A kind of thing (Italian gives it an article), or this one."""
    if not noun.italian_plural:
        yield (noun.english, with_the(noun)[1]), False
        return
    yield (noun.english_plural, with_the(noun, plural=True)[1]), True
    yield with_this(noun), False
    yield with_this(noun, plural=True), True


def with_a(noun: Noun) -> Pair:
    """An apple, una mela."""
    a = "an" if noun.english[0] in "aeiou" else "a"
    return f"{a} {noun.english}", italian.indefinite(noun.italian, noun.gender) + noun.italian


def with_the(noun: Noun, plural: bool = False) -> Pair:
    """The apple, la mela."""
    thing, cosa = _form(noun, plural)
    return f"the {thing}", italian.definite(cosa, noun.gender, plural) + cosa


def with_my(noun: Noun, plural: bool = False) -> Pair:
    """My apple, la mia mela."""
    thing, cosa = _form(noun, plural)
    mine = {"m": ("il mio", "i miei"), "f": ("la mia", "le mie")}[noun.gender][plural]
    return f"my {thing}", f"{mine} {cosa}"


def with_this(noun: Noun, plural: bool = False) -> Pair:
    """This apple, questa mela."""
    thing, cosa = _form(noun, plural)
    this = "these" if plural else "this"
    return f"{this} {thing}", italian.this(cosa, noun.gender, plural) + cosa


def _form(noun: Noun, plural: bool) -> Pair:
    return (noun.english_plural, noun.italian_plural) if plural else (noun.english, noun.italian)
