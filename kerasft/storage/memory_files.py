"""Files in memory, for libraries that read a path, or would copy bytes more than once."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

AVAILABLE = hasattr(os, "memfd_create")
"""Whether the system has such files: Linux."""


@contextmanager
def memory_folder(files: dict[str, bytes]) -> Iterator[Path]:
    """Yields a folder of files with these contents; it is removed afterwards.

    Args:
        files: Name -> contents. The dictionary is empty afterwards, so that its bytes take no
            memory beside those of the reader.

    Raises:
        OSError: There is no memory.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kerasft-")))
        while files:
            name, raw = files.popitem()
            descriptor = os.memfd_create(name)
            stack.callback(os.close, descriptor)
            with open(descriptor, "wb", closefd=False) as file:
                file.write(raw)
            del raw
            (folder / name).symlink_to(f"/proc/self/fd/{descriptor}")
        yield folder
