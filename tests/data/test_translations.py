"""The sample corpus of translations keeps the promises of its README."""

import re
import unicodedata
from collections import Counter, defaultdict
from itertools import combinations

import pytest

from kerasft.data.samples import sample_path
from kerasft.data.splits import normalize
from kerasft.text.detokenize import detokenize
from tools.sample_grammar import grammar

pytestmark = pytest.mark.plain


def words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text)


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    # Decoding is strict: a byte that is not UTF-8 fails here.
    lines = sample_path("translations").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    return [line.split("\t") for line in lines]


@pytest.fixture(scope="module")
def phrasebook(rows) -> list[list[str]]:
    return [row for row in rows if row[2] == "phrasebook"]


@pytest.fixture(scope="module")
def everything() -> dict[str, set[str]]:
    """All that the grammar can say: English -> the Italian of every rule that makes it."""
    found = defaultdict(set)
    for rule in grammar.RULES:
        for _, english, italian in rule():
            found[english].add(italian)
    return found


def test_sizes(rows):
    assert all(len(row) == 3 for row in rows)
    counts = Counter(origin for _, _, origin in rows)
    assert set(counts) == {"phrasebook", "grammar"}
    assert counts["phrasebook"] >= 500
    assert counts["grammar"] >= 1600
    readme = sample_path("translations").with_name("README.md").read_text(encoding="utf-8")
    assert f"{len(rows):,} rows" in readme
    for origin, count in counts.items():
        assert f"| `{origin}` | {count:,} |" in readme


def test_every_side_is_a_clean_sentence(rows):
    for number, (english, italian, _) in enumerate(rows, start=1):
        for text in (english, italian):
            assert text == unicodedata.normalize("NFC", " ".join(text.split())), f"line {number}"
            assert text[0].isupper() and text[-1] in ".?!", f"line {number}: {text}"
            assert 1 <= len(text.split()) <= 15, f"line {number}: {text}"
        assert english[-1] == italian[-1] or {english[-1], italian[-1]} == {".", "!"}
        assert english.isascii(), f"line {number}: {english}"


def test_accents_are_letters_not_apostrophes(rows):
    """Neither "E' tardi" nor "perche'": Italian accents are written as such."""
    for _, italian, _ in rows:
        assert not re.search(r"\b(E|perche|piu|gia|citta|puo|cosi|e)'(\s|$)", italian), italian


def test_no_english_sentence_stands_twice(rows):
    counts = Counter(normalize(english) for english, _, _ in rows)
    assert [text for text, count in counts.items() if count > 1] == []


def test_words_and_marks_go_back_to_the_same_text(rows):
    """What a word-level tokenizer splits can be joined again, so a perfect model scores 100."""
    wrong = [text for row in rows for text in row[:2] if detokenize(words(text)) != text]
    assert wrong == []


def test_the_grammar_makes_its_rows(rows):
    assert tuple((e, i) for e, i, origin in rows if origin == "grammar") == grammar.sentences()


def test_the_grammar_repeats_its_words_and_shares_them_with_the_phrasebook(rows, phrasebook):
    made = [row for row in rows if row[2] == "grammar"]
    for side in (0, 1):
        counts = Counter(word.lower() for row in made for word in words(row[side]))
        assert [word for word, count in counts.items() if count < 5] == []
        written = {word.lower() for row in phrasebook for word in words(row[side])}
        assert len(written & set(counts)) > 0.6 * len(counts)


def test_every_english_sentence_of_the_grammar_has_one_translation(everything):
    assert len(everything) > 500_000
    assert [e for e, translations in everything.items() if len(translations) > 1] == []


