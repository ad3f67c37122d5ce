"""A messy corpus of labelled texts: read, cleaned, merged, split; every step counted."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kerasft.config import at_least
from kerasft.data import class_mapping, sampling
from kerasft.data.class_mapping import keep_classes, keep_major, merge_classes
from kerasft.data.cleaned_texts import clean_texts
from kerasft.data.dataset import Dataset, split_rows
from kerasft.data.duplicates import (
    check_threshold,
    drop_duplicates,
    drop_near_duplicates,
    without_texts_of,
)
from kerasft.data.readers import read_table
from kerasft.data.samples import sample_path
from kerasft.data.short_texts import drop_short
from kerasft.data.steps import Step
from kerasft.data.table import Table, quoted
from kerasft.errors import DataError
from kerasft.text.cleaning import Cleaning


@dataclass
class CorpusOptions:
    """The options of every recipe that reads a messy corpus; equal ones give the same split.

    Args:
        data: FILE.csv, FILE.tsv, FILE.jsonl, FILE.parquet, FILE.zip (of one csv) or hub:NAME; else
            the complaints that ship with kerasft.
        text_column: Column of the texts.
        label_column: Column of the labels.
        test_data: A file of its own for the test rows; if not given, a share of `data`.
        validation: Share of the rows to validate on.
        test: Share of the rows to test on.
        split_seed: Chooses among the splits; the same rows and seed give the same split.
        sample: Take so many rows of `data`, of each class its share; null takes all.
        classes: `complaints` merges the products of US consumer complaints into five classes,
            `none` merges nothing, and a mapping (in the YAML) from new names to lists of the
            names in the data merges these; rows of classes that it does not name are dropped.
        major_classes: Keep so many of the largest classes, after merging; null keeps all.
        min_words: Drop texts of fewer words.
        html: Take out HTML tags, and turn entities into the characters that they stand for.
        redactions: `mask` writes one word for XXXX and one for XX/XX/2023, `remove` takes them
            out, `keep` leaves them.
        special_characters: Take out control characters, lines of decoration and repeated
            punctuation.
        near_duplicates: Leave out training texts that are nearly a validation or test text (and
            validation texts that are nearly a test text), from this Jaccard index of their runs
            of 5 words on; 0 leaves out equal texts alone.
        max_length: Tokens a text is cut at.
        long_texts: What is kept of a longer text: its beginning (`cut`), or a quarter from its
            beginning and three from its end (`head_tail`).
    """

    data: str | None = None
    text_column: str = "narrative"
    label_column: str = "product"
    test_data: str | None = None
    validation: float = 0.15
    test: float = 0.15
    split_seed: int = 0
    sample: int | None = None
    classes: str | dict[str, list[str]] = class_mapping.SHIPPED
    major_classes: int | None = None
    min_words: int = 10
    html: bool = True
    redactions: Literal["keep", "mask", "remove"] = "mask"
    special_characters: bool = True
    near_duplicates: float = 0.8
    max_length: int = 512
    long_texts: Literal["cut", "head_tail"] = "cut"

    def cleaning(self) -> Cleaning:
        """What is done to each text."""
        return Cleaning(
            html=self.html,
            redactions=self.redactions,
            special_characters=self.special_characters,
            collapse_whitespace=True,
        )


def load_corpus(options: CorpusOptions) -> Dataset:
    """Reads, cleans, merges, thins out and splits a corpus.

    The order: clean the texts, drop the short ones, merge classes, drop equal texts, sample, split
    by a hash of the text (`split_by_hash`), leave out training and validation rows that are nearly
    a text that is tested on. A test file of its own takes the same steps but the sample.

    Args:
        options: What to do; see `CorpusOptions`.

    Raises:
        ConfigError: An option has a value that cannot work.
        DataError: A file cannot be used, or a step leaves too little.

    Example:
        >>> dataset = load_corpus(CorpusOptions(data="complaints.csv", sample=1000))
        >>> dataset.describe()[0]
        '5388 rows of 15 classes from complaints.csv'
    """
    at_least(options, sample=1, min_words=0)
    check_threshold(options.near_duplicates)
    source = sample_path("complaints") if options.data is None else options.data
    way = _Way(_read(options, source))
    way.take(lambda table: clean_texts(table, options.cleaning()))
    way.take(lambda table: drop_short(table, options.min_words))
    way.take(lambda table: merge_classes(table, options.classes))
    largest = options.major_classes
    if largest is not None:
        way.take(lambda table: keep_major(table, largest))
    way.take(drop_duplicates)
    before = Counter(way.labels_read)
    test_table = None
    if options.test_data is not None:
        test_way = _test_rows(options, set(way.table.labels))
        before += Counter(test_way.labels_read)
        way.steps += test_way.steps
        way.notes += test_way.table.notes
        test_table = test_way.table
        way.take(lambda table: _without_test_texts(table, test_way.table))
    rows = options.sample
    if rows is not None:
        way.take(lambda table: sampling.sample(table, rows, options.split_seed))
    split = split_rows(
        way.table, test_table, options.validation, options.test, options.split_seed, way.notes
    )
    validation, validation_step = drop_near_duplicates(
        split.validation, [split.test], options.near_duplicates, "validation"
    )
    train, train_step = drop_near_duplicates(
        split.train, [validation, split.test], options.near_duplicates, "train"
    )
    _check_parts(train, validation, split.test)
    return dataclasses.replace(
        split,
        train=train,
        validation=validation,
        steps=[*way.steps, validation_step, train_step],
        cleaning=options.cleaning(),
        before=dict(before.most_common()),
    )


class _Way:
    """A table on its way, with the steps behind it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.labels_read = table.labels
        self.notes = table.remarks()
        self.steps: list[Step] = []

    def take(self, do: Callable[[Table], tuple[Table, Step]]) -> None:
        """Takes a step and says what is wrong if nothing is left after it."""
        self.table, step = do(self.table)
        self.steps.append(step)
        if not len(self.table):
            raise DataError(
                f"no row of {self.table.source} is left after the step {step.name!r} ({step.why})"
            )


def _read(options: CorpusOptions, source: object) -> Table:
    return read_table(str(source), options.text_column, options.label_column, blank_texts="drop")


def _test_rows(options: CorpusOptions, classes: set[str]) -> _Way:
    """The rows of the test file, on the same way as the training rows."""
    way = _Way(_read(options, options.test_data))
    way.take(lambda table: clean_texts(table, options.cleaning()))
    way.take(lambda table: drop_short(table, options.min_words))
    way.take(lambda table: merge_classes(table, options.classes, complete=False))
    if options.major_classes is not None:
        way.take(lambda table: keep_classes(table, classes))
    way.take(drop_duplicates)
    way.steps = [dataclasses.replace(step, name=f"{step.name} (test)") for step in way.steps]
    return way


def _without_test_texts(table: Table, test: Table) -> tuple[Table, Step]:
    kept, leaked = without_texts_of(table, test)
    why = f"{leaked} of the texts are test texts"
    return kept, Step("texts of the test file", len(table), len(kept), why)


def _check_parts(train: Table, validation: Table, test: Table) -> None:
    if not len(validation):
        raise DataError(
            "every validation text is nearly a test text; raise --validation or --near_duplicates"
        )
    lost = sorted({*validation.labels, *test.labels} - set(train.labels))
    if lost:
        raise DataError(
            f"every training text of {quoted(lost)} is nearly a validation or test text; raise "
            "--near_duplicates, drop the class or merge it with another"
        )
