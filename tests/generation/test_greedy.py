import pytest

from harness.decoding import END, PAD, START, BagModel, sources
from kerasft.generation import Generator


def test_greedy_search_equals_a_plain_loop_without_a_cache():
    model = BagModel(vocabulary=20)
    texts = sources(8, 20)
    searcher = Generator(
        model, start_id=START, end_id=END, pad_id=PAD, max_length=25, max_source_length=30
    )
    ended = 0
    for text, (found,) in zip(texts, searcher.generate(texts), strict=True):
        tokens, score = (START,), 0.0
        while len(tokens) <= 25 and tokens[-1] != END:
            log_probs = model.next_log_probs(text, tokens)
            log_probs[[PAD, START]] = -1e9
            tokens += (int(log_probs.argmax()),)
            score += log_probs.max()
        words = tokens[1:-1] if tokens[-1] == END else tokens[1:]
        assert found.token_ids == words
        assert found.truncated == (tokens[-1] != END)
        assert found.score == pytest.approx(score, abs=1e-4)
        ended += not found.truncated
    assert ended > 0
