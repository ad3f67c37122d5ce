"""Locks that the kernel drops when their process ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kerasft.errors import ConfigError

try:
    import fcntl
except ImportError:  # Windows has none of these locks
    fcntl = None  # type: ignore[assignment]


@contextmanager
def hold(destination: str | Path) -> Iterator[None]:
    """Keeps other runs away from an output for the duration of the block.

    The lock is a hidden sibling, `.NAME.lock`, removed with the block. After a kill it stays, but
    is not held. Without a writable folder or locks in the file system, nothing is held.

    Args:
        destination: The output; it need not exist.

    Raises:
        ConfigError: Another run holds it.

    Example:
        >>> with hold("saved_models/run"):
        ...     train_and_save("saved_models/run")
    """
    path = Path(os.path.realpath(destination))
    file = path.parent / f".{path.name}.lock"
    made = [folder for folder in path.parents if not os.path.exists(folder)]
    descriptor = None
    try:
        with suppress(OSError):  # the later write reports what is wrong
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _lock_file(file, destination)
        yield
    finally:
        if descriptor is not None:
            with suppress(OSError):
                file.unlink()  # while it is held: never another run's
            os.close(descriptor)
        for folder in made:  # the innermost first
            with suppress(OSError):
                folder.rmdir()


def _lock_file(file: Path, destination: str | Path) -> int | None:
    """Makes and locks a file; None where there are no locks."""
    if fcntl is None:
        return None
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20)
            os.close(descriptor)
            process = f" (process {holder.decode()})" if holder.isdigit() else ""
            raise ConfigError(
                f"Another run{process} is writing {destination}; wait until it has ended, or name "
                "another --output."
            ) from None
        except OSError:
            os.close(descriptor)
            file.unlink()
            return None
        # Its former holder may have removed it before we got the lock: try again.
        if is_at(descriptor, file):
            with suppress(OSError):  # on a full disk the holder stays nameless
                os.truncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
            return descriptor
        os.close(descriptor)


def lock_folder(folder: Path) -> int | None:
    """The locked descriptor of a folder; None where the system or file system has no locks.

    Raises:
        BlockingIOError: Another process holds the lock.
    """
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return descriptor


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file or folder is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
