"""Sentences and their entities as token ids of a text-to-text model."""

import dataclasses

import numpy as np
import pytest

from kerasft.errors import ConfigError, DataError
from kerasft.tasks.entities.dataset import EntityOptions, load_sentences
from kerasft.tasks.entities.sentence import Sentence, Span
from kerasft.tasks.text_to_entities.batches import (
    EntityTokens,
    encode_entities,
    entity_batches,
)
from kerasft.tasks.text_to_entities.entity_format import parse_spans, target_of
from kerasft.text.trained_unigram import train_unigram

pytestmark = pytest.mark.any_backend

PREFIX = "find: "


@pytest.fixture(scope="module")
def dataset():
    return load_sentences(EntityOptions())


@pytest.fixture(scope="module")
def tokens(dataset):
    sentences = dataset.train.sentences
    texts = [PREFIX + sentence.text for sentence in sentences] + [*map(target_of, sentences)]
    return EntityTokens(train_unigram(texts, 800, extra_ids=2), PREFIX, 0, 128, 96)


def test_sources_and_targets_read_back(dataset, tokens):
    sentences = dataset.train.sentences
    pairs = encode_entities(sentences, tokens)
    assert len(pairs.source_ids) == len(pairs.target_ids) == len(sentences) == pairs.sentences
    assert (pairs.long_sentences, pairs.cut, pairs.unwritable, pairs.unknown) == (0, 0, 0, 0)
    decode = tokens.tokenizer.decode
    for sentence, source, target in zip(sentences, pairs.source_ids, pairs.target_ids, strict=True):
        assert decode(source) == PREFIX + sentence.text
        assert target[0] == 0 and target[-1] == 1 == source[-1]
        assert parse_spans(decode(target), sentence).spans == sentence.spans
    assert pairs.describe(tokens).startswith(f"none of {len(sentences)} sentences is longer than ")


def test_long_sentences_are_read_in_parts_with_all_entities(dataset, tokens):
    short = dataclasses.replace(tokens, max_length=24, max_target_length=20)
    pairs = encode_entities(dataset.train.sentences, short)
    assert pairs.long_sentences > 20 and len(pairs.source_ids) > pairs.sentences + 20
    assert max(map(len, pairs.source_ids)) <= 24 and max(map(len, pairs.target_ids)) <= 21
    written = [tokens.tokenizer.decode(ids) for ids in pairs.target_ids]
    entities = sum(text.count("; ") + 1 for text in written if text != "none")
    # Those of the few parts that had to be cut off are the only ones that are missing.
    assert 0 <= dataset.train.entities - entities <= 3 * pairs.cut
    said = pairs.describe(short)
    assert "they are read in windows cut between entities" in said
    assert pairs.cut == 0 or "had to be cut off" in said


def test_an_entity_that_fits_nowhere_is_counted(tokens):
    name = ("the", *["long"] * 5, "house", "of", "the", "sea")
    sentence = Sentence(("We", "saw", *name), (Span(2, 12, "LOC"),))
    short = dataclasses.replace(tokens, max_length=16, max_target_length=8)
    pairs = encode_entities([sentence], short)
    assert pairs.cut == 1 and "; 1 window had to be cut off" in pairs.describe(short)


def test_letters_that_cannot_be_written_are_counted(tokens):
    pairs = encode_entities([Sentence(("Ω", "left"), (Span(0, 1, "PER"),))], tokens)
    assert pairs.unwritable == 1 and pairs.unknown > 0
    assert "letters that the vocabulary cannot write" in pairs.describe(tokens)


def test_batches_hold_the_shifted_targets(dataset, tokens):
    batches = entity_batches(dataset, tokens, tokens_per_batch=400, seed=3)
    inputs, labels, weights = batches.train.batch(0, 0)
    np.testing.assert_array_equal(inputs["target_ids"][:, 1:][weights[:, 1:] > 0],
                                  labels[:, :-1][weights[:, 1:] > 0])  # fmt: skip
    assert (inputs["target_ids"][:, 0] == 0).all()
    assert batches.train.tokens_per_epoch == sum(
        len(ids) - 1 for ids in encode_entities(dataset.train.sentences, tokens).target_ids
    )
    assert [note.split(":")[0] for note in batches.notes] == ["train", "validation"]
    again = entity_batches(dataset, tokens, tokens_per_batch=400, seed=3)
    np.testing.assert_array_equal(labels, again.train.batch(0, 0)[1])


def test_refusals(tokens):
    with pytest.raises(ConfigError, match="the prefix 'find: ' takes"):
        dataclasses.replace(tokens, max_length=3)
    with pytest.raises(DataError, match="no sentences"):
        encode_entities([], tokens)
