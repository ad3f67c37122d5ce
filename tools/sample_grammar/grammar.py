"""A small grammar that makes English sentences with their Italian translations.

It makes the rows marked "grammar" of the sample corpus `translations`. Each rule below combines the
words of `tools.sample_grammar.words` into many sentences; a hash of the English sentence chooses
which of them are kept, so that the corpus is the same on every machine and the left-out
combinations can be translated by who has understood the rule. `RULES` says how many each gives.

    habit      subject verb object time        My father never drinks wine.
                                               Mio padre non beve mai vino.
    progress   subject be verb-ing object      She's reading a letter in the garden.
               place                           Lei sta leggendo una lettera in giardino.
    past       subject verb object time        Anna bought two red apples yesterday.
                                               Ieri Anna ha comprato due mele rosse.
    modal      subject want/can/have to ...    Can you open the window?  Puoi aprire la finestra?
    going      subject go to place time        We're going to the station.
                                               Stiamo andando alla stazione.
    mood       subject be adjective            The girls are very tired.
                                               Le ragazze sono molto stanche.
    state      subject be = avere + noun       I am hungry.  Ho fame.
    quality    thing be adjective              These shirts are white.
                                               Queste camicie sono bianche.
    position   thing be on, in, under thing    Where are the keys?  Dove sono le chiavi?
    presence   there is thing in place         There is a cat in the garden.
                                               C'è un gatto in giardino.
    liking     dative piacere thing            The student doesn't like these pictures.
                                               Allo studente non piacciono questi quadri.

Every rule has statements, negations and, where they are natural, questions. One English sentence
has one translation: "you" is one friend (tu); "I", "you", "we" and "they" are masculine where an
ending has to choose; io, tu and noi are left out, lui, lei and loro are said; times of the past
open the Italian statement; vecchio stands before its noun, other adjectives behind it.

`python -m tools.sample_grammar.grammar` writes the grammar's part of the corpus file anew.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice, zip_longest
from pathlib import Path

from kerasft.data.samples import sample_path
from tools.sample_grammar import italian
from tools.sample_grammar.phrases import (
    Pair,
    habitual_objects,
    known_things,
    liked_things,
    objects,
    with_a,
    with_the,
)
from tools.sample_grammar.words import (
    ADJECTIVES,
    FREQUENCIES,
    GOALS,
    HABITS,
    MOODS,
    NOUNS,
    ORIGINS,
    PASTS,
    PLACES,
    SMALL_THINGS,
    SPOTS,
    STATES,
    SUBJECTS,
    VEHICLES,
    VERBS,
    Subject,
    Verb,
)

ORIGIN = "grammar"
# A rule's sentence with its kind, of which the corpus is to hold equally many.
Candidate = tuple[tuple, str, str]

BE = ("am", "are", "is", "are", "are", "are")
MODALS = {"volere": ("want to", "wants to"), "dovere": ("have to", "has to")}


@cache
def sentences() -> tuple[Pair, ...]:
    """Every row of the grammar: (English, Italian), rule by rule, no English sentence twice."""
    return tuple(pair for rule, count in RULES.items() for pair in choose(rule(), count))


def choose(candidates: Iterator[Candidate], count: int) -> list[Pair]:
    """Takes `count` pairs, in turn from each kind, so that every form of a verb gets its share.

    SHA-256 decides which of a kind (by its English) and which kind is first: always the same ones.

    Args:
        candidates: (kind, English, Italian).
        count: How many pairs to take; all, if there are fewer.
    """
    kinds: dict[tuple, dict[str, str]] = defaultdict(dict)
    for kind, english, italian_text in candidates:
        kinds[kind][english] = italian_text
    queues = [
        sorted(pairs.items(), key=lambda pair: _digest(pair[0]))
        for _, pairs in sorted(kinds.items(), key=lambda kind: _digest(repr(kind[0])))
    ]
    turns = (pair for turn in zip_longest(*queues) for pair in turn if pair)
    return list(islice(turns, count))


def habits() -> Iterator[Candidate]:
    """What somebody does every day, often or never."""
    for subject, verb, (thing, cosa) in _actions("h"):
        kind: tuple = (verb.italian, subject.person, subject.gender, "often")
        rarely: tuple = (*kind[:-1], "rarely")
        he, lui = subject.english, subject.italian
        does = verb.english_s if subject.third else verb.english
        do = "does" if subject.third else "do"
        fa = italian.present(verb.italian, subject.person)
        yield _says(rarely, f"{he} never {does} {thing}", f"{lui} non {fa} mai {cosa}")
        for often, spesso in FREQUENCIES.items():
            yield _says(kind, f"{he} {often} {does} {thing}", f"{lui} {fa} {spesso} {cosa}")
            yield _asks(
                rarely, f"{do} {he} {often} {verb.english} {thing}", f"{lui} {fa} {spesso} {cosa}"
            )
        for daily, ogni in HABITS.items():
            yield _says(kind, f"{he} {does} {thing} {daily}", f"{lui} {fa} {cosa} {ogni}")
            yield _says(
                rarely,
                f"{he} {do}n't {verb.english} {thing} {daily}",
                f"{lui} non {fa} {cosa} {ogni}",
            )


def progress() -> Iterator[Candidate]:
    """What somebody is doing, and where."""
    for subject, verb, (thing, cosa) in _actions("p"):
        kind: tuple = (verb.italian, subject.person)
        he, lui, person = subject.english, subject.italian, subject.person
        doing = f"{verb.english_ing} {thing}"
        fa = f"{italian.STARE[person]} {italian.gerund(verb.italian)} {cosa}"
        yield _says(kind, f"{_is(subject)} {doing}", f"{lui} {fa}")
        if not thing.startswith("some "):
            yield _says(kind, f"{_is(subject, negated=True)} {doing}", f"{lui} non {fa}")
        yield _asks(kind, f"{BE[person]} {he} {doing}", f"{lui} {fa}")
        for place in verb.places:
            here, qui = PLACES[place].at
            yield _says(kind, f"{_is(subject)} {doing} {here}", f"{lui} {fa} {qui}")


def past() -> Iterator[Candidate]:
    """What somebody did; the verb's helper is avere."""
    for subject, verb, (thing, cosa) in _actions("y"):
        kind: tuple = (verb.italian, subject.person)
        he, lui = subject.english, subject.italian
        ha = f"{italian.AVERE[subject.person]} {italian.participle(verb.italian)} {cosa}"
        for then, ieri in PASTS.items():
            yield _says(kind, f"{he} {verb.english_past} {thing} {then}", f"{ieri} {lui} {ha}")
            if not thing.startswith("some "):
                yield _says(
                    kind, f"{he} didn't {verb.english} {thing} {then}", f"{ieri} {lui} non {ha}"
                )
            yield _asks(kind, f"did {he} {verb.english} {thing} {then}", f"{lui} {ha} {ieri}")


