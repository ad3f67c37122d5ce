"""Which sentences are held back, and that none of them is trained on."""

import random
from pathlib import Path

import pytest

from kerasft.data.pair_dataset import load_pairs
from kerasft.data.splits import hash_of_texts, normalize
from kerasft.errors import ConfigError, DataError

pytestmark = pytest.mark.plain

PAIRS = [(f"Sentence {i // 2}.", f"Frase {i}.") for i in range(600)]


def write(path: Path, pairs: list[tuple[str, ...]]) -> Path:
    path.write_text("".join("\t".join(pair) + "\n" for pair in pairs), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "pairs.tsv", PAIRS)


def contents(table) -> list[tuple[str, str]]:
    return list(zip(table["source"], table["target"], strict=True))


def test_no_source_is_on_both_sides(data):
    dataset = load_pairs(data)
    train, validation = (set(map(normalize, part["source"])) for part in dataset.parts.values())
    assert not train & validation and len(train | validation) == 300
    assert sorted(contents(dataset.train) + contents(dataset.validation)) == sorted(PAIRS)
    assert len(dataset) == 600 and list(dataset.parts) == ["train", "validation"]
    assert 0.06 < len(validation) / 300 < 0.14
    assert dataset.validation_sha256 == hash_of_texts(dataset.validation["source"])


def test_case_and_spacing_do_not_make_another_sentence(tmp_path):
    pairs = [(f"sentence {i}", f"a{i}") for i in range(200)]
    more = [(f"  SENTENCE   {i} ", f"b{i}") for i in range(200)]
    dataset = load_pairs(write(tmp_path / "p.tsv", pairs + more))
    train, validation = (set(map(normalize, part["source"])) for part in dataset.parts.values())
    assert not train & validation
    assert len(dataset.validation) == 2 * len(validation)


def test_a_sentence_stays_on_its_side(tmp_path, data):
    """Neither the order nor other sentences nor other files move it."""
    dataset = load_pairs(data)
    held_back = set(dataset.validation["source"])
    shuffled = PAIRS.copy()
    random.Random(0).shuffle(shuffled)
    again = load_pairs(write(tmp_path / "shuffled.tsv", shuffled))
    assert set(again.validation["source"]) == held_back
    assert again.validation_sha256 == dataset.validation_sha256
    more = write(tmp_path / "more.tsv", [(f"Another {i}.", "x") for i in range(500)])
    both = load_pairs([data, more])
    own = [row for row, name in enumerate(both.validation["origin"]) if name == "pairs"]
    assert {both.validation["source"][row] for row in own} == held_back
    assert 0 < len(both.validation) - len(own) < 100


def test_a_larger_share_holds_the_smaller_one(data):
    shares = [set(load_pairs(data, validation=share).validation["source"]) for share in (0.1, 0.3)]
    assert shares[0] < shares[1] and 0.24 < len(shares[1]) / 300 < 0.36


def test_seed_gives_another_split(data):
    assert load_pairs(data, seed=1).validation_sha256 != load_pairs(data).validation_sha256


def test_the_split_is_the_same_for_ever(data):
    """Results of different versions can be compared only if this stays."""
    validation = load_pairs(data).validation
    assert validation["source"][:6:2] == EXPECTED


EXPECTED = ["Sentence 10.", "Sentence 23.", "Sentence 30."]


def test_repeated_pairs_are_left_out(tmp_path):
    pairs = [*PAIRS, PAIRS[0], ("SENTENCE  0.", "frase 0."), PAIRS[5]]
    dataset = load_pairs(write(tmp_path / "p.tsv", pairs))
    assert len(dataset) == 600
    assert "3 pairs repeat an earlier pair and were left out" in dataset.describe()
    assert dataset.train["target"].count("Frase 5.") + dataset.validation["target"].count(
        "Frase 5."
    ) == 1  # fmt: skip


def test_targets_that_training_sees_too_are_counted(tmp_path):
    pairs = [(f"Sentence {i}.", "Sempre lo stesso." if i % 2 else f"Frase {i}.") for i in range(99)]
    dataset = load_pairs(write(tmp_path / "p.tsv", pairs))
    known = dataset.validation["target"].count("Sempre lo stesso.")
    assert (
        known
        and f"{known} of {len(dataset.validation)} validation pairs have" in (dataset.notes[-1])
    )


def test_description_and_samples(data):
    dataset = load_pairs(data)
    held_back = len(dataset.validation)
    assert dataset.describe() == [
        f"600 pairs from {data}: {600 - held_back} to train on, {held_back} to validate on"
    ]
    assert dataset.samples(2) == ["Sentence 0. -> Frase 0.", "Sentence 0. -> Frase 1."]


def test_origins_go_with_their_pairs(tmp_path):
    pairs = [(f"s{i}", f"t{i}", f"origin {i}") for i in range(100)]
    for part in load_pairs(write(tmp_path / "p.tsv", pairs)).parts.values():
        for source, origin in zip(part["source"], part["origin"], strict=True):
            assert source[1:] == origin.split()[1]


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_impossible_shares(data, share):
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        load_pairs(data, validation=share)


def test_nothing_left_on_one_side(tmp_path):
    path = write(tmp_path / "p.tsv", [("one", "uno"), ("one", "un"), ("ONE", "uno")])
    with pytest.raises(DataError, match="of 2 pairs none is left to validate on"):
        load_pairs(path)
    with pytest.raises(DataError, match="of 2 pairs none is left to train on"):
        load_pairs(path, validation=0.9999)


@pytest.mark.real
def test_tatoeba(shared):
    dataset = load_pairs(shared / "data" / "en_it" / "tatoeba.tsv")
    assert 0.09 < len(dataset.validation) / len(dataset) < 0.11
    train, validation = (set(map(normalize, part["source"])) for part in dataset.parts.values())
    assert not train & validation
