"""The segments' files: the one that is written, those that are whole, and what is known of them."""

import errno
from pathlib import Path
from typing import List, Optional, Tuple

from wachhund_agent import disk as disks
from wachhund_agent.disk import Disk
from wachhund_agent.journal.segment import Begin, Segment, Stored, add, begin_record, read_segment, tokens_of

_SUFFIX = ".journal"


class Kept:
    """A segment's file, and what is known of it without reading it again. `runs`: the numbers of its tokens."""

    def __init__(self, path: Path, said: Segment) -> None:
        self.path, self.size, self.chain, self.begin = path, said.size, said.chain, said.begin
        self.runs: List[Tuple[int, int]] = list(said.runs)

    @property
    def last(self) -> int:
        return self.runs[-1][1] if self.runs else 0

    @property
    def thinned(self) -> bool:
        return self.begin is not None and self.begin.thinned


class SegmentFiles:
    """`all`: the oldest first. Every method may raise OSError."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder, self._disk = folder, disk
        self._fd: Optional[int] = None
        self._unsynced = False
        self.all: List[Kept] = []
        self.written_bytes = 0

    def load(self) -> List[Segment]:
        """What is there at the start. Nothing is repaired."""
        said: List[Segment] = []
        for name in self._disk.names(self._folder):
            path = self._folder / name
            if name.endswith(_SUFFIX + disks.NEW):
                self._disk.unlink(path)
            elif name.endswith(_SUFFIX):
                said.append(read_segment(self._read(path)))
                self.all.append(Kept(path, said[-1]))
        return said

    @property
    def older(self) -> List[Kept]:
        """All but the newest, which says where the journal stands."""
        return self.all[:-1]

    @property
    def size(self) -> int:
        return sum(one.size for one in self.all)

    @property
    def is_open(self) -> bool:
        return self._fd is not None

    def open(self, begin: Begin) -> None:
        """A new segment, in which from now on is written."""
        self._disk.make_folder(self._folder)
        before = self.all[-1] if self.all else None
        number = 1 if before is None else int(before.path.name[: -len(_SUFFIX)]) + 1
        path = self._folder / "{:010d}{}".format(number, _SUFFIX)
        if before is not None and not before.runs and before.begin is not None and before.chain == begin.chain:
            begin = begin._replace(skipped=begin.skipped + before.begin.skipped)
        record = begin_record(begin)
        fd = self._disk.create(path)
        try:
            self._disk.write(fd, record)
            self._disk.sync(fd)
            self._disk.sync_folder(self._folder)  # the file's name must survive a power cut as well
        except OSError:
            self._disk.close(fd)
            self._disk.unlink(path)
            raise
        self._fd, self._unsynced = fd, False
        self.written_bytes += len(record)
        self.all.append(Kept(path, Segment(len(record), begin.chain, begin)))
        if before is not None and not before.runs:
            self.remove(before)  # all that it said is said again

    def write(self, record: bytes, sync: bool) -> None:
        """At the end of the open segment. After an error call `abandon`."""
        if self._fd is None:
            raise OSError(errno.EBADF, "no segment is open")
        self._disk.write(self._fd, record)
        self._unsynced = True
        if sync:
            self.sync()
        self.all[-1].size += len(record)
        self.written_bytes += len(record)

    def sync(self) -> None:
        """What was written without is on disk."""
        if self._fd is not None and self._unsynced:
            self._disk.sync(self._fd)
            self._unsynced = False

    def abandon(self) -> None:
        """Nobody knows what a file holds behind its last whole record after a write that failed: it gets no more.

        What is cut off is room on a full disk; where it can't be, it is stepped over.
        """
        if self._fd is not None:
            try:
                self._disk.truncate(self._fd, self.all[-1].size)
            except OSError:
                pass
            self.close()

    def close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self._disk.close(fd)

    def tokens(self, kept: Kept) -> List[Stored]:
        """Those that can be read; `runs` are theirs then."""
        there = list(tokens_of(self._read(kept.path)))
        if len(there) != sum(last - first + 1 for first, last in kept.runs):
            kept.runs = []
            for stored in there:
                add(kept.runs, stored.seq)
            if kept is self.all[-1]:
                self.close()  # what is written behind a damaged place, or into a deleted file, may go as well
        return there

    def rewrite(self, kept: Kept, data: bytes) -> None:
        """Whole, or as it was."""
        disks.replace(kept.path, data, self._disk)
        self.all[self.all.index(kept)] = Kept(kept.path, read_segment(data))
        self.written_bytes += len(data)

    def remove(self, kept: Kept) -> None:
        try:
            self._disk.unlink(kept.path)
        except FileNotFoundError:
            pass
        self.all.remove(kept)

    def _read(self, path: Path) -> bytes:
        """Nothing for what was deleted, or lost by a failing disk."""
        try:
            return self._disk.read(path)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ENOENT):
                raise
            return b""
