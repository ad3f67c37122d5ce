"""Rows with numbers: how they are read, scored, standardized, and what is refused."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from kerasft.errors import ConfigError, DataError
from kerasft.recipes.shared.targets import TargetOptions
from kerasft.tasks.labelled.labelled_texts import load_labelled
from kerasft.tasks.regression.regressor import Standardized
from kerasft.tasks.regression.rows import Numbers
from kerasft.tasks.regression.scores import NumberScoring
from kerasft.tasks.regression.tfidf_ridge import TfidfRidge

pytestmark = pytest.mark.plain

SCORING = NumberScoring()


def written(path, numbers):
    rows = [f"text number {row},{number}" for row, number in enumerate(numbers)]
    path.write_text("\n".join(["text,stars", *rows]) + "\n")
    return TargetOptions(data=str(path), label_column="stars", task="regression")


def test_numbers_are_split_by_the_texts_alone(tmp_path):
    first = load_labelled(written(tmp_path / "a.csv", [row / 3 for row in range(40)]))
    assert (len(first.train), len(first.validation), len(first.test)) == (28, 6, 6)
    assert first.train["label"][0] == pytest.approx(int(first.train["text"][0].split()[-1]) / 3)
    assert first.rows_per_class() == {"all rows": {"train": 28, "validation": 6, "test": 6}}
    other = load_labelled(written(tmp_path / "b.csv", [-row for row in range(40)]))
    assert other.test["text"] == first.test["text"]


@pytest.mark.parametrize("bad", ["none", "nan", "inf", "1,5"])
def test_what_is_no_number(tmp_path, bad):
    options = written(tmp_path / "a.csv", [1, 2, f'"{bad}"', 4])
    says = rf"has '{bad}' as 'stars' in line 4, which is no finite number"
    with pytest.raises(DataError, match=says):
        load_labelled(options)


def test_numbers_that_are_all_the_same_or_missing(tmp_path):
    with pytest.raises(DataError, match="all 20 rows have the number 3, so there is nothing"):
        load_labelled(written(tmp_path / "a.csv", [3] * 20))
    with pytest.raises(DataError, match="has an empty label in line 3"):
        load_labelled(written(tmp_path / "b.csv", [1, "", 3]))


def test_options_of_classes_are_refused(tmp_path):
    options = written(tmp_path / "a.csv", range(30))
    options.classes = {"a": ["1"]}
    with pytest.raises(ConfigError, match="--classes does not apply to rows with numbers"):
        load_labelled(options)
    dataset = load_labelled(written(tmp_path / "a.csv", range(30)))
    with pytest.raises(ConfigError, match="--class_weight does not apply to numbers"):
        written(tmp_path / "a.csv", range(30)).target(dataset, "balanced")


def test_scores_are_those_of_scipy_and_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=50).round(1)  # with ties
    said = truth + rng.normal(size=50)
    found = SCORING.evaluate(truth, said, ("stars",))
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, said))
    assert found["pearson"] == pytest.approx(stats.pearsonr(truth, said)[0])
    assert found["spearman"] == pytest.approx(stats.spearmanr(truth, said)[0])
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, said))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, said))
    flat = SCORING.evaluate(truth, np.full(50, truth.mean()), ("stars",))
    assert (flat["r2"], flat["pearson"], flat["spearman"]) == pytest.approx((0, 0, 0))
    cells = [SCORING.cells(a, b, ()) for a, b in zip(truth, said, strict=True)]
    np.testing.assert_array_equal(SCORING.parse(cells, ()), [truth, said])
    with pytest.raises(DataError, match="not finite"):
        SCORING.evaluate(np.array([1.0, np.nan]), np.zeros(2), ())


def test_the_scale_is_undone():
    numbers = [1.0, 5.0, 2.5, -3.0]
    standard = Standardized.of(numbers)
    encoded = standard.encode(numbers)
    assert encoded.shape == (4, 1) and encoded.std() == pytest.approx(1)
    np.testing.assert_allclose(standard.decode(encoded), numbers, rtol=1e-6)


def test_ridge_on_tfidf_finds_what_words_say():
    rng = np.random.default_rng(0)
    words = ["awful", "bad", "fair", "good", "superb"]
    numbers = rng.integers(0, 5, 80)
    texts = [f"a {words[number]} film of {row % 7} hours" for row, number in enumerate(numbers)]
    train, rest = (texts[:50], numbers[:50].astype(float)), (texts[50:], numbers[50:].astype(float))
    found = TfidfRidge.choose(train, rest, 1)
    assert metrics.r2_score(rest[1], found.said(rest[0])) == pytest.approx(found.validation_score)
    assert found.validation_score > 0.8 and found.tried == 6
    assert "best R2 on the validation rows" in found.describe()
    assert found.costs(texts)["bytes"] > 100
    with pytest.raises(DataError, match="all have one number"):
        TfidfRidge.fit(texts, np.ones(80), 1)


def test_what_a_run_keeps_is_read_back(tmp_path):
    kind = Numbers()
    (tmp_path / "kept.csv").write_text(f"text,label\na,{kind.cell(1 / 3)}\n")
    assert kind.read_kept(tmp_path / "kept.csv")["label"] == [1 / 3]
