"""Classes merged, dropped and refused."""

import csv

import pytest

from harness.texts import labelled
from kerasft.data.samples import sample_path
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.labelled.class_mapping import (
    keep_classes,
    keep_major,
    merge_classes,
    shipped_mapping,
)

pytestmark = pytest.mark.plain

LABELS = ["car loan"] * 4 + ["student loan"] * 2 + ["card"] * 3 + ["other"] * 2 + ["junk"]
TABLE = labelled([f"text {i}" for i in range(12)], LABELS, "made.csv", "")

PRODUCTS = """
Bank account or service|Checking or savings account|Consumer Loan|Credit card|
Credit card or prepaid card|Credit reporting|Credit reporting or other personal consumer reports|
Credit reporting, credit repair services, or other personal consumer reports|
Credit reporting, repair, or other|Debt collection|Debt or credit management|
Money transfer, virtual currency, or money service|Money transfers|Mortgage|
Other financial service|Payday loan|Payday loan, title loan, or personal loan|
Payday loan, title loan, personal loan, or advance loan|Prepaid card|Student loan|
Vehicle loan or lease|Virtual currency
""".replace("\n", "").split("|")


def test_merging():
    table, step = merge_classes(
        TABLE, {"Loans": ["car loan", "student loan"], "Cards": ["card"], "other": ["other"]}
    )
    assert table["label"] == ["Loans"] * 6 + ["Cards"] * 3 + ["other"] * 2
    assert table["text"] == TABLE["text"][:11]
    assert (step.rows_in, step.rows_out) == (12, 11)
    assert step.why == "3 classes of 5; dropped: 'junk' 1"
    assert "'junk' 1" in step.describe() and "12 -> 11 rows" in step.describe()


def test_names_that_look_the_same_are_the_same():
    table = labelled(["a"] * 4, ["Crédit card", "Loan", "Crédit card", "Loan"], "made.csv", "")
    mapping = {" Cards ": ["Cre\u0301dit\u00a0 card"], "Loans": ["Loan "]}
    assert merge_classes(table, mapping)[0]["label"] == ["Cards", "Loans"] * 2
    with pytest.raises(ConfigError, match="'Loan' under 'a' and under 'b'"):
        merge_classes(table, {"a": ["Loan"], "b": ["Loan "]})


def test_what_is_dropped_is_counted_by_name():
    step = merge_classes(TABLE, {"a": ["card"], "b": ["other"]})[1]
    assert step.why == "2 classes of 5; dropped: 'car loan' 4, 'student loan' 2, 'junk' 1"


def test_nothing_merged():
    table, step = merge_classes(TABLE, "none")
    assert table == TABLE and step.why == "none merged, 5 classes"


def test_the_shipped_mapping_names_every_product_there_has_been():
    mapping = shipped_mapping()
    assert list(mapping) == [
        "Credit reporting", "Debt collection", "Mortgage", "Loans", "Cards and accounts",
    ]  # fmt: skip
    assert sorted(name for names in mapping.values() for name in names) == sorted(PRODUCTS)


def test_the_shipped_mapping_may_name_more_than_the_data_has():
    labels = ["Student loan", "Payday loan", "Virtual currency", "Mortgage", "Something new"]
    table, step = merge_classes(labelled(["a"] * 5, labels, "made.csv", ""), "complaints")
    assert table["label"] == ["Loans", "Loans", "Cards and accounts", "Mortgage"]
    assert step.why == "3 classes of 5; dropped: 'Something new' 1"


def test_the_shipped_sample_has_no_other_products():
    with open(sample_path("complaints"), encoding="utf-8", newline="") as file:
        found = {row["product"] for row in csv.DictReader(file)}
    assert len(found) >= 8 and found <= set(PRODUCTS)


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        ({"a": ["card", "tax"], "b": ["other"]}, ConfigError,
         "--classes names 'tax', which made.csv lacks; its classes are 'car loan', 'card'"),
        ({"a": ["card"], "b": ["card"]}, ConfigError, "'card' under 'a' and under 'b'"),
        ({"a": ["card", "card"], "b": ["other"]}, ConfigError, "'card' under 'a' and under 'a'"),
        ({"a": [], "b": ["card"]}, ConfigError, "lists no names for 'a'"),
        ({" ": ["other"], "b": ["card"]}, ConfigError, "no names for ' '"),
        ("conplaints", ConfigError, "classes is 'conplaints', but must be complaints, none"),
        ({"a": ["card", "other"]}, DataError, r"leaves one class \('a'\) of made.csv, whose"),
        ({}, DataError, "leaves no class of made.csv"),
        ("complaints", DataError,
         "the mapping --classes complaints leaves no class of made.csv, whose classes are 'car "
         "loan'.*needs two or more .--classes none keeps them as they are."),
    ],
)  # fmt: skip
def test_refusals(classes, error, message):
    with pytest.raises(error, match=message):
        merge_classes(TABLE, classes)


def test_a_test_file_may_lack_classes():
    mapping = {"a": ["card", "tax"], "b": ["boat"]}
    table, _ = merge_classes(TABLE, mapping, complete=False)
    assert table["label"] == ["a"] * 3


def test_the_largest_classes():
    table, step = keep_major(TABLE, 3)
    assert set(table["label"]) == {"car loan", "card", "other"}  # "other" before "student loan"
    assert step.why == "3 classes of 5; dropped: 'student loan' 2, 'junk' 1"
    for number in (0, 1, 6, -1):
        with pytest.raises(ConfigError, match=f"--major_classes is {number}; give 2 to 5"):
            keep_major(TABLE, number)


def test_classes_of_other_rows():
    table, step = keep_classes(TABLE, {"card", "tax"})
    assert table["label"] == ["card"] * 3 and step.rows_out == 3
