"""What moves a row from one part to another, and what must not."""

import subprocess
import sys
import unicodedata

import numpy as np
import pytest

from kerasft.data.splits import hash_of_texts, normalize, split_by_hash
from kerasft.errors import ConfigError, DataError

pytestmark = pytest.mark.plain

PARTS = ("train", "validation", "test")
EXPECTED_TEST = [28, 38, 25, 27, 17, 0]
EXPECTED_SHA256 = "910656c5898fae626d5908f90dd79ab8860253d236819d0f4c8f002d20a7e92a"


def make_rows(rows: int = 400, classes: int = 4, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts with repetitions (in other case and spacing), and classes of different size."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(rows):
        name = f"class {int(classes * rng.random() ** 2)}"
        text = f"{name} text number {rng.integers(rows // 2)}"
        if rng.random() < 0.3:
            text = text.upper()
        if rng.random() < 0.3:
            text = "  " + text.replace(" ", " \n")
        texts.append(text)
        labels.append(name)
    return texts, labels


def contents(texts, labels, **options) -> dict[str, list[tuple[str, str]]]:
    """The (text, label) pairs of each part, in the split's order."""
    split = split_by_hash(texts, labels, **options)
    return {part: [(texts[i], labels[i]) for i in getattr(split, part)] for part in PARTS}


def test_every_row_is_in_one_part():
    texts, labels = make_rows()
    split = split_by_hash(texts, labels)
    together = np.concatenate([split.train, split.validation, split.test])
    assert sorted(together.tolist()) == list(range(len(texts)))
    assert split.train.dtype == np.int64


def test_order_of_rows_does_not_matter():
    texts, labels = make_rows()
    expected = contents(texts, labels)
    expected_hash = split_by_hash(texts, labels).test_sha256
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(texts))
        shuffled = [texts[i] for i in order], [labels[i] for i in order]
        # Not only the same rows in each part: in the same order too.
        assert contents(*shuffled) == expected
        assert split_by_hash(*shuffled).test_sha256 == expected_hash


def test_equal_texts_share_a_part():
    texts, labels = make_rows()
    parts = contents(texts, labels)
    seen: dict[str, str] = {}
    for part, rows in parts.items():
        for text, _ in rows:
            assert seen.setdefault(normalize(text), part) == part
    split = split_by_hash(texts, labels)
    assert split.duplicates == len(texts) - len(seen) > 50
    assert split.conflicts == 0


def test_rows_of_another_class_move_nothing():
    texts, labels = make_rows()
    before = contents(texts, labels)
    more = [f"quite another text {i}" for i in range(100)]
    for name in ("new class", "class 1"):
        after = contents([*texts, *more], [*labels, *[name] * 100])
        for part in PARTS:
            assert [row for row in before[part] if row[1] != name] == [
                row for row in after[part] if row[1] != name
            ]


def test_repeating_a_row_moves_nothing():
    texts, labels = make_rows()
    before = contents(texts, labels)
    copies = [f" {text.title()}\t" for text in texts[:150]]
    after = contents([*texts, *copies], [*labels, *labels[:150]])
    for part in PARTS:
        assert {(normalize(t), name) for t, name in before[part]} == {
            (normalize(t), name) for t, name in after[part]
        }


def test_new_rows_of_a_class_move_few():
    texts = [f"text {i}" for i in range(200)]
    more = [f"more {i}" for i in range(20)]
    before = split_by_hash([*texts, "o", "p", "q"], ["a"] * 200 + ["b"] * 3)
    after = split_by_hash([*texts, *more, "o", "p", "q"], ["a"] * 220 + ["b"] * 3)
    kept = set(before.test[before.test < 200]) & set(after.test[after.test < 200])
    assert len(kept) >= 0.8 * len(before.test)


def test_shares_hold_within_each_class():
    texts = [f"text {i}" for i in range(1000)]
    labels = ["a"] * 700 + ["b"] * 200 + ["c"] * 100
    for validation, test in ((0.15, 0.15), (0.1, 0.3), (0.0, 0.2), (0.2, 0.0), (0.0, 0.0)):
        parts = contents(texts, labels, validation=validation, test=test)
        for name, size in (("a", 700), ("b", 200), ("c", 100)):
            count = {part: sum(row[1] == name for row in parts[part]) for part in PARTS}
            assert count["validation"] == round(validation * size)
            assert count["test"] == round(test * size)


