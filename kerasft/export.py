"""Export a saved folder for other tools.

python -m kerasft.export saved_models/run --format huggingface --output exported
"""

import argparse
import sys
from collections.abc import Sequence

from kerasft import backends
from kerasft.bundle.export import FORMATS, export
from kerasft.cli import Parser, guard


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        ConfigError: A word that is not understood, or an option that is missing.
    """
    parser = Parser(
        prog="python -m kerasft.export",
        description="Write a saved folder as what other tools read: a .keras file, a directory for "
        "transformers, or an .onnx file. Adapters are folded into the weights.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", metavar="FOLDER", help="a folder that a recipe saved")
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument(
        "--output", required=True, help="FILE.keras, FILE.onnx, or the directory for huggingface"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    return parser.parse_args(arguments)


def main() -> None:
    """The command line's entry point."""
    with guard():
        options = parse(sys.argv[1:])
        backends.check()
        notes = export(options.folder, options.format, options.output, overwrite=options.overwrite)
        print(f"{options.folder} -> {options.output} ({options.format})")
        for note in notes:
            print(note)


if __name__ == "__main__":
    main()
