"""Convert files of other libraries for kerasft.

kerasft convert tinybert --output tinybert-safetensors
kerasft convert bert-base-uncased --adapter sst2-lora --output sst2 --labels neg pos

The first turns the pickled weights of a Hugging Face directory into safetensors; the second a PEFT
adapter and the model it was trained on into a folder that predicts and serves.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from kerasft import backends
from kerasft.config import Parser, print_next


def parser() -> Parser:
    """The command's arguments."""
    parser = Parser(
        prog="kerasft convert",
        description="Write the weights of pytorch_model.bin (or its shards) as safetensors, which "
        "is what --preset reads. Nothing that stands in the pickle is run. Needs torch. With "
        "--adapter, write a folder that predicts and serves what a PEFT adapter computes.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "directory",
        metavar="DIR",
        help="a Hugging Face directory; with --adapter, its model, named as for --preset",
    )
    parser.add_argument(
        "--output",
        metavar="DIR2",
        help="a new folder for the weights, with config and tokenizer; without it the weights are "
        "written into DIR, beside the old ones",
    )
    parser.add_argument(
        "--adapter", metavar="DIR3", help="a LoRA adapter of Hugging Face PEFT; needs --output"
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="the names of the adapter's labels, in the order of its head",
    )
    parser.add_argument(
        "--max_length", type=int, help="tokens the folder cuts a text at (128, if the model can)"
    )
    parser.add_argument(
        "--pooling",
        choices=("first", "mean"),
        help="what a classifier's head reads: the first token (as PEFT's do) or the mean",
    )
    parser.add_argument(
        "--text_pairs", action="store_true", help="the adapter was trained on pairs of texts"
    )
    parser.add_argument("--prefix", default="", help="what stands before each text of a T5")
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
