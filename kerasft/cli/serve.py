"""Serves a saved folder over HTTP: `kerasft serve saved_models/run --port 8000`."""

import argparse
from collections.abc import Sequence
from dataclasses import fields

from kerasft.config import Parser
from kerasft.serving.limits import Limits
from kerasft.tasks.registry import OPTIONS

HELP = {
    "max_body_bytes": "largest body of a request, in bytes",
    "max_texts": "most texts in one request",
    "max_characters": "longest text, in characters",
    "max_requests": "most prediction requests under way at once; more are answered with 503",
    "max_uploads": "most bodies that arrive at once; the oldest is answered with 503 beyond",
    "max_upload_bytes": "most bytes that they hold together; likewise beyond",
    "max_connections": "most connections at once; the one waited for longest is closed beyond",
    "wait_seconds": "longest wait for the model before a request is answered with 503",
    "read_seconds": "longest time for a request to arrive, or for an answer to be read",
}
ACCESS = {
    "allowed_host": "a name that the header Host may have; others are refused. May be given more "
    "than once; * allows all. (on 127.0.0.1: 127.0.0.1 and localhost; on other addresses: all)",
    "cors_origin": "an origin such as https://example.com whose pages may read answers; may be "
    "given more than once; * allows all (none)",
}


def parser() -> Parser:
    """What the command understands."""
    parser = Parser(prog="kerasft serve", description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", metavar="FOLDER", help="a folder that a recipe saved")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port; 0: any free (%(default)s)")
    for field in fields(Limits):
        text = f"{HELP[field.name]} (%(default)s)"
        kind = type(field.default)
        parser.add_argument(f"--{field.name}", type=kind, default=field.default, help=text)
    for name, text in ACCESS.items():
        parser.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=text)
    for name, (kind, text) in OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, help=text)
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line.

    Raises:
        ConfigError: A word that is not understood, or a value of the wrong type.
    """
    return parser().parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Serves until it is told to end."""
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
