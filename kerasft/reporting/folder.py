"""The folder of a comparison: which files are ours, so that it alone is ever replaced.

comparison.json     format, and the sha256 of every other file
config.yaml         the resolved config
report/             index.html, metrics.json, comparison.md and the pictures
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.errors import ConfigError

FORMAT_VERSION = 1
MANIFEST = "comparison.json"
REPORT = "report"


def seal(folder: Path) -> None:
    """Writes `comparison.json` over the files that lie in the folder."""
    files = {name: storage.sha256_file(folder / name) for name in _files(folder)}
    storage.write_json(folder / MANIFEST, {"format_version": FORMAT_VERSION, "files": files})


def is_ours(path: str | Path) -> bool:
    """Whether a folder is a comparison in which nobody left a file of their own.

    Such a folder may be replaced; `storage.check_output(output, reporting.is_ours)` asks before the
    work.
    """
    folder = Path(path)
    try:
        data: Any = storage.read_json(folder / MANIFEST, ConfigError)
        listed = data["files"] if data["format_version"] == FORMAT_VERSION else None
        if not isinstance(listed, dict):
            return False
        return not set(_files(folder)) - {MANIFEST, ".DS_Store", *listed}
    except (ConfigError, LookupError, TypeError, OSError):
        return False


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )
