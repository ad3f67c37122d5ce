"""The sample corpora that ship with the package."""

from importlib import resources
from pathlib import Path

from kerasft.errors import DataError

PREFIX = "sample:"
SUFFIXES = (".conll", ".csv", ".tsv")


def sample_path(name: str = "conversations") -> Path:
    """Returns where a sample corpus lies on disk.

    Args:
        name: Name of the corpus, without its ending.

    Raises:
        DataError: There is no such sample; the message names those that exist.

    Example:
        >>> sample_path("translations").name
        'translations.tsv'
    """
    folder = Path(str(resources.files("kerasft.data") / "samples"))
    samples = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}
    if name not in samples:
        raise DataError(f"there is no sample {name!r}; the samples are {', '.join(samples)}")
    return samples[name]


def local_path(source: str | Path) -> Path:
    """Where a file lies that is named by its path, or by `sample:NAME`.

    Raises:
        DataError: There is no such sample.

    Example:
        >>> local_path("sample:translations").name, local_path("pairs.tsv").name
        ('translations.tsv', 'pairs.tsv')
    """
    name = str(source)
    return sample_path(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else Path(source)
