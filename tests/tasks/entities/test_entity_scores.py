"""Entities found against entities that are there: figures, mistakes, baseline, pictures, report."""

import json
import random

import numpy as np
import pytest

from kerasft.errors import DataError
from kerasft.tasks.entities.baseline import MEMORY, EntityMemory
from kerasft.tasks.entities.plots import plot_entity_confusion, plot_entity_scores
from kerasft.tasks.entities.report import entity_report, entity_samples, score_entities
from kerasft.tasks.entities.scores import (
    NOTHING,
    confusion_of,
    entity_comparison,
    entity_table,
    evaluate_entities,
    mistakes_of,
)
from kerasft.tasks.entities.sentence import Sentence, Span
from kerasft.tasks.entities.tag_schemes import tags_of

pytestmark = pytest.mark.any_backend


def sentence(text: str, *spans: tuple[int, int, str]) -> Sentence:
    return Sentence(tuple(text.split()), tuple(Span(*span) for span in spans))


TEST = [
    sentence("Ann Lee left New York .", (0, 2, "PER"), (3, 5, "LOC")),
    sentence("Acme and Ann met Bob", (0, 1, "ORG"), (2, 3, "PER"), (4, 5, "PER")),
    sentence("It rained ."),
]
FOUND = [
    [Span(0, 2, "PER"), Span(3, 4, "LOC")],  # right; wrong border
    [Span(0, 1, "LOC"), Span(1, 4, "ORG")],  # wrong type; wrong border and type; Bob missed
    [Span(0, 1, "LOC")],  # invented
]


def test_every_mistake_is_counted_once():
    assert mistakes_of(TEST, FOUND) == {
        "right": 1, "wrong type": 1, "wrong border": 1, "wrong border and type": 1, "missed": 1,
        "invented": 1,
    }  # fmt: skip


def test_figures():
    metrics = evaluate_entities(TEST, FOUND)
    assert (metrics["sentences"], metrics["entities"], metrics["found"]) == (3, 5, 5)
    for name in ("precision", "recall", "f1"):
        assert metrics[name] == pytest.approx(0.2)
    per = metrics["per_type"]["PER"]
    assert (per["precision"], per["recall"], per["support"]) == (1.0, pytest.approx(1 / 3), 3)
    assert metrics["per_type"]["LOC"]["f1"] == 0 and metrics["per_type"]["ORG"]["f1"] == 0
    assert metrics["macro_f1"] == pytest.approx(0.5 / 3)
    assert metrics["exact_sentences"] == 0
    assert metrics["confusion"]["ORG"] == {"LOC": 1, "ORG": 0, "PER": 0, NOTHING: 0}
    assert metrics["confusion"][NOTHING]["LOC"] == 2
    json.dumps(metrics)
    assert evaluate_entities(TEST, [each.spans for each in TEST])["f1"] == 1.0


def test_figures_are_seqevals_own():
    from seqeval.metrics import classification_report

    rng = random.Random(0)
    types = ["A", "creative-work", "-x", "O"]

    def spans(length: int) -> tuple[Span, ...]:
        found, at = [], 0
        while at < length:
            end = min(length, at + rng.randint(1, 3))
            if rng.random() < 0.5:
                found.append(Span(at, end, rng.choice(types)))
            at = end
        return tuple(found)

    for _ in range(20):
        true = [Sentence(("x",) * n, spans(n)) for n in (3, 8, 1, 12)]
        found = [each.spans if rng.random() < 0.3 else spans(len(each.tokens)) for each in true]
        metrics = evaluate_entities(true, found)
        report = classification_report(
            [tags_of(each.spans, len(each.tokens)) for each in true],
            [tags_of(s, len(each.tokens)) for s, each in zip(found, true, strict=True)],
            output_dict=True, zero_division=0,
        )  # fmt: skip
        assert metrics["f1"] == pytest.approx(report["micro avg"]["f1-score"])
        assert metrics["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"])
        for name, score in metrics["per_type"].items():
            for ours, theirs in (
                ("precision", "precision"),
                ("recall", "recall"),
                ("f1", "f1-score"),
            ):
                assert score[ours] == pytest.approx(report[name][theirs])
            assert score["support"] == report[name]["support"]
        right = metrics["mistakes"]["right"]
        assert right == round(metrics["recall"] * metrics["entities"])
        assert (
            sum(v for k, v in metrics["mistakes"].items() if k != "invented") == metrics["entities"]
        )


def test_what_cannot_be_scored_is_refused():
    for sentences, found, words in (
        (TEST, FOUND[:2], "2 lists"),
        ([], [], "0 sentences"),
        (TEST[2:], [[]], "no entity"),
        (TEST[2:], [[Span(0, 9, "X")]], "3 tokens"),
        (TEST[2:], [[Span(0, 2, "X"), Span(1, 3, "X")]], "overlaps"),
    ):
        with pytest.raises(DataError, match=words):
            evaluate_entities(sentences, found)


def test_tables():
    metrics = evaluate_entities(TEST, FOUND)
    assert entity_table(metrics).splitlines()[3].split() == ["PER", "1.000", "0.333", "0.500", "3"]
    assert "all (micro)" in entity_table(metrics)
    shown = entity_comparison({"this model": metrics, "names": metrics}).splitlines()
    assert shown[1].split() == ["this", "model", "0.200", "0.200", "0.200", "0.167"]


# The baseline


