"""Scores of tasks by prefix, their baselines, and the report."""

import json

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sklearn.metrics import f1_score

from harness import text_models
from harness.texts import paired
from kerasft.errors import DataError
from kerasft.tasks.text_to_text.report import TaskOutputs, text_to_text_report
from kerasft.tasks.text_to_text.scores import baseline, first_sentence, score_outputs, score_task

pytestmark = pytest.mark.any_backend

TRAIN = paired(["a b", "c d", "e f"], ["news", "sports", "news"], None, "x", "0")
SOURCES = ["It rained all day. We stayed.", "The boat | sank! Nobody swam."]
HELD_OUT = paired(SOURCES, ["It rained.", "A boat sank."], None, "x", "0")


def test_classes_are_scored_as_by_scikit_learn():
    right = ["a", "b", "a", "c", "b"]
    found = ["a", "b", "b", "nonsense", " b  "]
    scores = score_outputs("exact", found, right)
    assert scores["accuracy"] == 3 / 5
    clean = ["a", "b", "b", "nonsense", "b"]
    macro = f1_score(right, clean, labels=["a", "b", "c"], average="macro", zero_division=0)
    assert scores["macro F1"] == pytest.approx(macro)


def test_rouge_is_the_mean_f1_of_rouge_score():
    found = ["It rains all day.", "The boats sank."]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    each = [scorer.score(t, f) for t, f in zip(HELD_OUT["target"], found, strict=True)]
    scores = score_outputs("rouge", found, HELD_OUT["target"])
    for name, key in (("ROUGE-1", "rouge1"), ("ROUGE-2", "rouge2"), ("ROUGE-L", "rougeL")):
        assert scores[name] == pytest.approx(50 * sum(one[key].fmeasure for one in each))
    assert score_outputs("rouge", found, found)["ROUGE-2"] == pytest.approx(100)


def test_bleu_stands_beside_chrf():
    scores = score_outputs("bleu", HELD_OUT["target"], HELD_OUT["target"])
    assert scores == {"BLEU": 100.0, "chrF": 100.0}
    assert score_outputs("bleu", ["", ""], HELD_OUT["target"])["BLEU"] == 0


def test_baselines():
    assert baseline("exact", TRAIN, HELD_OUT) == ("majority", ["news", "news"])
    assert baseline("bleu", TRAIN, HELD_OUT) == ("copy of the source", SOURCES)
    name, lead = baseline("rouge", TRAIN, HELD_OUT)
    assert (name, lead) == ("lead-1", ["It rained all day.", "The boat | sank!"])
    assert first_sentence("No end\n here") == "No end here"


def test_the_baseline_stands_first():
    scores = score_task("rouge", TRAIN, HELD_OUT, {"beam 4": HELD_OUT["target"]})
    assert list(scores) == ["lead-1", "beam 4"] and scores["beam 4"]["ROUGE-L"] == 100
    assert 0 < scores["lead-1"]["ROUGE-1"] < 100


def test_what_cannot_be_scored_is_refused():
    for arguments, words in (
        (("exact", ["a"], ["a", "b"]), "1 outputs and 2 references"),
        (("exact", [], []), "0 outputs"),
        (("luck", ["a"], ["a"]), "'luck' is unknown"),
    ):
        with pytest.raises(DataError, match=words):
            score_outputs(*arguments)


def test_the_report(tmp_path):
    outputs = ["It rained.", "A boat | sank"]
    scores = score_task("rouge", TRAIN, HELD_OUT, {"greedy": outputs})
    task = TaskOutputs(
        "short", "summarize: ", "rouge", scores, HELD_OUT, outputs, validation_sha256="abc"
    )
    history = {"losses": [3.0, 2.0], "epochs": [{"epoch": 1, "step": 2, "val_loss": 2.5}]}
    model = text_models.build()
    write = text_to_text_report([task], history, model=model, rows=2)
    write(tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["validation"]["short"] == {
        "metric": "rouge", "rows": 2, "scores": scores, "validation_sha256": "abc",
    }  # fmt: skip
    assert metrics["rows"] == 2 and metrics["signatures"]["BLEU"]
    records = [json.loads(line) for line in (tmp_path / "predictions.jsonl").open()]
    assert [each["output"] for each in records] == outputs
    assert records[0]["source"] == "summarize: " + SOURCES[0]
    page = (tmp_path / "samples.md").read_text()
    assert "## short: `summarize:`" in page and r"A boat \| sank" in page
    assert (tmp_path / "loss.png").stat().st_size > 5000
    assert (tmp_path / "architecture.png").stat().st_size > 5000
    with pytest.raises(DataError, match="no tasks"):
        text_to_text_report([], history, model=model)