def test_the_phrasebook_comes_from_no_template(phrasebook):
    """No two rows share nearly all their words, and no frame with one open word is used often."""

    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    def content(row: list[str]) -> set[str]:
        english = {word.lower() for word in words(row[0]) if word.isalpha()} - ENGLISH_STOP_WORDS
        return english | {f"it:{word.lower()}" for word in words(row[1]) if len(word) > 3}

    sets = [content(row) for row in phrasebook]
    too_close = [
        (phrasebook[i][0], phrasebook[j][0])
        for i, j in combinations(range(len(sets)), 2)
        if len(sets[i] & sets[j]) > 0.6 * max(len(sets[i] | sets[j]), 1)
    ]
    assert too_close == []
    for side in (0, 1):
        frames: Counter[tuple] = Counter()
        for row in phrasebook:
            line = words(row[side].lower())[:-1]  # without the full stop
            if len(line) >= 4:
                frames.update({(*line[:k], "...", *line[k + 1 :]) for k in range(len(line))})
        assert [frame for frame, count in frames.items() if count > 2] == []


GOLD = {
    "My father never drinks wine.": "Mio padre non beve mai vino.",
    "Do you often eat fish?": "Mangi spesso pesce?",
    "The students take the bus every morning.": "Gli studenti prendono l'autobus ogni mattina.",
    "She's reading a letter in the garden.": "Lei sta leggendo una lettera in giardino.",
    "The girl isn't washing the white dog.": "La ragazza non sta lavando il cane bianco.",
    "We're eating some bread at the restaurant.": "Stiamo mangiando del pane al ristorante.",
    "Anna bought two red apples yesterday.": "Ieri Anna ha comprato due mele rosse.",
    "Did you forget an old umbrella on Monday?": "Hai dimenticato un vecchio ombrello lunedì?",
    "They opened an umbrella last night.": "Ieri sera loro hanno aperto un ombrello.",
    "I ate an orange this morning.": "Stamattina ho mangiato un'arancia.",
    "Can you open the window?": "Puoi aprire la finestra?",
    "My parents don't want to sell the house.": "I miei genitori non vogliono vendere la casa.",
    "I have to buy some mirrors.": "Devo comprare degli specchi.",
    "My sisters went to the stadium last week.": (
        "La settimana scorsa le mie sorelle sono andate allo stadio."
    ),
    "He's coming back from the airport.": "Lui sta tornando dall'aeroporto.",
    "I go to the doctor every day.": "Vado dal medico ogni giorno.",
    "The girls are very tired.": "Le ragazze sono molto stanche.",
    "We are not ready.": "Non siamo pronti.",
    "I am hungry.": "Ho fame.",
    "These shirts are white.": "Queste camicie sono bianche.",
    "My backpacks are old.": "I miei zaini sono vecchi.",
    "Where is the key?": "Dov'è la chiave?",
    "This orange is in the closet.": "Quest'arancia è nell'armadio.",
    "There is a cat under the bed.": "C'è un gatto sotto il letto.",
    "There are two mirrors in the backpack.": "Ci sono due specchi nello zaino.",
    "She doesn't like meat.": "Non le piace la carne.",
    "The student doesn't like these pictures.": "Allo studente non piacciono questi quadri.",
    "I like oranges.": "Mi piacciono le arance.",
}


@pytest.mark.parametrize(("english", "italian"), GOLD.items(), ids=lambda text: text)
def test_gold_sentences(everything, english, italian):
    """Translated by hand, without the grammar."""
    assert everything[english] == {italian}


def test_rewriting_keeps_the_other_rows(tmp_path):
    corpus = tmp_path / "corpus.tsv"
    corpus.write_text("Hello.\tCiao.\tphrasebook\nOld.\tVecchio.\tgrammar\n", encoding="utf-8")
    count = grammar.rewrite(corpus)
    lines = corpus.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "Hello.\tCiao.\tphrasebook"
    assert len(lines) == count + 1
    assert not any(line.startswith("Old.") for line in lines)
    assert grammar.rewrite(corpus) == count  # again the same
    assert corpus.read_text(encoding="utf-8").splitlines() == lines


def test_choosing_takes_turns_and_depends_on_the_texts_alone():
    candidates = [(("a",), f"a{i}", "x") for i in range(9)] + [(("b",), f"b{i}", "x") for i in "12"]
    chosen = grammar.choose(iter(candidates), 5)
    assert sorted(english[0] for english, _ in chosen) == ["a", "a", "a", "b", "b"]
    assert grammar.choose(iter(candidates[::-1]), 5) == chosen
    assert len(grammar.choose(iter(candidates), 99)) == 11