def modals() -> Iterator[Candidate]:
    """What somebody wants to do, has to do and can do."""
    for subject, verb, (thing, cosa) in _actions("m"):
        he, lui, person = subject.english, subject.italian, subject.person
        do = "does" if subject.third else "do"
        act, fare = f"{verb.english} {thing}", f"{verb.italian} {cosa}"
        kind: tuple
        for modal, (want, wants) in MODALS.items():
            kind, vuole = (modal, verb.italian, person), italian.present(modal, person)
            english = f"{he} {wants if subject.third else want} {act}"
            yield _says(kind, english, f"{lui} {vuole} {fare}")
            if he != "I":  # who would ask what he wants himself?
                yield _asks(kind, f"{do} {he} {want} {act}", f"{lui} {vuole} {fare}")
            if modal == "volere" and not thing.startswith("some "):
                yield _says(kind, f"{he} {do}n't {want} {act}", f"{lui} non {vuole} {fare}")
        kind, può = ("potere", verb.italian, person), italian.present("potere", person)
        yield _asks(kind, f"can {he} {act}", f"{lui} {può} {fare}")
        if not thing.startswith("some "):
            yield _says(kind, f"{he} can't {act}", f"{lui} non {può} {fare}")


def going() -> Iterator[Candidate]:
    """Who goes where and comes from where; the helper of the past is essere."""
    for subject in SUBJECTS:
        he, lui, person = subject.english, subject.italian, subject.person
        goes, has = ("goes", "has") if subject.third else ("go", "have")
        do = "does" if subject.third else "do"
        va, deve = italian.present("andare", person), italian.present("dovere", person)
        sta, è = italian.STARE[person], italian.ESSERE[person]
        andato = italian.adjective("andato", subject.gender, subject.plural)
        tornato = italian.adjective("tornato", subject.gender, subject.plural)
        who: tuple = (person, subject.gender)
        for goal in (PLACES[name] for name in GOALS):
            there = goal.english if goal.english == "home" else f"to {goal.english}"
            now, must, often, once = ((*who, tense) for tense in ("now", "must", "often", "once"))
            yield _says(now, f"{_is(subject)} going {there}", f"{lui} {sta} andando {goal.to}")
            yield _asks(now, f"{BE[person]} {he} going {there}", f"{lui} {sta} andando {goal.to}")
            yield _says(must, f"{he} {has} to go {there}", f"{lui} {deve} andare {goal.to}")
            for daily, ogni in HABITS.items():
                goes_there, ci_va = f"{there} {daily}", f"{va} {goal.to} {ogni}"
                yield _says(often, f"{he} {goes} {goes_there}", f"{lui} {ci_va}")
                yield _says(often, f"{he} {do}n't go {goes_there}", f"{lui} non {ci_va}")
            for then, ieri in PASTS.items():
                c_è_andato = f"{lui} {è} {andato} {goal.to}"
                yield _says(once, f"{he} went {there} {then}", f"{ieri} {c_è_andato}")
                yield _asks(once, f"did {he} go {there} {then}", f"{c_è_andato} {ieri}")
        for origin in (PLACES[name] for name in ORIGINS):
            back, da = f"back from {origin.english}", origin.out_of
            kind = (*who, "coming")
            yield _says(kind, f"{_is(subject)} coming {back}", f"{lui} {sta} tornando {da}")
            kind = (*who, "came")
            for then, ieri in PASTS.items():
                yield _says(kind, f"{he} came {back} {then}", f"{ieri} {lui} {è} {tornato} {da}")


