"""Batches of a tagger: each word's tag at its first token, all else without weight."""

import numpy as np
import pytest

from harness import wordpieces
from harness.checkpoints import vocabulary
from kerasft.errors import DataError
from kerasft.tasks.entities.dataset import EntityDataset
from kerasft.tasks.entities.rows import EntityRows
from kerasft.tasks.entities.sentence import Sentence, Span
from kerasft.tasks.entities.tag_schemes import tag_names, tags_of
from kerasft.tasks.tagging.batches import TaggedBatches, tagged_batches
from kerasft.tasks.tagging.word_windows import training_windows
from kerasft.text.labels import LabelMap

pytestmark = pytest.mark.any_backend

TOKENIZER = wordpieces.tokenizer(vocabulary())
TAGS = LabelMap(tag_names(["LOC", "PER"]))


def sentences(count: int, seed: int = 0) -> list[Sentence]:
    rng = np.random.default_rng(seed)
    words = ["hello", "Jon", "sumit", "D.C.", "opinion", "\u200b", "xyz", "."]
    found = []
    for _ in range(count):
        tokens = tuple(words[i] for i in rng.integers(0, len(words), rng.integers(1, 14)))
        spans = tuple(Span(i, i + 1, "PER" if i % 2 else "LOC") for i in range(0, len(tokens), 3))
        found.append(Sentence(tokens, spans))
    return found


def dataset(train: int = 45, validation: int = 7) -> EntityDataset:
    tables = [
        EntityRows({"sentence": sentences(count, seed)}, "somewhere", "0" * 64, scheme="BIO")
        for seed, count in enumerate((train, validation, 3))
    ]
    return EntityDataset(*tables, types=("LOC", "PER"), test_sha256="", notes=[])


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("max_length", [8, 32])
def test_every_word_has_its_tag_once_an_epoch(grouped, max_length):
    data = dataset()
    parts = tagged_batches(
        data, TOKENIZER, TAGS, max_length=max_length, batch_size=8, seed=3, group_by_length=grouped
    )
    windows = parts.windows["train"].windows
    batches = parts.train
    for epoch in (0, 1):
        total, seen = 0.0, []
        for index in range(len(batches)):
            inputs, labels, weights = batches.batch(epoch, index)
            shape = inputs["token_ids"].shape
            assert shape in batches.shapes and labels.shape == weights.shape == shape
            assert (labels.dtype, weights.dtype) == (np.int32, np.float32)
            assert not weights[~inputs["padding_mask"]].any()
            rows = batches.rows(epoch, index)
            assert not weights[len(rows) :].any()
            total += weights.mean()
            for slot, row in enumerate(rows):
                window = windows[row]
                sentence = data.train.sentences[window.sentence]
                tags = tags_of(sentence.spans, len(sentence.tokens))[window.start : window.end]
                expected = {
                    int(place): tag
                    for place, tag in zip(window.first_tokens, tags, strict=True)
                    if place >= 0
                }
                places = np.flatnonzero(weights[slot])
                assert {int(p): TAGS.names[labels[slot, p]] for p in places} == expected
                seen.append(row)
        assert sorted(seen) == list(range(len(windows)))
        assert total == pytest.approx(len(batches), rel=1e-5)
    assert [a[1].tolist() for a in parts.validation] == [a[1].tolist() for a in parts.validation]
    assert "longer than" in parts.describe()[0]
    assert "words per epoch have a tag" in batches.summary()


def test_the_mean_of_the_batches_means_is_the_mean_over_words():
    """Two sentences of one and of ten words: eleven words weigh the same."""
    rows = [Sentence(("hello",), (Span(0, 1, "PER"),)), Sentence(("world",) * 10)]
    windows = training_windows(TOKENIZER, rows, 16).windows
    ids = [TAGS.encode(tags_of(row.spans, len(row.tokens))) for row in rows]
    batches = TaggedBatches(
        windows, ids, batch_size=1, pad_id=0, max_length=16, shuffle=False, seed=0
    )
    losses = [float((weights * (labels > 0)).mean()) for _, labels, weights in batches]
    assert np.mean(losses) == pytest.approx(1 / 11)


def test_types_that_training_lacks_are_outside():
    data = dataset()
    strange = Sentence(("Jon", "hello"), (Span(0, 1, "CITY"), Span(1, 2, "PER")))
    table = EntityRows({"sentence": [strange]}, "somewhere", "0" * 64, scheme="BIO")
    data = EntityDataset(data.train, table, data.test, ("LOC", "PER"), "", [])
    parts = tagged_batches(data, TOKENIZER, TAGS, max_length=16, batch_size=2, seed=0)
    _, labels, weights = parts.validation.batch(0, 0)
    assert [TAGS.names[i] for i in labels[0][weights[0] > 0]] == ["O", "B-PER"]


def test_words_without_a_token_cannot_be_learned_from():
    rows = [Sentence(("\u200b",))]
    windows = training_windows(TOKENIZER, rows, 16).windows
    with pytest.raises(DataError, match="no word"):
        TaggedBatches(
            windows,
            [np.zeros(1, int)],
            batch_size=1,
            pad_id=0,
            max_length=16,
            shuffle=False,
            seed=0,
        )
