"""The corpora that ship."""

import pytest

from kerasft.data.pair_dataset import load_pairs
from kerasft.data.readers import check_classes, read_table
from kerasft.data.samples import sample_path
from kerasft.data.splits import split_by_hash
from kerasft.errors import DataError

pytestmark = pytest.mark.plain


def test_the_sample_is_ready_to_train_on():
    table = read_table(sample_path())
    check_classes(table.labels)
    split = split_by_hash(table.texts, table.labels)
    assert min(len(split.train), len(split.validation), len(split.test)) > 10
    assert split.conflicts == 0


def test_the_translations_are_ready_to_train_on():
    dataset = load_pairs(sample_path("translations"))
    assert len(dataset) == len(dataset.train) + len(dataset.validation) > 2000
    assert 0.08 < len(dataset.validation) / len(dataset) < 0.12
    assert set(dataset.validation.origins) == {"phrasebook", "grammar"}


def test_unknown_sample():
    with pytest.raises(DataError, match=r"the samples are .*conversations, .*translations"):
        sample_path("poems")
