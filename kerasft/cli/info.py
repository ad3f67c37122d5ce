"""Show what a saved folder holds, after checking each file against its hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.config import Parser
from kerasft.errors import FolderError
from kerasft.folder import verify
from kerasft.folder.contents import ADAPTER_CONFIG, ADAPTER_WEIGHTS, Manifest
from kerasft.tasks.headed_encoder import LABEL_MAP
from kerasft.tasks.saved import check_manifest

MOST_LABELS = 20


def parser() -> Parser:
    """The command's arguments."""
    parser = Parser("kerasft info", __doc__)
    parser.add_argument("folder", metavar="FOLDER", help="a saved folder")
    return parser


def main(arguments: Sequence[str]) -> None:
    """Prints the facts, a line each.

    Raises:
        FolderError: The folder is missing, broken or was changed.
    """
    folder = Path(parser().parse_args(arguments).folder)
    manifest = verify(folder)
    check_manifest(folder, manifest)
    print(folder)
    for name, fact in facts(folder, manifest):
        print(f"  {name:12}  {fact}")


def facts(folder: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The facts about a folder whose files have been checked."""
    yield "task", manifest.task
    yield "architecture", f"{manifest.architecture} ({_listed(manifest.arguments)})"
    yield "base model", manifest.base_model or "none: trained from random weights"
    if manifest.has_adapter:
        adapter = storage.read_json(folder / ADAPTER_CONFIG, FolderError)
        rank = f", rank {adapter['r']}" if "r" in adapter else ""
        size = _megabytes(manifest.files[ADAPTER_WEIGHTS].bytes)
        yield "adapter", f"{adapter.get('peft_type', 'unknown')}{rank}, {size}"
    if LABEL_MAP in manifest.files:
        labels = list(storage.read_json(folder / LABEL_MAP, FolderError).values())
        more = f", and {len(labels) - MOST_LABELS} more" if len(labels) > MOST_LABELS else ""
        yield "labels", f"{len(labels)}: {', '.join(labels[:MOST_LABELS])}{more}"
    yield "texts", f"cut at {manifest.max_length} tokens"
    for name, checked in manifest.exports.items():
        yield "export", f"{name} ({_listed(checked)})"
    yield "saved by", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    size = _megabytes(sum(entry.bytes for entry in manifest.files.values()))
    yield "files", f"{len(manifest.files)}, {size}, each as it was saved (sha256)"


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
