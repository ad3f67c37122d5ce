"""Files and folders that are written whole or not at all.

A folder is built in a hidden sibling (`.NAME.RANDOM.new`), flushed to the disk, and swapped with
the old one in a single system call. So at any moment, and after any crash, there is either the old
folder or the new one.
"""

import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kerasft.errors import ConfigError
from kerasft.storage import write_errors
from kerasft.storage.files import read_json
from kerasft.storage.locks import is_at, lock_folder

NEW, OLD = ".new", ".old"
# The file in a folder of ours that lists all others with their hashes: of a model, of a comparison.
SEALS = ("manifest.json", "comparison.json")


@contextmanager
def write_file(destination: str | Path) -> Iterator[Path]:
    """Yields a hidden sibling to write, which takes the destination's place if all goes well.

    After an exception or a kill, the destination is what it was before.

    Raises:
        ConfigError: The file cannot be written, because the disk is full, for example.
    """
    target = Path(os.path.realpath(destination))
    sibling = target.parent / f".{target.name}.{secrets.token_hex(4)}{NEW}"
    with _said(destination):
        try:
            yield sibling
            _fsync(sibling)
            os.replace(sibling, target)
            _fsync(target.parent)
        finally:
            sibling.unlink(missing_ok=True)


def check_output(destination: str | Path, is_ours: Callable[[Path], bool]) -> Path:
    """Refuses a destination that `write_folder` would refuse; call it before the long work.

    Args:
        destination: The folder that is to be written; it may exist if it is empty or one of ours.
        is_ours: Tells whether an existing folder was written by us and may be replaced; may refuse
            it by a sentence of its own, as `check_format` does.

    Returns:
        The destination as a Path, as it was given.

    Raises:
        ConfigError: It is a file, a folder with other files, inside a folder that kerasft saved
            (whose manifest would no longer be true), a mount point, or not writable.
    """
    path = Path(os.path.realpath(destination))
    recover(path)
    if path.exists():
        if not path.is_dir():
            raise ConfigError(f"{destination} is a file; name a folder that is new or empty.")
        if os.path.ismount(path):
            raise ConfigError(
                f"{destination} is a mount point, which cannot be replaced; name a folder in it."
            )
        try:
            foreign = any(path.iterdir()) and not is_ours(Path(destination))
        except OSError as error:
            raise ConfigError(f"{destination} cannot be read: {error.strerror}.") from error
        if foreign:
            raise ConfigError(
                f"{destination} exists and holds files that kerasft would not write there, so it "
                "is left alone; name a folder that is new or empty."
            )
    for folder in path.parents:
        if any(_format_of(folder / name) is not None for name in SEALS):
            raise ConfigError(
                f"{destination} lies inside {folder}, which kerasft saved and which would count as "
                "changed; name a folder outside of it."
            )
    ancestor = path.parent
    while not ancestor.exists():
        ancestor = ancestor.parent
    longest = len(os.fsencode(path.name)) + len(f"..{secrets.token_hex(4)}{NEW}")
    if longest > _longest_name(ancestor):
        raise ConfigError(f"{destination} has too long a name; give a shorter one.")
    if not ancestor.is_dir() or not os.access(ancestor, os.W_OK | os.X_OK):
        raise ConfigError(f"{destination} cannot be written: {ancestor} is not a writable folder.")
    return Path(destination)


def _longest_name(folder: Path) -> int:
    """Most bytes of a name in a folder."""
    with suppress(AttributeError, OSError, ValueError):  # Windows has no such question
        return os.pathconf(folder, "PC_NAME_MAX")
    return 255


def check_format(folder: Path, format_version: int, *names: str) -> None:
    """Refuses to replace a folder that another version of kerasft saved.

    Args:
        folder: An existing folder, of whatever origin.
        format_version: The number that this version writes.
        names: What the file with it is called, or was called once.

    Raises:
        ConfigError: The number is another; none is raised where there is no such file.
    """
    for name in names:
        if (found := _format_of(folder / name)) not in (None, format_version):
            raise ConfigError(
                f"{folder} was saved by another version of kerasft (format {found}, and this one "
                f"writes {format_version}), so it is left alone; remove it, or name a folder that "
                "is new or empty."
            )


def _format_of(path: Path) -> int | None:
    """The number in a file that seals a folder of ours; None where it is no such file."""
    try:
        found = read_json(path, ConfigError)
    except ConfigError:
        return None
    if isinstance(found, dict) and "files" in found:
        version = found.get("format_version")
        return version if type(version) is int else None
    return None


def recover(target: str | Path) -> None:
    """Puts the old folder back after a kill between the two renames of `_put_in_place`.

    Does nothing where the file system can swap two folders.
    """
    path = Path(os.path.realpath(target))
    if not os.path.lexists(path):
        for sibling in _siblings(path, OLD)[:1]:
            with suppress(OSError):
                sibling.rename(path)


