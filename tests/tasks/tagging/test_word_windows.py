"""Words as tokens: where each begins, and how long sentences are cut."""

import random

import numpy as np
import pytest
import transformers

from harness import wordpieces
from harness.checkpoints import vocabulary, write_checkpoint
from kerasft.architectures import read_tokenizer
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.entities.sentence import Sentence, Span
from kerasft.tasks.tagging.word_windows import owners, prediction_windows, training_windows

pytestmark = pytest.mark.any_backend

TOKENIZER = wordpieces.tokenizer(vocabulary())
AWKWARD = [
    "hello",
    "WORLD",
    "D.C.",
    "it's",
    "x",
    "\u200b",
    "é",
    "日本",
    "🙂",
    "new york",
    "....",
    "a" * 120,
]


def test_tokens_and_words_are_those_of_transformers(tmp_path):
    write_checkpoint(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ours = read_tokenizer(tmp_path)
    rng = random.Random(0)
    sentences = [[rng.choice(AWKWARD) for _ in range(rng.randint(1, 9))] for _ in range(200)]
    for words, encoded in zip(sentences, ours.encode_words(sentences), strict=True):
        expected = theirs(words, is_split_into_words=True)
        ids = ours.with_special(encoded.token_ids)
        assert ids.tolist() == expected["input_ids"]
        assert [None, *encoded.words.tolist(), None] == expected.word_ids()


def sizes(words: list[str]) -> np.ndarray:
    (encoded,) = TOKENIZER.encode_words([words])
    return np.bincount(encoded.words, minlength=len(words))


def random_sentence(rng: random.Random) -> Sentence:
    words = tuple(rng.choice(AWKWARD[:-1]) for _ in range(rng.randint(1, 40)))
    spans, at = [], 0
    while at < len(words):
        end = min(len(words), at + rng.randint(1, 5))
        if rng.random() < 0.4:
            spans.append(Span(at, end, "X"))
        at = end
    return Sentence(words, tuple(spans))


@pytest.mark.parametrize("max_length", [3, 5, 8, 16, 512])
def test_training_windows_hold_each_word_once(max_length):
    rng = random.Random(max_length)
    sentences = [random_sentence(rng) for _ in range(150)]
    found = training_windows(TOKENIZER, sentences, max_length)
    for row, sentence in enumerate(sentences):
        windows = [window for window in found.windows if window.sentence == row]
        covered = [word for window in windows for word in range(window.start, window.end)]
        assert covered == list(range(len(sentence.tokens)))
        borders = [window.end for window in windows[:-1]]
        needed = sizes(list(sentence.tokens))
        for span in sentence.spans:
            if needed[span.start : span.end].sum() <= max_length - 2:
                assert not any(span.start < border < span.end for border in borders)
        (encoded,) = TOKENIZER.encode_words([sentence.tokens])
        for window in windows:
            assert 2 <= len(window.token_ids) <= max_length
            assert window.token_ids[0] == TOKENIZER.token_id("[CLS]")
            assert window.token_ids[-1] == TOKENIZER.token_id("[SEP]")
            for place, word in zip(
                window.first_tokens, range(window.start, window.end), strict=True
            ):
                if needed[word] == 0:
                    assert place == -1
                else:
                    first = encoded.token_ids[np.flatnonzero(encoded.words == word)[0]]
                    assert window.token_ids[place] == first


def test_one_window_is_what_encode_gives():
    words = ["hello", "world", "D.C.", "."]
    (window,) = prediction_windows(TOKENIZER, [words], 64).windows
    expected = TOKENIZER.encode([" ".join(words)], 64).token_ids[0]
    assert window.token_ids.tolist() == expected.tolist()
    assert window.first_tokens.tolist() == [1, 2, 3, 7]


def test_what_was_cut_is_said():
    tokens = ("hello",) * 10
    sentences = [
        Sentence(tokens, (Span(0, 10, "X"),)),
        Sentence(tokens, (Span(3, 5, "X"),)),
        Sentence(("hello", "\u200b")),
        Sentence(("a" * 60, "x")),  # one token for each letter
    ]
    found = training_windows(TOKENIZER, sentences, 6)
    counts = (found.long_sentences, found.cuts, found.cut_words, found.empty_words)
    assert counts == (3, 2, [3], 1)
    borders = [(w.start, w.end) for w in found.windows if w.sentence == 1]
    assert borders == [(0, 3), (3, 7), (7, 10)]
    assert found.summary() == (
        "3 of 4 sentences are longer than 6 tokens and read in windows cut between entities, but "
        "for 2 cuts in entities that are longer than a window; 1 word is longer than a window and "
        "cut; 1 word is without a letter that the tokenizer knows of; 0.00% of the tokens are "
        "unknown"
    )
    none = training_windows(TOKENIZER, sentences[:2], 64).summary()
    assert none == "none of 2 sentences is longer than 64 tokens; 0.00% of the tokens are unknown"
    assert "windows that overlap" in prediction_windows(TOKENIZER, [tokens], 6).summary()


@pytest.mark.parametrize("max_length", [3, 4, 7, 12])
def test_each_word_of_overlapping_windows_has_one_owner(max_length):
    rng = random.Random(max_length)
    sentences = [random_sentence(rng).tokens for _ in range(100)]
    found = prediction_windows(TOKENIZER, sentences, max_length).windows
    for row, words in enumerate(sentences):
        windows = [window for window in found if window.sentence == row]
        spoken = [
            window.start + int(place)
            for window, own in zip(windows, owners(windows), strict=True)
            for place in np.flatnonzero(own)
        ]
        assert sorted(spoken) == list(range(len(words)))


def test_a_word_is_taken_from_where_it_has_most_around_it():
    (*windows,) = prediction_windows(TOKENIZER, [["x"] * 14], 10).windows
    assert [(w.start, w.end) for w in windows] == [(0, 8), (6, 14)]
    assert [own.sum() for own in owners(windows)] == [7, 7]
    assert owners([]) == []


def test_no_room_is_refused():
    with pytest.raises(ConfigError, match="make it 3 or more"):
        prediction_windows(TOKENIZER, [["x"]], 2)
    with pytest.raises(DataError, match="surrogate"):
        TOKENIZER.encode_words([["ok", "\ud800"]])
