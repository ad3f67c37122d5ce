"""Convert files of other libraries for kerasft.

The pickled weights (pytorch_model.bin) of a Hugging Face directory become
safetensors, without running the pickle; this needs torch:

    kerasft convert tinybert --output tinybert-safetensors

A PEFT adapter and its base model become a saved folder:

    kerasft convert bert-base-uncased --adapter sst2-lora --output sst2
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from kerasft import backends
from kerasft.config import Parser, print_next


def parser() -> Parser:
    """The command's arguments."""
    parser = Parser("kerasft convert", __doc__, "MODEL [--output FOLDER] [--OPTION VALUE ...]")
    parser.add_argument(
        "directory",
        metavar="MODEL",
        help="a Hugging Face directory; with --adapter, the base model: any preset",
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        help="a new folder; without it, and without --adapter, the weights are added to MODEL",
    )
    group = parser.add_argument_group("adapters")
    add = group.add_argument
    add("--adapter", metavar="FOLDER", help="an adapter of Hugging Face PEFT; needs --output")
    labels = "its labels, in the order of its head"
    add("--labels", nargs="+", default=[], metavar="LABEL", help=labels)
    length = "longest text in tokens (128, or fewer if the model reads fewer)"
    add("--max_length", metavar="INT", type=int, help=length)
    pooling = "what the head reads: the first token, as in PEFT, or the mean (first)"
    add("--pooling", choices=("first", "mean"), help=pooling)
    add("--text_pairs", action="store_true", help="it was trained on pairs of texts")
    add("--prefix", metavar="TEXT", default="", help="text put before each text, for a T5")
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        ConfigError: A word that is not understood, or the directory is missing.
    """
    understood = parser()
    options = understood.parse_args(arguments)
    given = [
        name
        for name in ("labels", "max_length", "pooling", "text_pairs", "prefix")
        if getattr(options, name)
    ]
    if options.adapter is None and given:
        understood.error(f"--{given[0]} goes with --adapter")
    if options.adapter is not None and options.output is None:
        understood.error("--adapter needs --output, the folder to write")
    if options.max_length is not None and options.max_length < 4:
        understood.error(f"--max_length is {options.max_length}; give 4 or more")
    return options


def main(arguments: Sequence[str]) -> None:
    """Converts, and prints what was written."""
    options = parse(arguments)
    backends.check()
    if options.adapter is not None:
        from kerasft.recipes.shared.adapter_folder import save_adapter_folder

        for line in save_adapter_folder(
            options.directory,
            options.adapter,
            options.output,
            labels=options.labels,
            max_length=options.max_length,
            pooling=options.pooling or "first",
            text_pairs=options.text_pairs,
            prefix=options.prefix,
        ):
            print(line)
        text = ("a text", "another text") if options.text_pairs else "a text"
        print_next(Path(options.output), text)
        return
    from kerasft.presets.convert_directory import convert_directory

    conversion = convert_directory(options.directory, options.output)
    print(f"{options.directory} -> {options.output or options.directory}")
    for line in conversion.describe():
        print(line)
