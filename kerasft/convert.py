"""Turn the pickled weights of a Hugging Face directory into safetensors.

python -m kerasft.convert tinybert --output tinybert-safetensors
"""

import argparse
import sys
from collections.abc import Sequence

from kerasft import backends
from kerasft.cli import Parser, guard


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        ConfigError: A word that is not understood, or the directory is missing.
    """
    parser = Parser(
        prog="python -m kerasft.convert",
        description="Write the weights of pytorch_model.bin (or its shards) as safetensors, which "
        "is what --preset reads. Nothing that stands in the pickle is run. Needs torch.",
        allow_abbrev=False,
    )
    parser.add_argument("directory", metavar="DIR", help="a Hugging Face directory")
    parser.add_argument(
        "--output",
        metavar="DIR2",
        help="a new folder for the weights, with config and tokenizer; without it the weights are "
        "written into DIR, beside the old ones",
    )
    return parser.parse_args(arguments)


def main() -> None:
    """The command line's entry point."""
    with guard():
        options = parse(sys.argv[1:])
        backends.check()
        from kerasft.presets.convert_directory import convert_directory

        conversion = convert_directory(options.directory, options.output)
        print(f"{options.directory} -> {options.output or options.directory}")
        for line in conversion.describe():
            print(line)


if __name__ == "__main__":
    main()
