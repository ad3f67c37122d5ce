"""The corpora that ship."""

import pytest

from kerasft.data.pair_dataset import load_pairs
from kerasft.data.readers import read_texts
from kerasft.data.samples import sample_path
from kerasft.data.splits import split_by_hash
from kerasft.errors import DataError
from kerasft.tasks.labelled.label_kind import LabelKind

pytestmark = pytest.mark.plain


def test_the_sample_is_ready_to_train_on():
    table = read_texts(sample_path())
    LabelKind().check(table["label"])
    split = split_by_hash(table["text"], table["label"])
    assert min(len(split.train), len(split.validation), len(split.test)) > 10
    assert split.conflicts == 0


def test_the_translations_are_ready_to_train_on():
    dataset = load_pairs(sample_path("translations"))
    assert len(dataset) == len(dataset.train) + len(dataset.validation) > 2000
    assert 0.08 < len(dataset.validation) / len(dataset) < 0.12
    assert set(dataset.validation["origin"]) == {"phrasebook", "grammar"}


def test_unknown_sample():
    with pytest.raises(DataError, match=r"the samples are .*conversations, .*translations"):
        sample_path("poems")
