"""Predict with a saved folder: from Python, or on the command line.

python -m kerasft.predict saved_models/run "A text." "Another one."
python -m kerasft.predict saved_models/run < texts.txt            one text a line
python -m kerasft.predict saved_models/run --input mails.csv --text_column body --output out.csv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import backends, predict_output
from kerasft.bundle import load
from kerasft.cli import Parser, guard
from kerasft.errors import ConfigError, DataError
from kerasft.predict_output import Prediction

# Texts between two steps of the progress bar; longer inputs show one.
CHUNK = 512


class Predictor:
    """A loaded folder that labels texts.

    Args:
        folder: The folder that `kerasft.bundle.save` wrote.

    Attributes:
        label_names: The labels, in the order of the logits.
        max_length: Tokens that a text is cut at.
        metadata: What `bundle.json` says: task, architecture, base model, versions, ...

    Raises:
        BundleError: The folder is missing, broken or was changed.

    Example:
        >>> predictor = Predictor("saved_models/run")
        >>> predictor.predict(["The striker scored twice."])[0].label
        'sports'
    """

    def __init__(self, folder: str | Path) -> None:
        bundle = load(folder)
        from kerasft.engines.keras_engine import KerasEngine

        manifest = bundle.manifest
        self._engine = KerasEngine(bundle)
        self.label_names: tuple[str, ...] = bundle.label_map.names
        self.max_length: int = manifest.max_length
        self.metadata: dict[str, Any] = {
            "name": Path(folder).resolve().name,
            "task": manifest.task,
            "architecture": manifest.architecture,
            "arguments": dict(manifest.arguments),
            "pooling": manifest.pooling,
            "adapter": manifest.has_adapter,
            "base_model": manifest.base_model,
            "preprocessing": dict(manifest.preprocessing),
            "versions": dict(manifest.versions),
        }

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The logits (texts, labels) float32, in the order of the texts."""
        return self._engine.logits(_checked(texts))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Labels texts; one `Prediction` each, in their order, none for none.

        Raises:
            DataError: A text is blank, is not a string, or is not Unicode; the sentence says which
                (counted from 0).
        """
        encodings = self._engine.encode(_checked(texts))
        probabilities = _softmax(self._engine.run(encodings.token_ids))
        cut = encodings.full_lengths > encodings.max_length
        return [
            Prediction(
                self.label_names[int(row.argmax())],
                dict(zip(self.label_names, row.tolist(), strict=True)),
                bool(was_cut),
            )
            for row, was_cut in zip(probabilities, cut, strict=True)
        ]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        ConfigError: A word that is not understood, or options that exclude each other.
    """
    parser = Parser(
        prog="python -m kerasft.predict",
        description="Label texts with a saved folder: those on the command line, those of a file, "
        "or one a line from standard input.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", metavar="FOLDER", help="a folder that a recipe saved")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="texts to label")
    parser.add_argument("--input", help="FILE.csv, FILE.tsv or FILE.jsonl with the texts")
    parser.add_argument("--text_column", default="text", help="its column of texts (%(default)s)")
    parser.add_argument("--output", help="FILE.csv, FILE.tsv or FILE.jsonl to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    parser.add_argument(
        "--format", choices=("table", "jsonl"), default="table", help="on the screen (%(default)s)"
    )
    options = parser.parse_args(arguments)
    if options.input and options.texts:
        raise ConfigError("texts were given both on the command line and by --input; choose one")
    if options.output:
        predict_output.check_file(options.output, options.overwrite)
        if options.input and Path(options.output).resolve() == Path(options.input).resolve():
            raise ConfigError(f"--output {options.output} is the input; name another file")
    return options


def read_texts(options: argparse.Namespace) -> list[str]:
    """The texts that the command line asks for.

    Raises:
        DataError: There is none, or one is blank or not Unicode; the sentence says where.
    """
    if options.input:
        from kerasft.data.readers import read_table

        return read_table(options.input, options.text_column, None).texts
    if options.texts:
        texts, place = options.texts, "argument"
    else:
        if sys.stdin.isatty():
            raise DataError(
                "there is no text; give some after the folder, by --input, or one a line on "
                "standard input"
            )
        raw = sys.stdin.buffer.read()
        try:
            content = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise DataError(f"standard input is not UTF-8 in line {line}") from None
        if not content.strip():
            raise DataError("standard input is empty; give one text a line")
        # Not splitlines(), which also cuts at characters that stand inside texts.
        texts = [line.removesuffix("\r") for line in content.removesuffix("\n").split("\n")]
        place = "line"
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise DataError(f"the text in {place} {number} is empty; there is nothing to label")
    return texts


def run(options: argparse.Namespace) -> None:
    """Labels the texts and prints or writes the predictions; says on stderr how many were cut."""
    from tqdm import tqdm

    texts = read_texts(options)
    predictor = Predictor(options.folder)
    cut = 0
    with (
        predict_output.open_writer(options, predictor.label_names) as writer,
        tqdm(
            total=len(texts), unit=" texts", file=sys.stderr, mininterval=1,
            disable=len(texts) <= CHUNK,
        ) as bar,
    ):  # fmt: skip
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            for text, prediction in zip(chunk, predictor.predict(chunk), strict=True):
                writer.write(text, prediction)
                cut += prediction.cut
            bar.update(len(chunk))
    if cut:
        print(
            f"{cut} of {len(texts)} texts were cut at {predictor.max_length} tokens; what came "
            "after was not read.",
            file=sys.stderr,
        )


def main() -> None:
    """The command line's entry point."""
    with guard():
        options = parse(sys.argv[1:])
        backends.check()
        run(options)


def _checked(texts: Sequence[str]) -> Sequence[str]:
    if isinstance(texts, str):
        raise DataError("one string was given; give a list of texts")
    for row, text in enumerate(texts):
        if isinstance(text, str) and not text.strip():
            raise DataError(f"text {row} is empty; there is nothing to label")
    return texts


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (texts, labels) float64 of logits (texts, labels)."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    main()
