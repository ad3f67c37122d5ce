"""Entities, split: the parts depend on the sentences alone, and all that is left out is said."""

import random
from pathlib import Path

import pytest

from kerasft.config import parse
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.entities.dataset import EntityOptions, bracketed, load_sentences
from kerasft.tasks.entities.sentence import Sentence, Span

pytestmark = pytest.mark.plain


def conll(sentences: list[list[tuple[str, str]]]) -> str:
    return "\n".join("".join(f"{token}\t{tag}\n" for token, tag in each) for each in sentences)


def corpus(count: int, seed: int = 0) -> list[list[tuple[str, str]]]:
    rng = random.Random(seed)
    names = [("Ann", "PER"), ("Rome", "LOC"), ("Acme", "ORG")]
    found = []
    for number in range(count):
        name, kind = rng.choice(names)
        found.append([(name, f"B-{kind}"), (f"word{number}", "O"), (".", "O")])
    return found


def write(path: Path, sentences: list[list[tuple[str, str]]]) -> str:
    path.write_text(conll(sentences), encoding="utf-8")
    return str(path)


def options(path: object, **more: object) -> EntityOptions:
    return EntityOptions(data=str(path), **more)


def keys(table) -> set[tuple[str, ...]]:
    return {sentence.tokens for sentence in table.sentences}


def test_shares_and_counts(tmp_path):
    dataset = load_sentences(options(write(tmp_path / "a.conll", corpus(500))))
    sizes = {part: len(table) for part, table in dataset.parts.items()}
    assert sum(sizes.values()) == 500 == len(dataset)
    assert 30 < sizes["validation"] < 70 and 30 < sizes["test"] < 70
    assert not keys(dataset.train) & keys(dataset.test)
    assert dataset.types == ("LOC", "ORG", "PER")
    table = dataset.entities_per_type()
    assert table["all types"] == {part: sizes[part] for part in sizes}
    assert (
        sum(table["PER"].values()) + sum(table["ORG"].values()) + sum(table["LOC"].values()) == 500
    )
    assert "500 sentences" in dataset.describe()[0] and "BIO" in dataset.describe()[0]


def test_each_file_has_its_hash(tmp_path):
    paths = [write(tmp_path / f"{i}.conll", corpus(100, seed=i)) for i in range(3)]
    given = options(paths[0], validation_data=paths[1], test_data=paths[2])
    before = load_sentences(given).hashes
    assert list(before) == ["data", "validation_data", "test_data"]
    for name, path in zip(before, paths, strict=True):
        content = Path(path).read_text("utf-8")
        Path(path).write_text(content + "\nlast\tO\n", "utf-8")
        after = load_sentences(given).hashes
        assert [n for n in after if after[n] != before[n]] == [name]
        Path(path).write_text(content, "utf-8")
    assert list(load_sentences(options(paths[0])).hashes) == ["data"]


def test_the_split_depends_on_the_sentences_alone(tmp_path):
    sentences = corpus(300)
    first = load_sentences(options(write(tmp_path / "a.conll", sentences)))
    mixed = sentences + corpus(200, seed=1)
    random.Random(3).shuffle(mixed)
    second = load_sentences(options(write(tmp_path / "b.conll", mixed)))
    assert keys(first.test) <= keys(second.test)
    assert keys(first.train) <= keys(second.train)
    upper = [[(token.upper(), tag) for token, tag in each] for each in sentences]
    third = load_sentences(options(write(tmp_path / "c.conll", upper)))
    assert {tuple(t.casefold() for t in k) for k in keys(first.test)} == {
        tuple(t.casefold() for t in k) for k in keys(third.test)
    }
    assert first.test_sha256 == third.test_sha256
    other = load_sentences(options(tmp_path / "a.conll", split_seed=1))
    assert other.test_sha256 != first.test_sha256


def test_files_of_their_own(tmp_path):
    sentences = corpus(60)
    test = [*sentences[:5], [("Oslo", "B-CITY"), ("!", "O")]]
    dataset = load_sentences(
        options(
            write(tmp_path / "train.conll", sentences),
            test_data=write(tmp_path / "test.conll", test),
            validation_data=write(tmp_path / "dev.conll", [*sentences[3:9], *sentences[20:22]]),
        )
    )
    assert [len(dataset.parts[part]) for part in ("train", "validation", "test")] == [49, 6, 6]
    notes = "\n".join(dataset.notes)
    assert "5 train sentences left out, since they are test sentences too" in notes
    assert "2 validation sentences left out, since they are test sentences too" in notes
    assert "6 train sentences left out, since they are validation sentences too" in notes
    assert "1 entities of the test part" in notes and "'CITY'" in notes
    assert dataset.types == ("LOC", "ORG", "PER")


def test_repeats_are_kept_in_one_part_and_said(tmp_path):
    sentences = corpus(40)
    other = [[("Ann", "O"), *each[1:]] for each in sentences if each[0][0] == "Ann"]
    path = write(tmp_path / "a.conll", [*sentences, *sentences, *other])
    dataset = load_sentences(options(path, validation=0.2, test=0.2))
    repeated = len(dataset.train) - len(keys(dataset.train))
    changed = sum(not sentence.spans for sentence in dataset.train.sentences)
    assert changed > 0
    assert (
        f"{repeated} training sentences repeat an earlier one (kept), {changed} of them with "
        "other entities"
    ) in dataset.notes


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"validation": 0.0}, "--validation"),
        ({"test": 0.0}, "--test"),
        ({"data": "nowhere.conll"}, "nowhere.conll"),
        ({"test_data": "nowhere.conll"}, "nowhere.conll"),
    ],
)
def test_parts_that_are_empty_or_missing(tmp_path, more, words):
    settings = {"data": write(tmp_path / "a.conll", corpus(50)), **more}
    with pytest.raises(DataError, match=words):
        load_sentences(EntityOptions(**settings))


def test_nothing_to_learn_is_refused(tmp_path):
    path = write(tmp_path / "a.conll", [[(f"w{i}", "O")] for i in range(100)])
    with pytest.raises(DataError, match="no entities"):
        load_sentences(options(path))


def test_a_test_without_entities_is_refused_before_anything_is_trained(tmp_path):
    test = write(tmp_path / "test.conll", [[(f"w{i}", "O")] for i in range(9)])
    with pytest.raises(DataError, match=r"none of the 9 test sentences of .*test.conll has an"):
        load_sentences(options(write(tmp_path / "a.conll", corpus(50)), test_data=test))


def test_a_test_that_has_all_training_sentences_is_refused(tmp_path):
    path = write(tmp_path / "a.conll", corpus(50))
    with pytest.raises(DataError, match=r"no sentence of .*a.conll is left to train on"):
        load_sentences(options(path, test_data=path))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.1), (float("nan"), 0.1)])
def test_shares_that_cannot_be(tmp_path, shares):
    path = write(tmp_path / "a.conll", corpus(50))
    with pytest.raises(ConfigError, match="leave something to train on"):
        load_sentences(options(path, validation=shares[0], test=shares[1]))


def test_the_options_are_a_command_line():
    config = parse(EntityOptions, ["--data", "x.conll", "--tag_column", "1", "--test", "0.2"])
    assert (config.data, config.tag_column, config.test) == ("x.conll", 1, 0.2)


def test_the_sample_that_ships():
    dataset = load_sentences(EntityOptions())
    assert dataset.types == ("LOC", "MISC", "ORG", "PER")
    assert min(map(len, dataset.parts.values())) >= 10


def test_brackets():
    sentence = Sentence(("Ann", "Lee", "left", "Rome", "."), (Span(0, 2, "PER"), Span(3, 4, "LOC")))
    assert bracketed(sentence) == "[Ann Lee: PER] left [Rome: LOC]."
    assert bracketed(Sentence(("x", "."))) == "x."
