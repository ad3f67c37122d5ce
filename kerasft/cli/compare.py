"""Compare saved classifiers: the recipe of this name."""

from collections.abc import Sequence

from kerasft.cli import run


def main(arguments: Sequence[str]) -> None:
    """Runs the recipe."""
    run.main(["compare", *arguments])
