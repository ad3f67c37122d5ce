"""The samples of several labels and of numbers: as their generators write them."""

from collections import Counter

import pytest

from kerasft.data.readers import Field, read_rows
from kerasft.data.samples import sample_path
from kerasft.recipes.shared.targets import TargetOptions
from kerasft.tasks.labelled.labelled_texts import load_labelled
from tools.sample_texts import stays, tickets

pytestmark = pytest.mark.plain


@pytest.mark.parametrize("module", [tickets, stays], ids=lambda module: module.FILE.stem)
def test_the_generator_writes_the_file_anew(module, tmp_path):
    module.write(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == sample_path(module.FILE.stem).read_bytes()


def test_tickets():
    options = TargetOptions(data="sample:tickets", label_column="labels", label_separator=";")
    dataset = load_labelled(options)
    assert len(dataset) == 480 and dataset.before.keys() == tickets.SAYS.keys()
    labels = [found for part in dataset.parts.values() for found in part["label"]]
    assert min(dataset.before.values()) >= 45
    assert Counter(map(len, labels)) == {0: 46, 1: 184, 2: 184, 3: 66}
    assert len(set(labels)) > 60
    lengths = [len(text.split()) for text in dataset.train["text"]]
    assert min(lengths) >= 3 and max(lengths) <= 60


def test_stays():
    options = TargetOptions(data="sample:stays", label_column="rating", task="regression")
    dataset = load_labelled(options)
    assert len(dataset) == 460
    numbers = dataset.train["label"]
    assert min(numbers) == 1 and max(numbers) == 5 and len(set(numbers)) > 35
    table = read_rows(sample_path("stays"), [Field("text", "text")])
    assert len(set(map(str.casefold, table["text"]))) == 460