def moods() -> Iterator[Candidate]:
    """How somebody is: the adjective agrees with the subject."""
    for subject in SUBJECTS:
        he, lui, be, è = *_names(subject), BE[subject.person], italian.ESSERE[subject.person]
        for mood, umore in MOODS.items():
            kind: tuple = (mood, subject.gender, subject.plural)
            tired = italian.adjective(umore, subject.gender, subject.plural)
            yield _says(kind, f"{he} {be} {mood}", f"{lui} {è} {tired}")
            if mood != "ready":
                yield _says(kind, f"{he} {be} very {mood}", f"{lui} {è} molto {tired}")
            yield _says(kind, f"{he} {be} not {mood}", f"{lui} non {è} {tired}")
            yield _asks(kind, f"{be} {he} {mood}", f"{lui} {è} {tired}")


def states() -> Iterator[Candidate]:
    """Where English is something, Italian has something: hungry, avere fame."""
    for subject in SUBJECTS:
        he, lui, be, ha = *_names(subject), BE[subject.person], italian.AVERE[subject.person]
        for state, fame in STATES.items():
            kind: tuple = (state,)
            yield _says(kind, f"{he} {be} {state}", f"{lui} {ha} {fame}")
            yield _says(kind, f"{he} {be} not {state}", f"{lui} non {ha} {fame}")
            yield _asks(kind, f"{be} {he} {state}", f"{lui} {ha} {fame}")


def qualities() -> Iterator[Candidate]:
    """What a thing is like: the adjective agrees with the noun."""
    for noun in NOUNS.values():
        for (thing, cosa), plural in known_things(noun):
            be, è = ("are", "sono") if plural else ("is", "è")
            for quality in noun.adjectives:
                kind: tuple = (quality, noun.gender, plural)
                red = italian.adjective(ADJECTIVES[quality], noun.gender, plural)
                yield _says(kind, f"{thing} {be} {quality}", f"{cosa} {è} {red}")
                yield _says(kind, f"{thing} {be} not {quality}", f"{cosa} non {è} {red}")
                yield _asks(kind, f"{be} {thing} {quality}", f"{cosa} {è} {red}")


def positions() -> Iterator[Candidate]:
    """Where a thing is."""
    for noun in (NOUNS[name] for name in SMALL_THINGS):
        for (thing, cosa), plural in known_things(noun):
            be, è = ("are", "sono") if plural else ("is", "è")
            kind: tuple = (noun.english, "where")
            yield _asks(
                kind, f"where {be} {thing}", f"dove sono {cosa}" if plural else f"dov'è {cosa}"
            )
            kind = (noun.english, "there")
            for spot, posto in SPOTS.items():
                if noun.english not in spot:
                    yield _says(kind, f"{thing} {be} {spot}", f"{cosa} {è} {posto}")
                    yield _says(kind, f"{thing} {be} not {spot}", f"{cosa} non {è} {posto}")
                    yield _asks(kind, f"{be} {thing} {spot}", f"{cosa} {è} {posto}")


