"""The sample corpora that ship with the package."""

from importlib import resources
from pathlib import Path

from kerasft.errors import DataError


def sample_path(name: str = "conversations") -> Path:
    """Returns where a sample corpus lies on disk.

    Args:
        name: Name of the corpus, without `.csv`.

    Raises:
        DataError: There is no such sample; the message names those that exist.
    """
    folder = Path(str(resources.files("kerasft.data") / "samples"))
    path = folder / f"{name}.csv"
    existing = sorted(file.stem for file in folder.glob("*.csv"))
    if name not in existing:
        raise DataError(f"there is no sample {name!r}; the samples are {', '.join(existing)}")
    return path