def test_names_are_remembered():
    memory = EntityMemory(
        [
            sentence("Ann Lee met Ann", (0, 2, "PER"), (3, 4, "PER")),
            sentence("May left in May , May .", (0, 1, "PER")),  # mostly the month
            sentence("Washington is Washington", (0, 1, "PER"), (2, 3, "LOC")),
            sentence("Washington won", (0, 1, "LOC")),
            sentence("New York New York", (0, 2, "LOC"), (2, 4, "LOC")),
        ]
    )
    assert len(memory) == 4
    assert memory.find(["May", "Ann", "Lee", "see", "Washington", "?"]) == [
        Span(1, 3, "PER"), Span(4, 5, "LOC"),
    ]  # fmt: skip
    assert memory.find(["ann", "New", "York", "York", "New"]) == [Span(1, 3, "LOC")]
    assert memory.find([]) == [] and EntityMemory([TEST[2]]).find(["It"]) == []


def test_what_the_baseline_finds_are_spans_of_a_sentence():
    rng = random.Random(2)
    words = ["a", "b", "c"]
    for _ in range(300):
        train = []
        for _ in range(4):
            length = rng.randint(1, 8)
            start = rng.randrange(length)
            end = rng.randint(start + 1, length)
            tokens = tuple(rng.choice(words) for _ in range(length))
            train.append(Sentence(tokens, (Span(start, end, "X"),)))
        tokens = tuple(rng.choice(words) for _ in range(10))
        Sentence(tokens, tuple(EntityMemory(train).find(tokens)))  # refuses what cannot be


# Pictures and the report


def test_pictures_are_drawn(tmp_path):
    metrics = evaluate_entities(TEST, FOUND)
    plot_entity_scores({"this model": metrics, MEMORY: metrics}, tmp_path / "a.png")
    plot_entity_confusion(metrics, tmp_path / "b.png")
    many = [sentence("x y", (0, 1, f"a very long name of a type ${n}")) for n in range(30)]
    metrics = evaluate_entities(many, [each.spans for each in many])
    plot_entity_scores({"this model": metrics}, tmp_path / "c.png")
    plot_entity_confusion(metrics, tmp_path / "d.png")
    for name in "abcd":
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_report(tmp_path):
    scores = score_entities(FOUND, TEST[:1], TEST)
    assert list(scores) == ["this model", MEMORY]
    assert scores[MEMORY]["mistakes"]["right"] == 2
    history = {"losses": [1.0, 0.5], "epochs": [{"step": 2, "loss": 0.7, "val_loss": 0.6}]}
    write = entity_report(
        scores, history, TEST, FOUND, entity_scores=[[0.5, 1 / 3], [1, 1], [0.25]],
        outputs=["a", "b", "c"], pictures=[("more.png", lambda path: path.write_bytes(b"x"))],
        test_sha256="abc",
    )  # fmt: skip
    write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "confusion.png", "entities.png", "loss.png", "metrics.json", "more.png",
        "predictions.jsonl", "samples.md",
    ]  # fmt: skip
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["test"]["f1"] == pytest.approx(0.2) and metrics["test_sha256"] == "abc"
    assert list(metrics["baselines"]) == [MEMORY]
    first = json.loads((tmp_path / "predictions.jsonl").read_text().splitlines()[0])
    assert first["text"] == "Ann Lee left New York."
    assert first["entities"][1] == {"start": 13, "end": 21, "type": "LOC", "text": "New York"}
    assert first["found"][1] == {
        "start": 13, "end": 16, "type": "LOC", "text": "New", "score": 0.333333,
    }  # fmt: skip
    assert first["output"] == "a"
    with pytest.raises(DataError, match="3 test sentences"):
        entity_report(scores, history, TEST, FOUND[:1])


def test_samples_show_both_sides():
    page = entity_samples(TEST, FOUND, count=2)
    assert "2 of the 3 test sentences" in page
    assert r"true: \[Ann Lee: PER\] left \[New York: LOC\]." in page
    assert r"found: \[Ann Lee: PER\] left \[New: LOC\] York." in page
    many = [sentence(f"w{n}") for n in range(100)]
    assert entity_samples(many, [[]] * 100).count("true: w") == 20


def test_confusion_is_square_and_sums_up():
    table = confusion_of(TEST, FOUND)
    counts = np.array([list(row.values()) for row in table.values()])
    assert counts.shape == (4, 4)
    assert list(table) == ["LOC", "ORG", "PER", NOTHING]
    places = sum(
        len({(s.start, s.end) for s in true.spans} | {(s.start, s.end) for s in said})
        for true, said in zip(TEST, FOUND, strict=True)
    )
    assert counts.sum() == places


@pytest.mark.parametrize("types", [60, 250])
def test_pictures_of_many_types_are_of_bounded_size(tmp_path, types):
    from PIL import Image

    names = [f"T{number:03}" for number in range(types)]
    sentences = [Sentence(("a", "b"), (Span(0, 1, name),)) for name in names]
    found = [[Span(0, 1, names[0])], *([Span(0, 1, name)] for name in names[1:-1]), []]
    metrics = evaluate_entities(sentences, found)
    assert metrics["confusion"][names[-1]][NOTHING] == 1
    assert sum(map(len, metrics["confusion"].values())) <= 61**2
    plot_entity_confusion(metrics, tmp_path / "confusion.png")
    plot_entity_scores({"this model": metrics, MEMORY: metrics}, tmp_path / "scores.png")
    for name in ("confusion.png", "scores.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width * picture.height < 8e6