@contextmanager
def write_folder(
    destination: str | Path, *, is_ours: Callable[[Path], bool], size: int = 0
) -> Iterator[Path]:
    """Yields an empty sibling folder to fill, which takes the destination's place if all goes well.

    On an exception the sibling is removed and the old folder stays. After a kill or a power cut, at
    any moment, the destination is the whole old folder or the whole new one; a sibling that is left
    goes at the next write to the same destination.

    Args:
        destination: The folder to write; missing parents are made. A link is followed.
        is_ours: Tells whether an existing folder was written by us and may be replaced.
        size: About how many bytes it will hold, where that is known; said when the disk is full.

    Raises:
        ConfigError: As `check_output`, or the disk is full or cannot be written.

    Example:
        >>> with write_folder("saved_models/run", is_ours=is_bundle) as folder:
        ...     (folder / "config.yaml").write_text("seed: 0")
    """
    check_output(destination, is_ours)
    target = Path(os.path.realpath(destination))
    with _said(destination, size):
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        folder, lock = _make_sibling(target)
        try:
            yield folder
            _flush(folder)
            _put_in_place(folder, target)
        finally:
            # By now it is the half-written folder after an error, the old one after a swap.
            shutil.rmtree(folder, ignore_errors=True)
            if lock is not None:
                os.close(lock)


def remove_folder(folder: str | Path, *, is_ours: Callable[[Path], bool]) -> None:
    """Removes a folder at once, and what killed writers left beside it.

    After a kill, at any moment, it is whole or gone; a hidden sibling that is left goes at the next
    write or removal.

    Args:
        folder: The folder; one that is not there or not ours stays. A link is followed.
        is_ours: Tells whether it was written by us.

    Raises:
        ConfigError: It cannot be removed.
    """
    target = Path(os.path.realpath(folder))
    with _said(folder):
        if is_ours(target):
            target.rename(target.parent / f".{target.name}.{secrets.token_hex(4)}{NEW}")
        _remove_leftovers(target)


@contextmanager
def _said(destination: str | Path, size: int = 0) -> Iterator[None]:
    """Turns an error of the disk into one sentence, whichever library raised it."""
    try:
        yield
    except Exception as error:
        said = write_errors.sentence(destination, error, size)
        if said is None:
            raise
        raise said from error


def _siblings(target: Path, ending: str) -> list[Path]:
    start = f".{target.name}."
    return [
        path
        for path in (target.parent.iterdir() if target.parent.is_dir() else ())
        # RANDOM is 8 digits, so that ".run.x.<8>.new" is not taken for a sibling of "run".
        if path.name.startswith(start)
        and path.name.endswith(ending)
        and len(path.name) == len(start) + 8 + len(ending)
    ]


def _make_sibling(target: Path) -> tuple[Path, int | None]:
    """Makes `.NAME.RANDOM.new` and takes its lock, which the kernel drops when the process ends."""
    while True:
        folder = target.parent / f".{target.name}.{secrets.token_hex(4)}{NEW}"
        folder.mkdir()
        # Another process may take the folder for a leftover before we lock it: try again.
        with suppress(BlockingIOError, FileNotFoundError):
            lock = lock_folder(folder)
            if lock is None or is_at(lock, folder):
                return folder, lock
            os.close(lock)


def _remove_leftovers(target: Path) -> None:
    """Removes what killed writers left beside the target; siblings of living writers are locked."""
    for path in _siblings(target, NEW):
        with suppress(BlockingIOError, FileNotFoundError):
            if (lock := lock_folder(path)) is not None:
                try:
                    shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(lock)
    for path in _siblings(target, OLD):
        shutil.rmtree(path, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Waits until every file and folder below is on the disk."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            _fsync(Path(root, name))
        _fsync(Path(root))


def _fsync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows has no such thing for folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_in_place(folder: Path, target: Path) -> None:
    """Gives the finished folder the target's name, and the old one the finished one's."""
    if not target.is_dir() or not any(target.iterdir()):
        if os.name == "nt" and target.is_dir():
            target.rmdir()
        folder.rename(target)  # replaces an empty folder in the same system call
    elif not _exchange(folder, target):
        # No swap on this system or file system: two renames, and `recover` after a kill between.
        aside = folder.with_suffix(OLD)
        target.rename(aside)
        try:
            folder.rename(target)
        except BaseException:  # a signal, too
            with suppress(OSError):
                aside.rename(target)
            raise
        aside.rename(folder)
    _fsync(target.parent)


def _exchange(first: Path, second: Path) -> bool:
    """Swaps two paths in one system call; False where the system or file system has none."""
    libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    a, b = os.fsencode(first), os.fsencode(second)
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        at_cwd, rename_exchange = -100, 2
        failed = libc.renameat2(at_cwd, a, at_cwd, b, rename_exchange)  # type: ignore[union-attr]
    elif sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        rename_swap = 2
        failed = libc.renamex_np(a, b, rename_swap)  # type: ignore[union-attr]
    else:
        return False
    if not failed:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(second))
