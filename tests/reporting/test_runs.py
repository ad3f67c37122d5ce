"""Reading saved folders: what fits together, and the one sentence for what does not."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness import classifiers, translators
from harness.compared import make_table, save_run
from kerasft.errors import ConfigError, FolderError, KerasftError
from kerasft.evaluation import label_scores
from kerasft.folder import manifest
from kerasft.reporting import gap, read_runs
from kerasft.reporting.runs import _names
from kerasft.tasks.labelled.report import BASELINE_PREDICTIONS, PREDICTIONS
from kerasft.text.labels import LabelMap

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    world = tmp_path_factory.mktemp("world")
    return save_run(world / "one"), save_run(world / "two", "bert")


def changed(folder: Path, to: Path, change) -> Path:
    """A copy of a saved folder whose report was changed by a function, sealed anew."""
    shutil.copytree(folder, to)
    sealed = manifest.read(folder)
    change(to / "report")
    (to / "manifest.json").unlink()
    manifest.seal(to, sealed)
    return to


def rewrite(change_rows):
    """A change of predictions.csv: from its rows to others."""

    def change(report: Path) -> None:
        file = report / PREDICTIONS
        with open(file, encoding="utf-8", newline="") as stream:
            rows = change_rows(list(csv.reader(stream)))
        with open(file, "w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
        (report / BASELINE_PREDICTIONS).unlink()

    return change


def test_runs_are_what_was_saved(folders):
    one, two = read_runs(folders)
    assert (one.name, two.name) == ("one", "two")
    assert one.labels == two.labels == classifiers.LABELS
    assert one.texts == two.texts == sorted(make_table(24, seed=2)["text"])
    np.testing.assert_array_equal(one.truth, two.truth)
    for run in (one, two):
        said = json.loads((run.folder / "report" / "metrics.json").read_text())
        found = label_scores.evaluate(run.truth, run.said, run.labels)
        assert found["accuracy"] == said["test"]["accuracy"]
        assert found["confusion"] == said["test"]["confusion"]
        assert found["loss"] == pytest.approx(said["test"]["loss"], rel=1e-6)
        baseline = label_scores.evaluate(run.truth, run.baseline, run.labels)
        assert baseline["macro_f1"] == said["baselines"][label_scores.TFIDF]["macro_f1"]
    assert np.abs(one.said - two.said).max() > 0.01


def test_the_gap_is_the_largest_difference(folders):
    run = read_runs(folders)[0]
    now = run.said[[2, 5]].copy()
    assert gap(run, [2, 5], now) == 0
    now[1, 2] += 0.25
    assert gap(run, [2, 5], now) == pytest.approx(0.25)


def test_another_order_of_the_classes_is_no_obstacle(folders, tmp_path):
    turned = LabelMap(classifiers.LABELS[::-1])
    other = save_run(tmp_path / "turned", "bert", label_map=turned)
    for first, second in (read_runs([folders[0], other]), read_runs([other, folders[0]])):
        assert first.labels == second.labels
        np.testing.assert_array_equal(first.truth, second.truth)
    one, run = read_runs([folders[0], other])
    alone = read_runs([other, folders[1]])[0]
    assert alone.labels == turned.names
    np.testing.assert_array_equal(run.said, alone.said[:, ::-1])
    np.testing.assert_array_equal(run.baseline, alone.baseline[:, ::-1])
    assert [one.labels[label] for label in run.truth] == [
        alone.labels[label] for label in alone.truth
    ]


def test_another_order_of_the_rows_is_no_obstacle(folders, tmp_path):
    other = changed(folders[1], tmp_path / "o", rewrite(lambda rows: [rows[0], *rows[:0:-1]]))
    one, run = read_runs([folders[0], other])
    np.testing.assert_array_equal(run.said, read_runs(folders)[1].said)
    assert run.texts == one.texts and run.baseline is None


def test_folders_of_one_name_are_told_apart(tmp_path):
    assert _names(["a/run", "b/run"]) == ["a/run", "b/run"]
    assert _names(["a/one", "b/two", "c/two"]) == ["a/one", "b/two", "c/two"]
    assert _names([tmp_path / "x", tmp_path / "y"]) == ["x", "y"]


def refused(error: type[KerasftError], words: list[str], *names: str | Path) -> None:
    with pytest.raises(error) as raised:
        read_runs(names)
    sentence = str(raised.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence, sentence


def test_too_few_folders(folders):
    refused(ConfigError, ["two folders or more", "1"], folders[0])
    refused(ConfigError, ["twice"], folders[0], folders[0].parent / "two" / ".." / "one")


def test_a_folder_that_is_no_classifier(folders, tmp_path):
    refused(FolderError, ["no folder", "nowhere", "--folders"], folders[0], tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    refused(FolderError, ["empty", "manifest.json"], folders[0], tmp_path / "empty")
    translator = translators.saved().folder
    refused(FolderError, ["translation", "classification"], folders[0], translator)


def test_a_folder_without_predictions(folders, tmp_path):
    bare = classifiers.saved_lora().folder
    refused(FolderError, ["metrics.json", "test_sha256"], folders[0], bare)

    def forget(report: Path) -> None:
        (report / PREDICTIONS).unlink()

    forgetful = changed(folders[1], tmp_path / "forgetful", forget)
    refused(FolderError, ["predictions.csv is missing"], folders[0], forgetful)


def test_a_folder_that_was_changed(folders, tmp_path):
    shutil.copytree(folders[1], tmp_path / "touched")
    file = tmp_path / "touched" / "report" / PREDICTIONS
    file.write_text(file.read_text().replace("0.", "1.", 1))
    refused(FolderError, ["predictions.csv was changed"], folders[0], tmp_path / "touched")


def test_other_classes(folders, tmp_path):
    names = LabelMap((*classifiers.LABELS[:2], "weather"))
    table = make_table(24, seed=2)
    table["label"][:] = [name.replace("sports", "weather") for name in table["label"]]
    other = save_run(tmp_path / "other", test=table, label_map=names)
    refused(FolderError, ["different classes", "'weather'", "'sports'"], folders[0], other)


def test_another_test(folders, tmp_path):
    other = save_run(tmp_path / "other", test=make_table(24, seed=3))
    refused(FolderError, ["one", "other", "tested on different rows"], folders[0], other)


def test_other_labels_of_the_same_texts(folders, tmp_path):
    table = make_table(24, seed=2)
    table["label"][0], table["label"][1] = table["label"][1], table["label"][0]
    other = save_run(tmp_path / "other", test=table)
    refused(FolderError, ["same texts with different labels"], folders[0], other)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [],
        lambda rows: rows[:1],
        lambda rows: [rows[0], [*rows[1][:-1], "much"], *rows[2:]],
        lambda rows: [rows[0], rows[1][:-1], *rows[2:]],
        lambda rows: [rows[0], [*rows[1][:-1], "7"], *rows[2:]],
        lambda rows: [rows[0], [*rows[1][:-1], "nan"], *rows[2:]],
        lambda rows: [rows[0], [rows[1][0], "weather", *rows[1][2:]], *rows[2:]],
    ],
    ids=["empty", "head", "word", "short", "sum", "nan", "label"],
)
def test_predictions_that_are_none(folders, tmp_path, change):
    broken = changed(folders[1], tmp_path / "broken", rewrite(change))
    refused(FolderError, ["predictions.csv does not hold predictions"], folders[0], broken)


def test_a_baseline_of_other_rows(folders, tmp_path):
    def change(report: Path) -> None:
        file = report / BASELINE_PREDICTIONS
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))

    broken = changed(folders[1], tmp_path / "broken", change)
    refused(FolderError, ["baseline_predictions.csv does not have the rows of"], folders[0], broken)
