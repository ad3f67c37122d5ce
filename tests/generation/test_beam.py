"""Beam search against a search through every sequence there is."""

import itertools

import numpy as np
import pytest

from harness.decoding import END, PAD, START, BagModel, sources
from kerasft.generation import Generator, Hypothesis

VOCABULARY, LENGTH = 6, 4
WORDS = [token for token in range(VOCABULARY) if token not in (PAD, START, END)]


def every_output(model: BagModel, source: np.ndarray) -> list[Hypothesis]:
    """All sequences of up to LENGTH tokens with [EOS], and those of LENGTH tokens without."""
    found = []
    for size in range(LENGTH + 1):
        for words in itertools.product(WORDS, repeat=size):
            score = 0.0
            for place, word in enumerate(words):
                score += model.next_log_probs(source, (START, *words[:place]))[word]
            if size < LENGTH:
                end = model.next_log_probs(source, (START, *words))[END]
                found.append(Hypothesis(words, float(score + end), truncated=False))
            else:
                found.append(Hypothesis(words, float(score), truncated=True))
    return found


def search(model, texts, **options):
    options = {"max_length": LENGTH, "max_source_length": 16, **options}
    return Generator(model, start_id=START, end_id=END, pad_id=PAD, **options).generate(texts)


@pytest.fixture(scope="module", params=[0, 1])
def model(request):
    return BagModel(VOCABULARY, seed=request.param)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_a_beam_wide_enough_finds_the_best_of_all(model, penalty):
    texts = sources(4, VOCABULARY, longest=9)
    # 1 + 3 + 9 + 27 sequences end in time: a beam that no one of them can fall out of.
    found = search(model, texts, beam_size=81, n_best=5, length_penalty=penalty)
    for text, best in zip(texts, found, strict=True):
        ended = [h for h in every_output(model, text) if not h.truncated]
        ended.sort(key=lambda h: -h.rank(penalty))
        for hypothesis, expected in zip(best, ended[:5], strict=True):
            assert hypothesis.score == pytest.approx(expected.score, abs=1e-4)
            assert hypothesis.rank(penalty) == pytest.approx(expected.rank(penalty), abs=1e-4)
            assert hypothesis.token_ids == expected.token_ids and not hypothesis.truncated


def test_what_was_cut_comes_after_what_has_ended(model):
    text = sources(1, VOCABULARY, longest=9)[0]
    found = search(model, [text], beam_size=121, n_best=121)[0]
    expected = every_output(model, text)
    assert len(found) == len(expected) == 121  # all there are, each once
    scores = {h.token_ids + (END,) * (not h.truncated): h.score for h in expected}
    for hypothesis in found:
        key = hypothesis.token_ids + (END,) * (not hypothesis.truncated)
        assert hypothesis.score == pytest.approx(scores.pop(key), abs=1e-4)
    flags = [hypothesis.truncated for hypothesis in found]
    assert flags == sorted(flags)


def plain_beam_search(model, source, beams, penalty, length):
    """The same rules over Python lists, one text at a time, without a cache."""
    live, ended = [((START,), 0.0)], []
    for _ in range(length):
        continuations = []
        for tokens, score in live:
            log_probs = model.next_log_probs(source, tokens)
            for token in [END, *range(model.vocabulary)]:
                if token not in (PAD, START) and (token != END or log_probs is not None):
                    continuations.append(((*tokens, token), score + log_probs[token]))
        continuations = sorted(set(continuations), key=lambda c: -c[1])[: 2 * beams]
        ended += [c for c in continuations[:beams] if c[0][-1] == END]
        live = [c for c in continuations if c[0][-1] != END][:beams]
        if len(ended) >= beams:
            break
    ended.sort(key=lambda c: -c[1] / (len(c[0]) - 1) ** penalty)
    if len(ended) >= beams:
        live = []
    return [(t[1:-1], s, False) for t, s in ended[:beams]] + [(t[1:], s, True) for t, s in live]


@pytest.mark.parametrize(("beams", "penalty"), [(2, 1.0), (4, 1.0), (4, 0.0), (5, 0.6)])
def test_narrow_beams_follow_the_same_rules_as_plain_lists(beams, penalty):
    model = BagModel(vocabulary=15, seed=3)
    texts = sources(8, 15, longest=9)
    found = search(
        model, texts, beam_size=beams, n_best=beams, length_penalty=penalty, max_length=10
    )
    truncated = 0
    for text, row in zip(texts, found, strict=True):
        expected = plain_beam_search(model, text, beams, penalty, 10)[:beams]
        assert [h.token_ids for h in row] == [tokens for tokens, _, _ in expected]
        assert [h.truncated for h in row] == [cut for _, _, cut in expected]
        assert [h.score for h in row] == pytest.approx([s for _, s, _ in expected], abs=1e-4)
        truncated += sum(h.truncated for h in row)
    assert 0 < truncated < 8 * beams or penalty != 1.0
