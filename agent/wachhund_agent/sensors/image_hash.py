"""SHA-256 of the programs that run, a slice at a time: the robot walks while we read its files.

A file is opened when its process starts, so that a program which deletes itself is still hashed.
"""

import hashlib
import os
from collections import OrderedDict
from typing import Any, Deque, List, NamedTuple, Optional, Tuple

from wachhund_agent.kernel import procfs

SLICE_BYTES = 512 * 1024  # per call: some 5 ms on the robot's processor, which has no SHA instructions
LARGEST_BYTES = 64 << 20
HASHES_KEPT = 1024
FILES_WAITING = 32  # each holds a file descriptor

Image = Tuple[int, int, int, int]  # device, inode, mtime in ns, size


class _Job(NamedTuple):
    image: Image
    puid: str
    exe: Optional[str]
    fd: int
    digest: Any


class ImageHasher:
    """Hashes each program file once. `skipped` counts files that were too large or came while the line was full."""

    def __init__(self) -> None:
        self._known: "OrderedDict[Image, str]" = OrderedDict()
        self._waiting: Deque[_Job] = Deque()
        self.skipped = 0

    def ask(self, pid: int, puid: str, exe: Optional[str], image: Optional[Image]) -> Optional[str]:
        """The hash in hex if it is known; otherwise it will come out of `work`."""
        if image is None:
            return None
        known = self._known.get(image)
        if known is not None:
            self._known.move_to_end(image)
            return known
        if any(job.image == image for job in self._waiting):
            return None
        if len(self._waiting) >= FILES_WAITING or image[3] > LARGEST_BYTES:
            self.skipped += 1
            return None
        try:
            fd = os.open("{}/{}/exe".format(procfs.PROC, pid), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        self._waiting.append(_Job(image, puid, exe, fd, hashlib.sha256()))
        return None

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def work(self) -> List[Tuple[str, Optional[str], str]]:
        """Read one slice. Returns (puid, exe, hash) of what was finished by it."""
        if not self._waiting:
            return []
        job = self._waiting[0]
        try:
            data = os.read(job.fd, SLICE_BYTES)
        except OSError:
            data = b""
        if len(data) == SLICE_BYTES:
            job.digest.update(data)
            return []
        job.digest.update(data)
        os.close(job.fd)
        self._waiting.popleft()
        value = str(job.digest.hexdigest())
        self._known[job.image] = value
        if len(self._known) > HASHES_KEPT:
            self._known.popitem(last=False)
        return [(job.puid, job.exe, value)]

    def close(self) -> None:
        while self._waiting:
            os.close(self._waiting.popleft().fd)
