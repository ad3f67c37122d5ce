"""Labelled texts: read, cleaned, merged, split; every step counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kerasft.config import at_least
from kerasft.data.rows import Rows, quoted
from kerasft.data.text_pairs import noun
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.labelled import class_mapping, sampling
from kerasft.tasks.labelled.class_mapping import keep_classes, keep_major, merge_classes
from kerasft.tasks.labelled.dataset import Dataset, split_rows
from kerasft.tasks.labelled.duplicates import (
    check_threshold,
    drop_duplicates,
    drop_near_duplicates,
    without_texts_of,
)
from kerasft.tasks.labelled.label_kind import LabelKind
from kerasft.tasks.labelled.steps import DataStep, clean_texts, drop_short
from kerasft.text.cleaning import Cleaning
from kerasft.text.pairs import check_long_pairs


@dataclass
class LabelledTextOptions:
    """Which labelled texts, and what is done to them; equal options give the same split.

    Args:
        data: FILE.csv, .tsv, .jsonl, .parquet or .zip (holding one csv), hub:NAME, or sample:NAME
            (ships with kerasft).
        text_column: Column of the texts.
        text_pair_column: Column of the second texts, if rows are pairs of texts.
        label_column: Column of the labels.
        test_data: A separate file of test rows; null takes a share of `data`.
        validation: Share of the rows to validate on.
        test: Share of the rows to test on.
        split_seed: Chooses among the splits; the same rows and seed give the same split.
        sample: Use only this many rows of `data`, with the same share of each class; null uses all.
        classes: `none` keeps the classes, `complaints` merges the products of US consumer
            complaints into five, and a mapping (in the YAML file) from new names to lists of old
            ones merges these; rows of classes that it does not list are dropped.
        major_classes: Keep only this many of the largest classes, after merging; null keeps all.
        min_words: Drop texts (or pairs) with fewer words. With 0 and no cleaning, a blank text is
            an error.
        html: Remove HTML tags, and decode entities such as &amp;.
        redactions: What becomes of XXXX and XX/XX/2023: `mask` writes one word for each, `remove`
            deletes them, `keep` leaves them.
        special_characters: Remove control characters, decorative lines and repeated punctuation.
        duplicates: `keep` equal texts or pairs (all in the same part of the split), or `drop` all
            but the first, and all of those whose labels differ.
        near_duplicates: Drop training texts that are nearly equal to a validation or test text, and
            validation texts nearly equal to a test text: those whose runs of 5 words have at least
            this Jaccard index. 0 compares whole texts only.
        max_length: Longest text, or pair of texts, in tokens; longer ones are cut.
        long_texts: What is kept of a longer text: its beginning (`cut`), or a quarter from its
            beginning and the rest from its end (`head_tail`). In a pair, the longer text is cut
            first.
    """

    group = "data"

    data: str = "sample:conversations"
    text_column: str = "text"
    text_pair_column: str | None = None
    label_column: str = "label"
    test_data: str | None = None
    validation: float = 0.15
    test: float = 0.15
    split_seed: int = 0
    sample: int | None = None
    classes: str | dict[str, list[str]] = class_mapping.NONE
    major_classes: int | None = None
    min_words: int = 0
    html: bool = False
    redactions: Literal["keep", "mask", "remove"] = "keep"
    special_characters: bool = False
    duplicates: Literal["keep", "drop"] = "keep"
    near_duplicates: float = 0.0
    max_length: int = 256
    long_texts: Literal["cut", "head_tail"] = "cut"

    def kind(self) -> LabelKind:
        """What a row says of its text."""
        return LabelKind()

    def cleaning(self) -> Cleaning:
        """What is done to each text."""
        cleans = self.html or self.redactions != "keep" or self.special_characters
        return Cleaning(
            html=self.html,
            redactions=self.redactions,
            special_characters=self.special_characters,
            collapse_whitespace=cleans,
        )


@dataclass
class CorpusOptions(LabelledTextOptions):
    """The same for a messy corpus of complaints, with every step on."""

    data: str = "sample:complaints"
    text_column: str = "narrative"
    label_column: str = "product"
    classes: str | dict[str, list[str]] = class_mapping.SHIPPED
    min_words: int = 10
    html: bool = True
    redactions: Literal["keep", "mask", "remove"] = "mask"
    special_characters: bool = True
    duplicates: Literal["keep", "drop"] = "drop"
    near_duplicates: float = 0.8
    max_length: int = 512


def load_data(
    source: str | Path = "sample:conversations",
    text_column: str = "text",
    label_column: str = "label",
    *,
    text_pair_column: str | None = None,
    kind: LabelKind | None = None,
    test_data: str | Path | None = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
) -> Dataset:
    """Reads labelled texts and splits them into training, validation and test rows.

    A row's part depends on a hash of its text (see `split_by_hash`), so the same rows are always
    split the same. `load_labelled` also cleans, merges classes, samples and drops duplicates.

    Args:
        source: FILE.csv, .tsv, .jsonl, .parquet, .zip, hub:NAME or sample:NAME; see `read_rows`.
        text_column: Column of the texts.
        label_column: Column of the labels.
        text_pair_column: Column of the second texts, where a row is a pair of texts.
        kind: What the labels are: one string a row (the default), `SeveralLabels` or `Numbers`.
        test_data: A separate file of test rows. `test` is then ignored, and rows of `source` with
            the text of a test row are left out and counted.
        validation: Share of the rows to validate on.
        test: Share of the rows to test on.
        seed: Chooses among the splits.

    Raises:
        DataError: A file cannot be read, has a single class or a class of one row, or the test
            file has a label that the training rows lack.
        ConfigError: The shares leave nothing to train on.

    Example:
        >>> data = load_data("mails.csv", "body", "team")
        >>> data.describe()
        >>> load_data("stays.csv", label_column="rating", kind=Numbers()).train["label"][0]
        2.4
    """
    options = LabelledTextOptions(
        data=str(source),
        text_column=text_column,
        text_pair_column=text_pair_column,
        label_column=label_column,
        test_data=None if test_data is None else str(test_data),
        validation=validation,
        test=test,
        split_seed=seed,
    )
    return load_labelled(options, kind)


def load_labelled(options: LabelledTextOptions, kind: LabelKind | None = None) -> Dataset:
    """Reads, cleans, merges, thins out and splits labelled texts, as far as the options say.

    The order: clean the texts, drop the short ones, merge classes, drop equal texts, sample, split
    by a hash of the text (`split_by_hash`), leave out training and validation rows that are nearly
    a text that is tested on. A test file of its own takes the same steps but the sample.

    Args:
        options: What to do.
        kind: What the labels are; None takes what the options say.

    Raises:
        ConfigError: An option has a value that cannot work.
        DataError: A file cannot be used, or a step leaves too little.

    Example:
        >>> dataset = load_labelled(CorpusOptions(data="complaints.csv", sample=1000))
        >>> dataset.describe()[0]
        '5388 rows of 15 classes from complaints.csv'
    """
    at_least(options, sample=1, min_words=0)
    if options.text_pair_column is not None:
        check_long_pairs(options.long_texts)
    check_threshold(options.near_duplicates)
    kind = kind or options.kind()
    if kind.unmergeable:
        for name, usual in (("classes", class_mapping.NONE), ("major_classes", None)):
            if getattr(options, name) != usual:
                raise ConfigError(
                    f"--{name} does not apply to rows with {kind.unmergeable}; leave it out."
                )
    way = _Way(_read(options, kind, options.data))
    _prepare(way, options)
    labels_read = way.labels_read
    test_table = None
    if options.test_data is not None:
        test_way = _Way(_read(options, kind, options.test_data))
        _prepare(test_way, options, trained_on=set(way.table["label"]))
        test_table = test_way.table
        labels_read = labels_read + test_way.labels_read
        way.steps += [dataclasses.replace(s, name=f"{s.name} (test)") for s in test_way.steps]
        way.notes += test_table.notes
        way.take(lambda table: _without_test_texts(table, test_way.table))
    rows = options.sample
    if rows is not None:
        way.take(
            lambda table: sampling.sample(
                table, rows, options.split_seed, kind.shares(table["label"])
            )
        )
    split = split_rows(
        way.table, test_table, options.validation, options.test, options.split_seed, way.notes, kind
    )
    train, validation = split.train, split.validation
    if threshold := options.near_duplicates:
        held_out = [split.test]
        validation, step = drop_near_duplicates(validation, held_out, threshold, "validation")
        way.steps.append(step)
        train, step = drop_near_duplicates(train, [validation, split.test], threshold, "train")
        way.steps.append(step)
        _check_parts(train, validation, split.test, kind)
    return dataclasses.replace(
        split,
        train=train,
        validation=validation,
        steps=way.steps,
        cleaning=options.cleaning(),
        before=dict(kind.counts(labels_read).most_common()),
        rows_read=len(labels_read),
    )


class _Way:
    """A table on its way, with the steps behind it."""

    def __init__(self, table: Rows) -> None:
        self.table = table
        self.labels_read: list[Any] = table["label"]
        self.notes = table.remarks()
        self.steps: list[DataStep] = []

    def take(self, do: Callable[[Rows], tuple[Rows, DataStep]]) -> None:
        """Takes a step and says what is wrong if nothing is left after it."""
        self.table, step = do(self.table)
        self.steps.append(step)
        if not len(self.table):
            raise DataError(
                f"no row of {self.table.source} is left after the step {step.name!r} ({step.why})"
            )


def _read(options: LabelledTextOptions, kind: LabelKind, source: str) -> Rows:
    drops = options.min_words > 0 or bool(options.cleaning().to_dict())
    blank: Literal["drop", "refuse"] = "drop" if drops else "refuse"
    columns = (options.text_column, options.label_column)
    return kind.read(source, *columns, blank, options.text_pair_column)


def _prepare(way: _Way, options: LabelledTextOptions, trained_on: set[str] | None = None) -> None:
    """Takes the steps that rows take by themselves.

    Args:
        options: Which steps.
        trained_on: For test rows: the classes of the training rows; they may have fewer or others.
    """
    cleaning, largest = options.cleaning(), options.major_classes
    cleans = bool(cleaning.to_dict())
    if cleans:
        way.take(lambda table: clean_texts(table, cleaning))
    if cleans or options.min_words:
        way.take(lambda table: drop_short(table, options.min_words))
    if options.classes != class_mapping.NONE:
        complete = trained_on is None
        way.take(lambda table: merge_classes(table, options.classes, complete=complete))
    if largest is not None:
        if trained_on is None:
            way.take(lambda table: keep_major(table, largest))
        else:
            way.take(lambda table: keep_classes(table, trained_on))
    if options.duplicates == "drop":
        way.take(drop_duplicates)


def _without_test_texts(table: Rows, test: Rows) -> tuple[Rows, DataStep]:
    kept, leaked = without_texts_of(table, test)
    what = noun(table)
    why = f"{leaked} of the {what}s are test {what}s"
    return kept, DataStep(f"{what}s of the test file", len(table), len(kept), why)


def _check_parts(train: Rows, validation: Rows, test: Rows, kind: LabelKind) -> None:
    if not len(validation):
        raise DataError(
            "every validation text is nearly a test text; raise --validation or --near_duplicates"
        )
    held_out = kind.classes([*validation["label"], *test["label"]])
    lost = sorted(held_out - kind.classes(train["label"]))
    if lost:
        raise DataError(
            f"every training text of {quoted(lost)} is nearly a validation or test text; raise "
            "--near_duplicates, drop the class or merge it with another"
        )
