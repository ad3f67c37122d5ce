"""Predict with a saved folder.

The texts are arguments, lines of standard input, or a column of a file:

    kerasft predict saved_models/run "A text." "Another one."
    kerasft predict saved_models/run < texts.txt
    kerasft predict saved_models/run --input mails.csv --output out.csv
    kerasft predict saved_models/nli "A man sleeps." --text_pair "Nobody sleeps."
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerasft import backends
from kerasft.config import Parser
from kerasft.data.text_files import Budget, TextFile
from kerasft.data.text_pairs import texts_of
from kerasft.errors import ConfigError, DataError
from kerasft.folder.opened import KERAS
from kerasft.predict import Predictor, open_for, output
from kerasft.predict.prepare import AUTO
from kerasft.tasks.registry import OPTIONS
from kerasft.tasks.task import of_pairs
from kerasft.text.pairs import Text

# Texts between two steps of the progress bar; on a terminal longer inputs show one.
CHUNK = 512


def parser() -> Parser:
    """The command's arguments."""
    parser = Parser("kerasft predict", __doc__, "FOLDER [TEXT ...] [--OPTION VALUE ...]")
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="a saved folder")
    add("texts", metavar="TEXT", nargs="*", help="texts; without any, lines of standard input")
    add("--input", metavar="FILE", help="predict for a csv, tsv, jsonl, parquet or zip file")
    add("--text_column", metavar="NAME", default="text", help="its column of texts (%(default)s)")
    add("--text_pair_column", metavar="NAME", help="its column of second texts, for a pair model")
    add("--text_pair", metavar="TEXT", action="append", help="second text; one for each TEXT")
    add("--output", metavar="FILE", help="write the predictions to a csv, tsv or jsonl file")
    add("--overwrite", action="store_true", help="replace an existing output file")
    formats = ("table", "jsonl")
    add("--format", choices=formats, default="table", help="what is printed (%(default)s)")
    add_options(parser)
    return parser


def add_options(parser: Parser) -> None:
    """Adds the options of predict and serve that not every folder takes."""
    for option in OPTIONS.values():
        value = {int: "INT", float: "FLOAT"}.get(option.type, "NAME")
        parser.add_argument(f"--{option.name}", metavar=value, type=option.type, help=option.help)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        ConfigError: A word that is not understood, or options that exclude each other.
    """
    options = parser().parse_args(arguments)
    if options.input and options.texts:
        raise ConfigError("texts were given both on the command line and by --input; choose one")
    if options.text_pair_column and not options.input:
        raise ConfigError("--text_pair_column names a column of --input, which was not given")
    if options.text_pair and len(options.text_pair) != len(options.texts):
        raise ConfigError(
            f"{len(options.texts)} texts and {len(options.text_pair)} times --text_pair were given "
            "on the command line; give as many"
        )
    if options.output:
        output.check_file(options.output, options.overwrite)
        if options.input and Path(options.output).resolve() == Path(options.input).resolve():
            raise ConfigError(f"--output {options.output} is the input; name another file")
    return options


def asked_texts(options: argparse.Namespace) -> Sequence[Text]:
    """The texts, or pairs of texts, that the command line asks for.

    Raises:
        DataError: There is none, or one is blank or not Unicode; the sentence says where.
    """
    if options.input:
        from kerasft.data import readers

        table = readers.read_texts(
            options.input, options.text_column, None, text_pair_column=options.text_pair_column
        )
        for remark in table.remarks():
            print(f"{remark}.", file=sys.stderr)
        return texts_of(table)
    if options.texts:
        texts, place = options.texts, "argument"
    else:
        if sys.stdin.isatty():
            raise DataError(
                "there is no text; give some after the folder, by --input, or one per line on "
                "standard input"
            )
        texts, place = _lines_of_input(), "line"
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise DataError(f"the text in {place} {number} is empty; there is nothing to read")
    if not options.text_pair:
        return texts
    for number, text in enumerate(options.text_pair, start=1):
        if not text.strip():
            raise DataError(f"--text_pair number {number} is empty; there is nothing to read")
    return list(zip(texts, options.text_pair, strict=True))


def _lines_of_input() -> list[str]:
    """The lines of standard input."""
    file = TextFile("standard input", lambda: sys.stdin.buffer.read(2**20), nul=True)
    budget = Budget(file.source)
    texts = []
    for number, line in enumerate(file.lines(), start=1):
        texts.append(line.removesuffix("\n").removesuffix("\r"))
        budget.take("line", number, texts[-1])
    return texts


def open_predictor(folder: str, pairs: bool, **options: Any) -> Predictor:
    """`Predictor`, with a quicker import of Keras where Keras is needed; see that.

    Where the engine was chosen for the user, stderr says which.

    Args:
        folder: The folder.
        pairs: Whether it will be asked about pairs of texts.
        options: As for `Predictor`.

    Raises:
        ConfigError: The folder reads pairs and there are single texts, or the reverse.
    """
    opened = open_for(folder, **options)
    if of_pairs(opened.manifest) != pairs:
        if pairs:
            raise ConfigError(
                f"{folder} reads single texts; leave --text_pair and --text_pair_column out"
            )
        raise ConfigError(
            f"{folder} reads pairs of texts; give the other texts by --text_pair, or by --input "
            "and --text_pair_column"
        )
    if opened.engine == KERAS:
        backends.check()
        backends.import_keras()
    predictor = Predictor(opened, **options)
    if options.get("engine") in (None, AUTO):
        print(f"engine: {opened.engine} (--engine chooses another)", file=sys.stderr)
    return predictor


def run(options: argparse.Namespace) -> None:
    """Predicts, and prints or writes the predictions; says on stderr how many were cut, and so on.

    Raises:
        KerasftError: A text, the folder or an option is no good.
    """
    from tqdm import tqdm

    texts = asked_texts(options)
    pairs = bool(options.text_pair or options.text_pair_column)
    own = {name: getattr(options, name) for name in OPTIONS}
    predictor = open_predictor(options.folder, pairs, **own)
    counts: Counter[str] = Counter()
    with (
        output.open_writer(options, predictor.columns) as writer,
        tqdm(
            total=len(texts), unit=" texts", file=sys.stderr, mininterval=1,
            disable=len(texts) <= CHUNK or None,  # None: where standard error is no terminal
        ) as bar,
    ):  # fmt: skip
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            for text, prediction in zip(chunk, predictor.predict(chunk), strict=True):
                writer.write(text, prediction)
                counts.update(name for name in predictor.notes if getattr(prediction, name))
            bar.update(len(chunk))
    for name, note in predictor.notes.items():
        if counts[name]:
            print(f"{counts[name]} of {len(texts)} {note}", file=sys.stderr)


def main(arguments: Sequence[str]) -> None:
    """Predicts."""
    run(parse(arguments))
