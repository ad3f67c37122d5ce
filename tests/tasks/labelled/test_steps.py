"""What counts as a word, and as too few."""

import pytest

from harness.texts import labelled
from kerasft.tasks.labelled.steps import drop_short

pytestmark = pytest.mark.plain


def test_short_texts():
    texts = ["one two three", "one two", "a - ! ... b", "1 2, {$3.00}", "one\ntwo\tthree four"]
    table, step = drop_short(labelled(texts, list("abcde"), "made.csv", ""), 3)
    assert table["text"] == [texts[0], texts[3], texts[4]] and table["label"] == ["a", "d", "e"]
    assert (step.rows_in, step.rows_out) == (5, 3)
    assert step.why == "2 texts have fewer than 3 words"


def test_texts_without_a_word_go_in_any_case():
    texts = ["", "!!!", "x", "中文"]
    table, step = drop_short(labelled(texts, list("abcd"), "made.csv", ""), 0)
    assert table["text"] == ["x", "中文"] and step.why == "2 texts have no word"


def test_one_text_is_one():
    step = drop_short(labelled(["a", "a b"], ["x", "y"], "made.csv", ""), 2)[1]
    assert step.why == "1 text has fewer than 2 words"
