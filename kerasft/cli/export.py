"""Export a saved folder for other tools, or for a faster engine.

    kerasft export saved_models/run --format huggingface --output exported
    kerasft export saved_models/run --format keras --output classifier.keras
    kerasft export saved_models/run --engine onnx-int8

Adapters are merged into the weights.
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
    usage = "FOLDER (--engine ENGINE | --format FORMAT --output PATH)"
    parser = Parser("kerasft export", __doc__, usage)
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="a saved folder")
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument(
        "--format",
        choices=FORMATS,
        help="write a .keras file, a directory for transformers or KerasHub, or an .onnx file",
    )
    goal.add_argument(
        "--engine", choices=tuple(RUNTIMES), help="add the model for this engine to the folder"
    )
    add("--output", metavar="PATH", help="file or directory to write, with --format")
    add("--overwrite", action="store_true", help="replace an earlier export")
    gate = parser.add_argument_group("rows on which an 8-bit engine must score as well")
    add = gate.add_argument
    add(
        "--gate_data",
        metavar="FILE",
        help="by default the rows that the run kept. Labels: csv, tsv, jsonl or hub:NAME; written "
        "texts: tsv of source TAB target; entities: CoNLL",
    )
    add("--text_column", metavar="NAME", default="text", help="column of texts (%(default)s)")
    pair = "column of second texts, for a pair model (%(default)s)"
    add("--text_pair_column", metavar="NAME", default="text_pair", help=pair)
    add("--label_column", metavar="NAME", default="label", help="column of labels (%(default)s)")
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
        raise ConfigError(f"--gate_data is only for --engine {' and '.join(small)}.")
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
