"""Labels that look the same, and those that do not."""

import pytest

from kerasft.data.class_names import names_of, one_name_each, tidy_label
from kerasft.tasks.labelled.labelled_texts import CorpusOptions, load_data, load_labelled

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    "label",
    [
        "Spam\u200b", "\ufeffSpam", "Sp\u00adam", "Sp\u2060am", "Spam\u200d", "\u200cSpam",
        "\u202aSpam\u202c", "Spam\ufe0f", "\u00a0Spam\u2003", "Spam\0", "\x07Spam", "Spam\r\n",
        "Spam\u3000", "Spam\u200d\u200b", "\U000e0020Spam"[1:],
    ],
)  # fmt: skip
def test_what_nobody_sees_makes_no_class(label):
    assert tidy_label(label) == "Spam"


@pytest.mark.parametrize(
    "label",
    [
        "می‌خواهم",
        "👨‍👩‍👧",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "क्‍ष",
        "e-mail",
        "m²",
        "ﬁn",
        "Crédit card",
        "日本",
        "1.5",
        "2.10",
        "-1",
    ],
)
def test_what_is_seen_stays(label):
    assert tidy_label(label) == label
    assert one_name_each([label, "other"], "x") == ([label, "other"], [])


def test_ways_to_write_one_name():
    assert tidy_label("Cre\u0301dit \u00a0 card") == "Crédit card"
    assert tidy_label("e\u2011mail") == tidy_label("e\u2010mail") == "e-mail"


def test_one_class_counted_and_said():
    names, notes = one_name_each(["Spam"] * 3 + ["Spam\u200b"] * 2 + ["ham", "ham "], "mails.csv")
    assert names == ["Spam"] * 5 + ["ham"] * 2
    assert notes == [
        "the labels 'Spam' (3), 'Spam\\u200b' (2) of mails.csv look the same and are one class, "
        "'Spam'"
    ]


def test_numbers_and_truth_of_several_programs():
    names, notes = one_name_each(["1", "1.0", "1.00", "True", "true", "true"], "x")
    assert names == ["1"] * 3 + ["true"] * 3 and len(notes) == 2
    assert one_name_each(["1.0", "1.5", "2.0"], "x") == (["1.0", "1.5", "2.0"], [])
    assert one_name_each(["3.1", "3.10", "03"], "x") == (["3.1", "3.10", "03"], [])


def test_capitals_alone_are_said():
    names, notes = one_name_each(["Spam", "spam"], "x")
    assert names == ["Spam", "spam"]
    assert notes == [
        "the classes 'Spam' and 'spam' of x differ in their capitals alone; write them alike if "
        "they are one"
    ]


def test_many_are_said_in_few_words():
    labels = [f"{i}{end}" for i in range(50) for end in ("", ".0")]
    notes = one_name_each(labels, "x")[1]
    assert len(notes) == 6 and notes[-1] == "so it is with 45 more classes of x"


def test_names_of_another_file():
    assert names_of(["1.0", "TRUE", "x\u200b", "new"], ["1", "True", "x"]) == [
        "1", "True", "x", "new",
    ]  # fmt: skip


def test_a_test_file_may_write_the_classes_in_other_ways(tmp_path):
    """The same class is found again, whatever program wrote the file."""
    rows = "".join(f"text {i} of {name},{name}\n" for i in range(9) for name in ("1", "True"))
    (tmp_path / "train.csv").write_text("text,label\n" + rows)
    (tmp_path / "test.csv").write_text("text,label\nnew one,1.0\nnew two,true\nthree,1\n")
    data = load_data(tmp_path / "train.csv", test_data=tmp_path / "test.csv")
    assert data.test["label"] == ["1", "True", "1"]
    assert any("'1.0' (1), '1' (1) of" in note for note in data.notes), data.notes
    options = CorpusOptions(
        data=str(tmp_path / "train.csv"), test_data=str(tmp_path / "test.csv"), min_words=0,
        text_column="text", label_column="label", near_duplicates=0,
        classes={"one": ["1.0"], "yes": ["TRUE"]},
    )  # fmt: skip
    corpus = load_labelled(options)
    assert corpus.test["label"] == ["one", "yes", "one"] and set(corpus.train["label"]) == {
        "one",
        "yes",
    }
