"""What `batches` of a model refuses, before anything is trained."""

import pytest

import kerasft
from harness import classifiers, wordpieces
from kerasft.errors import ConfigError
from kerasft.text.labels import LabelMap

pytestmark = pytest.mark.any_backend


def classifier(**options) -> kerasft.TextClassifier:
    parts = {"labels": LabelMap(("comparison", "news", "opinion")), "max_length": 16, **options}
    tokenizer = wordpieces.tokenizer(classifiers.VOCABULARY)
    return kerasft.TextClassifier(classifiers.build(), tokenizer, **parts)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_length": 65}, r"max_length is 65, but the model takes 1 to 64\."),
        ({"labels": LabelMap(("news", "opinion"))}, "has 2 labels, but the model has 3"),
        ({"text_pairs": True}, r"the rows are single texts; set text_pairs=False\."),
    ],
)
def test_parts_that_do_not_fit_are_refused(options, says):
    data = kerasft.load_data("sample:conversations")
    assert len(classifier().batches(data).train) > 0
    with pytest.raises(ConfigError, match=says):
        classifier(**options).batches(data)


def test_rows_of_pairs_are_refused_by_a_model_of_single_texts():
    data = kerasft.load_data("sample:duplicates", text_pair_column="text_pair")
    model = classifier()
    with pytest.raises(ConfigError, match=r"the rows are pairs of texts; set text_pairs=True\."):
        model.batches(data)


def test_numbers_and_several_labels_are_not_weighed_by_class():
    data = kerasft.load_data("sample:stays", "text", "rating", kind=kerasft.Numbers())
    regressor = kerasft.TextRegressor(
        classifiers.build(outputs=1),
        wordpieces.tokenizer(classifiers.VOCABULARY),
        LabelMap(("rating",)),
        max_length=16,
        mean=3.0,
    )
    with pytest.raises(ConfigError, match='class_weight="balanced" is for rows with one label'):
        regressor.batches(data, class_weight="balanced")
