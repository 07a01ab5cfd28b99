"""The segments' files: the one that is written, those that are whole, and what is known of them."""

import contextlib
import errno
from array import array
from bisect import bisect_right
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

from wachhund_agent import disk as disks
from wachhund_agent.at_host import Span
from wachhund_agent.disk import Disk
from wachhund_agent.journal.segment import Begin, Segment, Stored, add, begin_record, mark, read_segment, tokens_of

_SUFFIX = ".journal"


class Kept:
    """A segment's file, and what is known of it without reading it again.

    `runs`: the numbers of its tokens. `thin`: all of them are of interest.
    """

    def __init__(self, path: Path, said: Segment) -> None:
        self.path, self.size, self.chain, self.begin, self.thin = path, said.size, said.chain, said.begin, said.thin
        self.runs: List[Span] = list(said.runs)
        # 16 bytes for each 64 KiB of the journal, 64 KiB for all 256 MiB.
        self._mark_seqs = array("Q", [seq for seq, _ in said.marks])
        self._mark_ats = array("Q", [at for _, at in said.marks])

    @property
    def first(self) -> int:
        return self.runs[0][0] if self.runs else 0

    @property
    def last(self) -> int:
        return self.runs[-1][1] if self.runs else 0

    def note(self, seq: int, of_interest: bool, at: int) -> None:
        """A token was put behind all others, at byte `at`."""
        add(self.runs, seq)
        self.thin = self.thin and of_interest
        marks = list(zip(self._mark_seqs[-1:], self._mark_ats[-1:]))
        before = len(marks)
        mark(marks, seq, at)
        if len(marks) > before:
            self._mark_seqs.append(seq)
            self._mark_ats.append(at)

    def parts(self, first: int) -> Iterator[Tuple[int, int, int, int]]:
        """Where its tokens from number `first` on lie: begin and end of a piece, and the numbers from and below it."""
        count = len(self._mark_ats)
        for part in range(max(0, bisect_right(self._mark_seqs, first) - 1), count):
            last = part + 1 == count
            end = self.size if last else self._mark_ats[part + 1]
            below = self.last + 1 if last else self._mark_seqs[part + 1]
            yield self._mark_ats[part], end, self._mark_seqs[part], below

    def lose(self, lost: Sequence[int]) -> None:
        """These tokens are not there any more."""
        gone = set(lost)
        runs, self.runs = self.runs, []
        for begin, end in runs:
            for seq in range(begin, end + 1):
                if seq not in gone:
                    add(self.runs, seq)


class SegmentFiles:
    """`all`: the oldest first. Every method may raise OSError.

    `lost` is told of tokens that were there and can't be read any more, before they are left out.
    """

    def __init__(self, folder: Path, disk: Disk, lost: Callable[[Kept, Sequence[int]], None]) -> None:
        self._folder, self._disk, self._lost = folder, disk, lost
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

    def open(self, begin: Begin, records: bytes) -> None:
        """A new segment, in which from now on is written. `records` are put behind its first one."""
        self._disk.make_folder(self._folder)
        before = self.all[-1] if self.all else None
        number = 1 if before is None else int(before.path.name[: -len(_SUFFIX)]) + 1
        path = self._folder / "{:010d}{}".format(number, _SUFFIX)
        goes: List[Kept] = []
        if before is not None and before.runs:
            # They say nothing. Until two files behind them do, they tell how far a start may have skipped.
            goes = [one for one in self.older if one.begin is None and not one.runs]
        elif before is not None and before.begin is not None and before.chain == begin.chain:
            # All that it says is said again, unless tokens, which are gone, lay behind the numbers that it skipped.
            touches = before.begin.next_seq == begin.next_seq - begin.skipped
            goes = [before] if touches or not before.begin.skipped else []
            if touches:
                begin = begin._replace(skipped=begin.skipped + before.begin.skipped)
        data = begin_record(begin) + records
        # It gets its name when it is whole: a file that says nothing has come to harm, and numbers may lie in it.
        fd = self._disk.create(disks.unfinished(path))
        try:
            self._disk.write(fd, data)
            self._disk.sync(fd)
            self._disk.rename(disks.unfinished(path), path)
            self._disk.sync_folder(self._folder)  # the file's name must survive a power cut as well
        except OSError:
            self._disk.close(fd)
            for name in (disks.unfinished(path), path):
                with contextlib.suppress(FileNotFoundError):
                    self._disk.unlink(name)
            raise
        self._fd, self._unsynced = fd, False
        self.written_bytes += len(data)
        self.all.append(Kept(path, Segment(len(data), begin.chain, begin)))
        for one in goes:
            self.remove(one)

    def write(self, record: bytes, sync: bool) -> int:
        """At the end of the open segment. Returns where it begins. After an error call `abandon`."""
        if self._fd is None:
            raise OSError(errno.EBADF, "no segment is open")
        self._disk.write(self._fd, record)
        self._unsynced = True
        if sync:
            self.sync()
        at = self.all[-1].size
        self.all[-1].size += len(record)
        self.written_bytes += len(record)
        return at

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
            with contextlib.suppress(OSError):
                self._disk.truncate(self._fd, self.all[-1].size)
            self.close()

    def close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self._disk.close(fd)

    def tokens(self, kept: Kept, first: int = 0) -> Iterator[Stored]:
        """Those from number `first` on that can be read, a part of the file at a time."""
        for begin, end, from_seq, below in list(kept.parts(first)):
            there = list(tokens_of(self._read(kept.path, begin, end - begin)))
            found = {stored.seq for stored in there}
            lost = [
                seq
                for run in kept.runs
                for seq in range(max(run[0], from_seq), min(run[1], below - 1) + 1)
                if seq not in found
            ]
            if lost:
                self._lost(kept, lost)
                kept.lose(lost)
                if kept is self.all[-1]:
                    self.close()  # what is written behind a damaged place, or into a deleted file, may go as well
            yield from (stored for stored in there if stored.seq >= first)

    def rewrite(self, kept: Kept, data: bytes) -> None:
        """Whole, or as it was."""
        disks.replace(kept.path, data, self._disk)
        self.all[self.all.index(kept)] = Kept(kept.path, read_segment(data))
        self.written_bytes += len(data)

    def remove(self, kept: Kept) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(kept.path)
        self.all.remove(kept)

    def _read(self, path: Path, begin: int = 0, size: Optional[int] = None) -> bytes:
        """Nothing for what was deleted, or lost by a failing disk."""
        try:
            return self._disk.read(path) if size is None else self._disk.read_part(path, begin, size)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ENOENT):
                raise
            return b""