@pytest.mark.parametrize("distinct", range(2, 12))
@pytest.mark.parametrize(("validation", "test"), [(0.15, 0.15), (0.01, 0.01), (0.5, 0.49)])
def test_small_classes_are_in_each_part(distinct, validation, test):
    texts = [f"a {i}" for i in range(distinct)] * 2 + [f"b {i}" for i in range(50)]
    labels = ["a"] * (2 * distinct) + ["b"] * 50
    parts = contents(texts, labels, validation=validation, test=test)
    for part in PARTS:
        count = sum(label == "a" for _, label in parts[part])
        assert count >= 2 if distinct > 2 or part != "validation" else count == 0


def test_seed_gives_another_split():
    texts, labels = make_rows()
    first, again, second = (split_by_hash(texts, labels, seed=seed) for seed in (0, 0, 1))
    assert first.test_sha256 == again.test_sha256 != second.test_sha256
    assert set(first.test) != set(second.test)


def test_a_text_with_two_labels_stays_together():
    texts = [f"text {i}" for i in range(30)] + ["Text 3", "text 4"]
    labels = ["b"] * 15 + ["c"] * 15 + ["a", "c"]
    texts += [f"other {i}" for i in range(5)]
    labels += ["a"] * 5
    split = split_by_hash(texts, labels)
    assert split.conflicts == 2
    for one, other in ((3, 30), (4, 31)):
        assert any({one, other} <= set(getattr(split, part).tolist()) for part in PARTS)


def test_the_split_is_the_same_for_ever():
    """Test results of different versions can be compared only if this stays."""
    texts = [f"text {i}" for i in range(40)]
    split = split_by_hash(texts, ["a", "b"] * 20)
    assert split.test.tolist() == EXPECTED_TEST
    assert split.test_sha256 == EXPECTED_SHA256


def test_the_split_is_the_same_in_another_process():
    """Python's own hash of strings changes with each process."""
    script = (
        "from kerasft.data.splits import split_by_hash;"
        "print(split_by_hash([f'text {i}' for i in range(40)], ['a', 'b'] * 20).test.tolist())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == str(EXPECTED_TEST), done.stderr


def test_test_hash_is_that_of_the_texts():
    texts, labels = make_rows()
    split = split_by_hash(texts, labels)
    assert split.test_sha256 == hash_of_texts(texts[i] for i in split.test)
    assert split.test_sha256 != hash_of_texts(texts[i] for i in split.train)


def test_what_counts_as_the_same_text():
    assert normalize(" Straße\u00a0 IN\n\tCAFÉ ") == "strasse in caf\u00e9"
    assert normalize("cafe\u0301") == normalize("CAF\u00c9")
    assert normalize("a b") != normalize("ab")
    assert normalize("naïve") != normalize("naive")


def test_normalizing_twice_changes_nothing():
    """Else the hash of the test texts would depend on how often they were normalized."""
    for block in range(0, 0x110000, 0x1000):
        characters = [chr(i) for i in range(block, block + 0x1000) if not 0xD800 <= i < 0xE000]
        for text in (f"a{character}b" for character in characters):
            if unicodedata.category(text[1]) not in ("Cn", "Co"):
                assert normalize(normalize(text)) == normalize(text), text.encode("unicode_escape")


@pytest.mark.parametrize(
    ("validation", "test"), [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (0, 1), (2, 0)]
)
def test_impossible_shares(validation, test):
    with pytest.raises(ConfigError, match="leave something to train on"):
        split_by_hash(["a", "b"], ["x", "y"], validation=validation, test=test)


def test_shares_that_are_no_numbers():
    with pytest.raises(ConfigError):
        split_by_hash(["a", "b"], ["x", "y"], test=float("nan"))


def test_classes_that_cannot_be_split():
    with pytest.raises(DataError, match="class 'y' has a single distinct text"):
        split_by_hash(["a", "b", "c", "C", " c "], ["x", "x", "y", "y", "y"])
    with pytest.raises(DataError, match="class 'y' has no text of its own"):
        split_by_hash(["a", "b", "a", "b"], ["x", "x", "y", "y"])
    alone = split_by_hash(["a", "b", "c"], ["x", "x", "y"], validation=0, test=0)
    assert len(alone.train) == 3
