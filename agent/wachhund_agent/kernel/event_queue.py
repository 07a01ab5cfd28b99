"""The queue of a notification descriptor (inotify, fanotify): whole events, read without ever blocking."""

import os
from typing import Iterator

READ_BYTES = 64 * 1024  # the kernel hands out whole events only
READS = 16  # in one call, so that a writer who never rests can't hold the loop; the rest stays in the kernel's queue


def pieces(fd: int) -> Iterator[bytes]:
    """What waits, in at most READS pieces."""
    for _ in range(READS):
        try:
            data = os.read(fd, READ_BYTES)
        except OSError:
            return
        if not data:
            return
        yield data
