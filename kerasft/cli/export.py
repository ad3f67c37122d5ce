"""Export a saved folder: for other tools, or for another engine of kerasft's own.

kerasft export saved_models/run --format huggingface --output exported
kerasft export saved_models/run --engine onnx-int8
kerasft export saved_models/translate --engine ctranslate2-int8
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from kerasft import backends
from kerasft.config import Parser
from kerasft.errors import ConfigError
from kerasft.exports.command import FORMATS, export
from kerasft.exports.engines import make_export
from kerasft.folder.export_files import EXPORT
from kerasft.runtimes.registry import RUNTIMES


def parser() -> Parser:
    """The command's arguments."""
    parser = Parser(
        prog="kerasft export",
        description="Write a saved folder as what other tools read: a .keras file, a directory for "
        "transformers or KerasHub, or an .onnx file; or put into it what another engine of predict "
        "and serve reads. Adapters are folded into the weights.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", metavar="FOLDER", help="a folder that a recipe saved")
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument("--format", choices=FORMATS, help="for other tools")
    goal.add_argument(
        "--engine", choices=tuple(RUNTIMES), help="into the folder, for predict and serve"
    )
    parser.add_argument(
        "--output", help="FILE.keras, FILE.onnx, or the directory for huggingface and keras-hub"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    parser.add_argument(
        "--gate_data",
        help="rows on which 8 bits must be as good as what they are made of; else those that the "
        "run kept. For labels FILE.csv, .tsv or .jsonl, or hub:NAME; for texts FILE.tsv of source "
        "TAB target; for entities a file of columns",
    )
    parser.add_argument(
        "--text_column", default="text", help="of --gate_data: the column of texts (%(default)s)"
    )
    parser.add_argument(
        "--text_pair_column",
        default="text_pair",
        help="of the other texts, for a model of pairs (%(default)s)",
    )
    parser.add_argument("--label_column", default="label", help="and of labels (%(default)s)")
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        ConfigError: A word that is not understood, or an option that is missing.
    """
    options = parser().parse_args(arguments)
    if bool(options.format) != bool(options.output):
        raise ConfigError(
            "--format needs an --output"
            if options.format
            else "--engine takes no --output: the export goes into the folder"
        )
    small = sorted({runtime.small for runtime in RUNTIMES.values()})
    if options.gate_data and options.engine not in small:
        raise ConfigError(f"--gate_data has a meaning for --engine {' and '.join(small)} only.")
    return options


def main(arguments: Sequence[str]) -> None:
    """Exports, and prints notes for the user of the export."""
    options = parse(arguments)
    if options.engine:
        _for_engine(options)
        return
    backends.check()
    notes = export(options.folder, options.format, options.output, overwrite=options.overwrite)
    print(f"{options.folder} -> {options.output} ({options.format})")
    for note in notes:
        print(note)


def _for_engine(options: argparse.Namespace) -> None:
    columns = {
        "text": options.text_column,
        "text_pair": options.text_pair_column,
        "label": options.label_column,
    }
    manifest = make_export(options.folder, options.engine, data=options.gate_data, columns=columns)
    place = Path(options.folder, EXPORT, options.engine)
    facts = manifest.exports[options.engine].items()
    said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts)
    print(f"{place}: {said}")
