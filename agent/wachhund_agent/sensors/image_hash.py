"""SHA-256 of the programs and scripts that run, a slice at a time: the robot walks while we read its files.

A file is opened when its process starts, so that a program which deletes itself is still hashed. Beyond a number of
open files it is only noted, and opened when its turn comes; what has no name any more is opened all the same, and next.
"""

import hashlib
import os
import stat
from collections import OrderedDict, deque
from typing import Any, Deque, List, NamedTuple, Optional, Tuple

from wachhund_agent.kernel import procfs
from wachhund_evidence import text

SLICE_BYTES = 512 * 1024  # per call: some 5 ms on the robot's processor, which has no SHA instructions
LARGEST_BYTES = 64 << 20
HASHES_KEPT = 1024
_ITS_FILES = ("/dev/fd/", "/proc/self/fd/")
FILES_WAITING = 32  # each holds a file descriptor
NAMELESS_WAITING = 16  # on top: files without a name, which can't be opened later
NOTED = 1024  # files whose turn comes later

Image = Tuple[int, int, int, int]  # device, inode, mtime in ns, size


class Hashed(NamedTuple):
    """A finished hash in hex. `path`: the file as its process names it."""

    puid: str
    path: Optional[str]
    sha256: str
    is_script: bool


class _Job(NamedTuple):
    image: Image
    puid: str
    path: Optional[str]
    fd: int
    digest: Any
    is_script: bool


class _Noted(NamedTuple):
    image: Image
    file: str
    puid: str
    path: Optional[str]
    is_script: bool


class ImageHasher:
    """Hashes each program file once. `skipped` counts files that were too large, gone, or too many."""

    def __init__(self) -> None:
        self._known: "OrderedDict[Image, str]" = OrderedDict()
        self._waiting: Deque[_Job] = deque()
        self._noted: "OrderedDict[Image, _Noted]" = OrderedDict()
        self.skipped = 0

    def ask(self, pid: int, puid: str, exe: Optional[str], image: Optional[Image], nameless: bool) -> Optional[str]:
        """A program's hash in hex if it is known; otherwise it will come out of `work`.

        `nameless`: its file was deleted, or never had a name.
        """
        if image is None:
            return None
        return self._ask(_Noted(image, "{}/{}/exe".format(procfs.PROC, pid), puid, exe, False), nameless)

    def ask_script(self, pid: int, puid: str, script: str) -> Optional[str]:
        """The same of a script, looked up as the process sees its files. None for what is no regular file."""
        path = "{}/{}/root".format(procfs.PROC, pid) + script
        for folder in _ITS_FILES:
            if script.startswith(folder):  # resolved by us it would be our file
                path = "{}/{}/fd/{}".format(procfs.PROC, pid, script[len(folder) :])
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return self._ask(_Noted(_image(status), path, puid, text(os.fsencode(script)), True), False)

    def _ask(self, noted: _Noted, nameless: bool) -> Optional[str]:
        known = self._known.get(noted.image)
        if known is not None:
            self._known.move_to_end(noted.image)
            return known
        if noted.image in self._noted or any(job.image == noted.image for job in self._waiting):
            return None
        if noted.image[3] > LARGEST_BYTES:
            self.skipped += 1
        elif len(self._waiting) < FILES_WAITING + (NAMELESS_WAITING if nameless else 0):
            self._open(noted, nameless)
        elif len(self._noted) < NOTED:
            self._noted[noted.image] = noted
        else:
            self.skipped += 1
        return None

    def _open(self, noted: _Noted, nameless: bool) -> None:
        try:
            # Not blocking: what was a file a moment ago may be a pipe by now.
            fd = os.open(noted.file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            self.skipped += 1
            return
        if _image(os.fstat(fd)) != noted.image:  # another process has its number, or the file was replaced
            os.close(fd)
            self.skipped += 1
            return
        job = _Job(noted.image, noted.puid, noted.path, fd, hashlib.sha256(), noted.is_script)
        if nameless:
            self._waiting.appendleft(job)  # what it goes ahead of may be half read: it goes on from there
        else:
            self._waiting.append(job)

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def work(self) -> List[Hashed]:
        """Read one slice. Returns what was finished by it."""
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
        while self._noted and len(self._waiting) < FILES_WAITING:
            self._open(self._noted.popitem(last=False)[1], False)
        value = str(job.digest.hexdigest())
        self._known[job.image] = value
        if len(self._known) > HASHES_KEPT:
            self._known.popitem(last=False)
        return [Hashed(job.puid, job.path, value, job.is_script)]

    def close(self) -> None:
        self._noted.clear()
        while self._waiting:
            os.close(self._waiting.popleft().fd)


def _image(status: os.stat_result) -> Image:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
