"""A disk on which no file can grow: what a full disk does to whoever writes, without one."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Lets no file of this process grow beyond `size` bytes as long as the block lasts.

    The system answers with EFBIG, on the very way by which it says ENOSPC. Python ignores the
    signal that would come with it.
    """
    import resource  # which Windows does not have

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
