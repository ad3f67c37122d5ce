"""The samples of several labels and of numbers keep the promises of their README."""

import re
from collections import Counter
from itertools import combinations

import pytest

from kerasft.data.readers import Field, read_rows
from kerasft.data.samples import sample_path
from kerasft.recipes.shared.targets import TargetOptions
from kerasft.tasks.labelled.labelled_texts import load_labelled

pytestmark = pytest.mark.plain


def readme(name: str) -> str:
    """The README's section on one sample."""
    page = sample_path(name).with_name("README.md").read_text(encoding="utf-8")
    return page.partition(f"## {name}.csv\n")[2].partition("\n## ")[0]


def test_tickets():
    options = TargetOptions(data="sample:tickets", label_column="labels", label_separator=";")
    dataset = load_labelled(options)
    said = readme("tickets")
    assert f"{len(dataset)} rows, two columns" in said
    table = re.findall(r"^\| `(.+)` \| (\d+) \|", said, re.M)
    assert {label: int(rows) for label, rows in table} == dict(dataset.before)
    labels = [found for part in dataset.parts.values() for found in part["label"]]
    numbers = Counter(map(len, labels))
    assert (
        f"{numbers[0]} rows have no label (thanks, notices), {numbers[1]} have one, "
        f"{numbers[2]} two, {numbers[3]} three, in {len(set(labels))} combinations"
    ) in " ".join(said.split())
    for part in dataset.parts.values():
        assert {label for found in part["label"] for label in found} == dataset.before.keys()


def test_stays():
    options = TargetOptions(data="sample:stays", label_column="rating", task="regression")
    dataset = load_labelled(options)
    assert f"{len(dataset)} rows, two columns" in readme("stays")
    numbers = [number for part in dataset.parts.values() for number in part["label"]]
    assert set(numbers) == {tenth / 10 for tenth in range(10, 51)}
    assert max(Counter(numbers).values()) <= 25
    for part in dataset.parts.values():
        assert min(part["label"]) < 1.5 and max(part["label"]) > 4.5


@pytest.mark.parametrize("name", ["tickets", "stays"])
def test_every_text_is_one_of_its_own(name):
    texts = read_rows(sample_path(name), [Field("text", "text")])["text"]
    lengths = [len(text.split()) for text in texts]
    assert f"{min(lengths)} to {max(lengths)} words" in " ".join(readme(name).split())
    openings = Counter(tuple(text.casefold().split()[:4]) for text in texts)
    assert max(openings.values()) <= 3
    words = [re.findall(r"\w+", text.casefold()) for text in texts]
    parts = [set(zip(found, found[1:], found[2:], strict=False)) for found in words]
    for one, other in combinations(parts, 2):
        assert 5 * len(one & other) < len(one | other)
