"""The corpora that ship."""

import pytest

from kerasft.data.readers import check_classes, read_table
from kerasft.data.samples import sample_path
from kerasft.data.splits import split_by_hash
from kerasft.errors import DataError


def test_the_sample_is_ready_to_train_on():
    table = read_table(sample_path())
    check_classes(table.labels)
    split = split_by_hash(table.texts, table.labels)
    assert min(len(split.train), len(split.validation), len(split.test)) > 10
    assert split.conflicts == 0


def test_unknown_sample():
    with pytest.raises(DataError, match=r"the samples are .*conversations"):
        sample_path("poems")
