"""The tagging engine: its probabilities are the model's, whatever beside, however long."""

import keras
import numpy as np
import pytest

from harness import taggers, wordpieces
from harness.checkpoints import vocabulary
from kerasft import backends
from kerasft.architectures import EncoderArguments, Tagger
from kerasft.errors import FolderError
from kerasft.tasks.tagging.tag_decoding import find_spans

TOKENIZER = wordpieces.tokenizer(vocabulary())
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
ARGUMENTS = EncoderArguments(
    vocab_size=TOKENIZER.vocab_size, num_layers=2, num_heads=2, hidden_size=16,
    intermediate_size=24, max_length=64,
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Tagger:
    keras.utils.set_random_seed(0)
    model = Tagger("distilbert", ARGUMENTS, len(TAGS))
    for weight in model.weights:
        if "kernel" in weight.path:
            weight.assign(weight * 20.0)
    return model


def sentences(count: int, longest: int = 12) -> list[list[str]]:
    rng = np.random.default_rng(1)
    words = ["hello", "Jon", "D.C.", "\u200b", "opinion", "xyz", "."]
    return [
        [words[i] for i in rng.integers(0, len(words), rng.integers(1, longest))]
        for _ in range(count)
    ]


def by_hand(forward, rows: list[list[str]], length: int) -> list[np.ndarray]:
    """What the model says of each word's first token, (words, tags), all rows in one batch."""
    encoded = TOKENIZER.encode_words(rows)
    ids = np.full((len(rows), length), TOKENIZER.pad_id, "int32")
    mask = np.zeros(ids.shape, bool)
    for row, each in enumerate(encoded):
        tokens = TOKENIZER.with_special(each.token_ids)
        ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, True
    logits = forward({"token_ids": ids, "padding_mask": mask})
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    found = []
    for words, each, row in zip(rows, encoded, probabilities, strict=True):
        found.append(np.tile([1.0, 0.0, 0.0, 0.0, 0.0], (len(words), 1)))  # "O" without a token
        for word in range(len(words)):
            places = np.flatnonzero(each.words == word)
            if len(places):
                found[-1][word] = row[1 + places[0]]
    return found


def test_probabilities_are_those_of_the_model(model):
    engine = taggers.engine(model, TOKENIZER, TAGS, 64)
    forward = backends.compile_forward(model)
    rows = sentences(40)
    found = engine.probabilities(rows)
    for probabilities, expected in zip(found, by_hand(forward, rows, 64), strict=True):
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    # The same without any padding and without neighbors. (A shape takes XLA seconds: not all.)
    sizes = [len(TOKENIZER.with_special(e.token_ids)) for e in TOKENIZER.encode_words(rows)]
    by_size = np.argsort(sizes)
    assert sizes[by_size[0]] < 8 and sizes[by_size[-1]] > 16
    for row in (by_size[0], by_size[20], by_size[-1]):
        (expected,) = by_hand(forward, [rows[row]], sizes[row])
        np.testing.assert_allclose(found[row], expected, atol=1e-5)
    assert any("\u200b" in words for words in rows)
    spans = [find_spans(each, TAGS) for each in found]
    assert engine.find(rows) == spans and any(spans)


def test_long_sentences_are_read_to_their_end(model):
    engine = taggers.engine(model, TOKENIZER, TAGS, 12)
    (long,) = engine.probabilities([["hello", "Jon", "."] * 30])
    assert long.shape == (90, len(TAGS))
    np.testing.assert_allclose(long.sum(axis=1), 1.0)
    # The first words are those of the first window alone.
    (first,) = engine.probabilities([(["hello", "Jon", "."] * 30)[:10]])
    np.testing.assert_allclose(long[:7], first[:7], atol=1e-6)


def test_nothing_in_nothing_out(model):
    engine = taggers.engine(model, TOKENIZER, TAGS, 12)
    assert engine.find([]) == []
    assert engine.find([["\u200b"]]) == [[]]


def test_broken_weights_are_an_error(model):
    broken = Tagger("distilbert", ARGUMENTS, len(TAGS))
    broken.get_layer("classifier").bias.assign([float("nan")] * len(TAGS))
    with pytest.raises(FolderError, match="NaN"):
        taggers.engine(broken, TOKENIZER, TAGS, 12).find([["hello"]])
