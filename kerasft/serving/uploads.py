"""The bodies that are arriving: bounded together, so that slow ones fill neither memory nor queue.

A body takes no place among the requests before it is whole. Where too many arrive at once, or hold
too many bytes, the one that began first gives way: a client that means it is done in milliseconds,
and what drips for seconds is the oldest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from kerasft.serving.limits import Limits

LEAVING_SECONDS = 0.005


class Upload:
    """One body on its way.

    Attributes:
        clock: How long its reader waits; set by the reader.
        refused: Whether it had to give way; its clock has then run out.
    """

    def __init__(self, uploads: Uploads) -> None:
        self.clock: asyncio.Timeout | None = None
        self.refused = False
        self._size = 0
        self._uploads = uploads

    def add(self, count: int) -> None:
        """Counts bytes that arrived and are kept."""
        self._size += count
        self._uploads.held_bytes += count
        self._uploads.make_room()

    def drop(self) -> None:
        """The bytes that were kept are kept no longer."""
        self._uploads.held_bytes -= self._size
        self._size = 0

    def refuse(self) -> None:
        """Ends it: its reader gets a TimeoutError."""
        self.refused = True
        if self.clock is not None and not self.clock.expired():
            self.clock.reschedule(asyncio.get_running_loop().time())


class Uploads:
    """All bodies on their way.

    Attributes:
        held_bytes: How many bytes of them are in memory.
    """

    def __init__(self, limits: Limits) -> None:
        self.held_bytes = 0
        self._limits = limits
        self._oldest_first: dict[Upload, None] = {}
        self._door = asyncio.Lock()

    @contextmanager
    def begin(self) -> Iterator[Upload]:
        """A further body."""
        upload = Upload(self)
        self._oldest_first[upload] = None
        self.make_room()
        try:
            yield upload
        finally:
            upload.drop()
            self._oldest_first.pop(upload, None)

    async def leave(self) -> None:
        """Lets those who came too late be answered one by one, since others wait behind a crowd."""
        async with self._door:
            await asyncio.sleep(LEAVING_SECONDS)

    def make_room(self) -> None:
        """Refuses the oldest as long as there are too many, or too large ones."""
        limits = self._limits
        while self._oldest_first and (
            len(self._oldest_first) > limits.max_uploads
            or self.held_bytes > limits.max_upload_bytes
        ):
            oldest = next(iter(self._oldest_first))
            del self._oldest_first[oldest]
            oldest.drop()  # its reader lets go of the bytes at its next turn
            oldest.refuse()
