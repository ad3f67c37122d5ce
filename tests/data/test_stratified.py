"""The split of rows with several labels."""

import numpy as np
import pytest

from kerasft.data.splits import normalize
from kerasft.data.stratified import stratified_by_hash

pytestmark = pytest.mark.plain

RARE = {"a": 0.5, "b": 0.3, "c": 0.12, "d": 0.03}


def made(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = [
        tuple(name for name, share in RARE.items() if rng.random() < share) for _ in range(rows)
    ]
    return [f"text {number}" for number in range(rows)], labels


def parts(split, texts):
    return {
        part: {normalize(texts[row]) for row in getattr(split, part)}
        for part in ("train", "validation", "test")
    }


def test_each_part_has_its_share_of_each_label():
    texts, labels = made()
    split = stratified_by_hash(texts, labels, validation=0.15, test=0.15)
    rows = np.concatenate([split.train, split.validation, split.test])
    assert sorted(rows) == list(range(400))
    assert abs(len(split.test) - 60) <= 2 and abs(len(split.validation) - 60) <= 2
    for name in [*RARE, None]:  # None: rows without a label
        has = np.array([name in found if name else not found for found in labels])
        for part in (split.test, split.validation):
            assert abs(has[part].sum() - 0.15 * has.sum()) <= 1.5, name


def test_it_is_fairer_than_chance():
    """Sechidis et al. 2011, equation 5: how far the labels' shares lie from the wanted ones."""
    texts, labels = made(rows=120, seed=3)
    has = np.array([[name in found for name in RARE] for found in labels], float)

    def unfair(test):
        return np.abs(has[test].mean(axis=0) - has.mean(axis=0)).mean()

    ours = unfair(stratified_by_hash(texts, labels).test)
    rng = np.random.default_rng(0)
    chance = [unfair(rng.permutation(120)[:18]) for _ in range(50)]
    assert ours < np.quantile(chance, 0.1)


def test_the_order_of_the_rows_does_not_matter():
    texts, labels = made(100)
    first = parts(stratified_by_hash(texts, labels, seed=1), texts)
    order = np.random.default_rng(5).permutation(100)
    moved = [texts[row] for row in order]
    again = stratified_by_hash(moved, [labels[row] for row in order], seed=1)
    assert parts(again, moved) == first
    assert again.test_sha256 == stratified_by_hash(texts, labels, seed=1).test_sha256
    assert parts(stratified_by_hash(texts, labels, seed=2), texts) != first


def test_equal_texts_share_a_part():
    texts, labels = made(60)
    texts, labels = [*texts, *(text.upper() for text in texts)], [*labels, *reversed(labels)]
    split = stratified_by_hash(texts, labels)
    found = list(parts(split, texts).values())
    assert not (found[0] & found[1] or found[0] & found[2] or found[1] & found[2])
    assert split.duplicates == 60 and split.conflicts > 0


def test_a_label_of_one_row_is_trained():
    texts, labels = made(50)
    labels[7] = ("only",)
    split = stratified_by_hash(texts, labels)
    assert 7 in split.train