def presences() -> Iterator[Candidate]:
    """What there is somewhere."""
    for noun in (NOUNS[name] for name in SMALL_THINGS):
        for spot, posto in SPOTS.items():
            if noun.english in spot:
                continue
            kind: tuple = (noun.english,)
            a, un = with_a(noun)
            two, due = f"two {noun.english_plural}", f"due {noun.italian_plural}"
            yield _says(kind, f"there is {a} {spot}", f"c'è {un} {posto}")
            yield _asks(kind, f"is there {a} {spot}", f"c'è {un} {posto}")
            yield _says(kind, f"there are {two} {spot}", f"ci sono {due} {posto}")
            yield _asks(kind, f"are there {two} {spot}", f"ci sono {due} {posto}")


def likings() -> Iterator[Candidate]:
    """What somebody likes: in Italian it is the thing that pleases, to somebody."""
    for subject in SUBJECTS:
        he, gli = subject.english, subject.dative
        kind: tuple = (gli,)
        like, do = ("likes", "does") if subject.third else ("like", "do")
        # Only short pronouns (mi, ti, gli) stand between "non" and the verb.
        not_to_him = f"non {gli}" if " " not in gli and subject.pronoun else f"{gli} non"
        for noun in NOUNS.values():
            for (thing, cosa), plural in liked_things(noun):
                piace = "piacciono" if plural else "piace"
                yield _says(kind, f"{he} {like} {thing}", f"{gli} {piace} {cosa}")
                yield _says(kind, f"{he} {do}n't like {thing}", f"{not_to_him} {piace} {cosa}")
                yield _asks(kind, f"{do} {he} like {thing}", f"{gli} {piace} {cosa}")


# How many sentences of each rule the corpus holds.
RULES: dict[Callable[[], Iterator[Candidate]], int] = {
    habits: 510,
    progress: 270,
    past: 360,
    modals: 240,
    going: 240,
    moods: 230,
    states: 80,
    qualities: 190,
    positions: 150,
    presences: 70,
    likings: 130,
}


def _actions(tense: str) -> Iterator[tuple[Subject, Verb, Pair]]:
    """Each subject, verb and object phrase that go together in a tense."""
    for verb in (verb for verb in VERBS if tense in verb.tenses):
        phrases = [
            phrase
            for name in verb.objects
            for phrase in (
                [with_the(VEHICLES[name])]
                if name in VEHICLES
                else habitual_objects(NOUNS[name], verb)
                if tense == "h"
                else objects(NOUNS[name], verb)
            )
        ]
        for subject in SUBJECTS:
            for phrase in phrases:
                yield subject, verb, phrase


def _names(subject: Subject) -> Pair:
    return subject.english, subject.italian


def _is(subject: Subject, negated: bool = False) -> str:
    """The subject with "be", contracted as in speech: "she's", "the girl isn't"."""
    be = BE[subject.person]
    if subject.pronoun:
        return f"{subject.english}'{be[-2:] if be == 'are' else be[-1]}" + " not" * negated
    return f"{subject.english} {be}" + "n't" * negated


def _says(kind: tuple, english: str, italian_text: str) -> Candidate:
    return kind, _sentence(english, "."), _sentence(italian_text, ".")


def _asks(kind: tuple, english: str, italian_text: str) -> Candidate:
    return kind, _sentence(english, "?"), _sentence(italian_text, "?")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sentence(text: str, end: str) -> str:
    text = " ".join(text.split())  # a subject left out leaves a gap
    return text[0].upper() + text[1:] + end


def rewrite(path: Path) -> int:
    """Writes the grammar's part of a corpus file anew; all other rows stay as they are, in front.

    Args:
        path: A file of rows `english TAB italian TAB origin`.

    Returns:
        How many rows the grammar gave.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    written = [line for line in lines if not line.endswith(f"\t{ORIGIN}")]
    made = [f"{english}\t{italian_text}\t{ORIGIN}" for english, italian_text in sentences()]
    text = "".join(f"{line}\n" for line in [*written, *made])
    path.write_text(text, encoding="utf-8", newline="\n")
    return len(made)


if __name__ == "__main__":
    corpus = sample_path("translations")
    print(f"{rewrite(corpus)} rows of the grammar are in {corpus}")
