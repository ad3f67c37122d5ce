"""Serves a saved folder over HTTP: `kerasft serve saved_models/run --port 8000`."""

import argparse
from collections.abc import Sequence
from dataclasses import fields

from kerasft.config import Parser
from kerasft.serving.limits import Limits
from kerasft.tasks.registry import OPTIONS

ACCESS = {
    "allowed_host": "a name that the header Host may have; others are refused. May be given more "
    "than once; * allows all. (on 127.0.0.1: 127.0.0.1 and localhost; on other addresses: all)",
    "cors_origin": "an origin such as https://example.com whose pages may read answers; may be "
    "given more than once; * allows all (none)",
}


def parser() -> Parser:
    """The command's arguments."""
    parser = Parser(prog="kerasft serve", description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", metavar="FOLDER", help="a folder that a recipe saved")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port; 0: any free (%(default)s)")
    for field in fields(Limits):
        said = field.metadata["description"].removesuffix(".")
        text = f"{said[0].lower()}{said[1:]} (%(default)s)"
        kind = type(field.default)
        parser.add_argument(f"--{field.name}", type=kind, default=field.default, help=text)
    for name, text in ACCESS.items():
        parser.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=text)
    for option in OPTIONS.values():
        parser.add_argument(f"--{option.name}", type=option.type, help=option.help)
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        ConfigError: A word that is not understood, or a value of the wrong type.
    """
    return parser().parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Serves until a signal ends it."""
    options = parse(arguments)
    limits = Limits(**{field.name: getattr(options, field.name) for field in fields(Limits)})
    from kerasft.serving.server import run  # imports FastAPI: --help does without

    run(
        options.folder,
        host=options.host,
        port=options.port,
        limits=limits,
        allowed_hosts=options.allowed_host,
        cors_origins=options.cors_origin,
        **{name: getattr(options, name) for name in OPTIONS},
    )
