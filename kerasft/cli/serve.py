"""Serve a saved folder over HTTP.

    kerasft serve saved_models/run --port 8000

The page /docs explains every route. Ctrl-C or SIGTERM ends the server.
"""

import argparse
from collections.abc import Sequence
from dataclasses import fields

from kerasft.cli.predict import add_options
from kerasft.config import Parser
from kerasft.serving.limits import Limits
from kerasft.tasks.registry import OPTIONS

ACCESS = {
    "allowed_host": "answer only requests with this Host header; repeat for several, * allows all "
    "(127.0.0.1 and localhost if --host is 127.0.0.1, else all)",
    "cors_origin": "let pages of this origin, such as https://example.com, read answers; repeat "
    "for several, * allows all (none)",
}


def parser() -> Parser:
    """The command's arguments."""
    parser = Parser("kerasft serve", __doc__, "FOLDER [--OPTION VALUE ...]")
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="a saved folder")
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    port = "port to listen on; 0 takes a free one (%(default)s)"
    add("--port", metavar="INT", type=int, default=8000, help=port)
    add_options(parser)
    access = parser.add_argument_group("access")
    for name, text in ACCESS.items():
        access.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=text)
    limits = parser.add_argument_group("limits")
    for field in fields(Limits):
        said = field.metadata["description"].removesuffix(".")
        text = f"{said[0].lower()}{said[1:]} (%(default)s)"
        kind, value = type(field.default), "INT" if type(field.default) is int else "SECONDS"
        limits.add_argument(
            f"--{field.name}", type=kind, default=field.default, metavar=value, help=text
        )
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
