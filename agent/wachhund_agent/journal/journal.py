"""The journal at work: keeping tokens, handing them out, making room.

Opening one repairs nothing and overwrites nothing: what a power cut left is read as it is, and a new segment begins
with where the journal stands. So a segment hangs on no older one, and goes only when its loss is about to be stated or
nobody needs it.
"""

import errno
import os
import threading
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from wachhund_agent.config import Limits
from wachhund_agent.disk import Disk
from wachhund_agent.journal import gaps
from wachhund_agent.journal.files import Kept, SegmentFiles
from wachhund_agent.journal.gaps import Gap
from wachhund_agent.journal.room import FULL, Room
from wachhund_agent.journal.segment import (
    CHAIN_BYTES,
    Begin,
    Place,
    Stored,
    add,
    receipt_record,
    stop_record,
    token_record,
)
from wachhund_agent.journal.stand import stand_of
from wachhund_evidence import ZERO_HASH, WachhundError, base64url, token_hash


class JournalError(WachhundError):
    """The journal cannot be written or read. The text is for a person."""


def disk_is_short(folder: Path, limits: Limits) -> bool:
    """Whether the disk has less free space than the robot is to keep."""
    try:
        status = os.statvfs(str(folder))
    except OSError:
        return False  # what is wrong shows when it is written to
    return status.f_bavail < status.f_blocks * limits.free_share


class Journal:
    """Safe to use from the attester's and the uplink's thread.

    `chain`, `next_seq`, `prev`: for the next token. `first`: nothing was here before. `was_clean`: the last stop was.
    `found`: what was gone when it was opened.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        is_short: Callable[[Path, Limits], bool] = disk_is_short,
        disk: Optional[Disk] = None,
    ) -> None:
        """Raises JournalError. A full disk is none: nothing can be kept yet, and what is here can be sent."""
        self._folder, self._limits, self._is_short = folder, limits, is_short
        self._files = SegmentFiles(folder, disk or Disk())
        self._lock = threading.RLock()
        self._closed = False
        self.next_seq, self._receipted = 1, 0
        self._gone: List[Gap] = []  # not stated yet
        self._room = Room(self._files, limits, self._tokens, self._done_of, self._note_dropped)
        try:
            self._recover()
            self._put(None)
        except OSError as error:
            if error.errno not in FULL:
                what = "{}: the journal cannot be kept: {}: make room or fix its permissions"
                raise JournalError(what.format(folder, error.strerror)) from error

    def append(self, token: str, of_interest: bool, observations: int, carries: Optional[Place] = None) -> List[Gap]:
        """Keep the token of `next_seq`, synced. Returns what is gone since the last time. Raises JournalError.

        `carries`: the token of an earlier chain whose observations it states again. After an error it is not kept.
        """
        with self._lock:
            stored = Stored(self.next_seq, token, of_interest, observations, self._chain, carries)
            record = token_record(stored)
            try:
                self._room.make(len(record), self._is_short(self._folder, self._limits))
                self._put(record)
            except OSError as error:
                raise self._not_written(error) from error
            segment = self._files.all[-1]
            add(segment.runs, stored.seq)
            self.prev, self.next_seq = token_hash(token), stored.seq + 1
            if carries is not None:
                self._done[carries.chain] = max(self._done.get(carries.chain, 0), carries.seq)
            if segment.size >= self._limits.segment_bytes:
                self._files.close()
            gone, self._gone = self._gone, []
            return gone

    def pending(self, after: int, tokens: int, size: int) -> List[Stored]:
        """The oldest tokens of this chain beyond `after` without a receipt: at most so many, and so many bytes."""
        with self._lock:
            after = max(after, self._receipted)
            mine = [one for one in self._files.all if one.chain == self._chain and one.last > after]
            return self._oldest([(one, after) for one in mine], tokens, size)

    def uncarried(self, tokens: int, size: int) -> List[Stored]:
        """The oldest tokens of earlier chains that are neither receipted nor carried into a later chain."""
        with self._lock:
            earlier = [one for one in self._files.all if one.chain != self._chain]
            earlier = [one for one in earlier if one.last > self._done_of(one.chain)]
            return self._oldest([(one, self._done_of(one.chain)) for one in earlier], tokens, size)

    def hash_at(self, seq: int) -> Optional[str]:
        """The hash of this chain's token with that number, if it is still here."""
        with self._lock:
            if seq == 0:
                return ZERO_HASH
            if seq == self.next_seq - 1:
                return self.prev
            for segment in self._files.all:
                if segment.chain == self._chain and any(first <= seq <= last for first, last in segment.runs):
                    for stored in self._tokens(segment):
                        if stored.seq == seq:
                            return token_hash(stored.token)
        return None

    @property
    def chain(self) -> str:
        return base64url.encode(self._chain)

    @property
    def receipted(self) -> int:
        """The host holds everything of this chain up to here."""
        return self._receipted

    @property
    def written_bytes(self) -> int:
        return self._files.written_bytes

    def set_receipted(self, seq: int) -> None:
        """The host's word. It may go back: a host that was restored wants to be told again, or of what is gone here.

        Not synced: if it is lost, some tokens are sent twice, which does no harm.
        """
        with self._lock:
            if seq == self._receipted:
                return
            before, self._receipted = self._receipted, seq
            if seq < before:
                self._gone += gaps.holes(self._here(), self._skipped, seq, before + 1, gaps.TAKEN_BACK)
            if self._files.is_open:
                try:
                    self._files.write(receipt_record(Place(self._chain, seq)), sync=False)
                except OSError:
                    self._files.abandon()

    def start_chain(self) -> None:
        """Begin a new chain. What no receipt covers of the old one is `uncarried` until it is stated again."""
        with self._lock:
            self._done[self._chain] = self._receipted
            self._begin_chain()
            self._files.close()

    def close(self) -> None:
        """A clean stop. Raises JournalError: the next start takes it for an unclean one."""
        with self._lock:
            if self._closed:
                return
            try:
                self._put(stop_record(Place(self._chain, self.next_seq)))
            except OSError as error:
                raise self._not_written(error) from error
            finally:
                self._files.close()
                self._closed = True

    def _not_written(self, error: OSError) -> JournalError:
        return JournalError("{}: not written: {}".format(self._folder, error.strerror))

    def _begin_chain(self) -> None:
        self._chain = os.urandom(CHAIN_BYTES)
        self.next_seq, self._receipted = 1, 0
        self._skipped: List[Tuple[int, int]] = []
        self._skipping = 0

    def _recover(self) -> None:
        said = self._files.load()
        stand = stand_of(said, self._limits)
        self._chain, self.next_seq, self.prev, self._receipted = stand[:4]
        self._done: Dict[bytes, int] = dict(stand.done)
        self._skipped, self._skipping = list(stand.skipped), stand.skipping
        self.first, self.was_clean = not said, stand.was_clean
        if self._chain:
            self.found = gaps.holes(self._here(), self._skipped, self._receipted, self.next_seq)
        else:
            self._begin_chain()
            self.found = [] if self.first else [Gap(None, None, None, gaps.UNREADABLE)]
            self.was_clean = self.first

    def _here(self) -> List[Tuple[int, int]]:
        return [run for one in self._files.all if one.chain == self._chain for run in one.runs]

    def _tokens(self, segment: Kept) -> List[Stored]:
        """What can be read of it; what can't be any more is noted as gone. Raises JournalError."""
        before = segment.runs
        try:
            there = self._files.tokens(segment)
        except OSError as error:
            raise JournalError("{}: not read: {}".format(segment.path, error.strerror)) from error
        if segment.runs is not before:
            self._gone += gaps.damaged(before, segment.runs, segment.chain == self._chain, self._done_of(segment.chain))
        return there

    def _oldest(self, where: Iterable[Tuple[Kept, int]], tokens: int, size: int) -> List[Stored]:
        found: List[Stored] = []
        for segment, after in where:
            for stored in self._tokens(segment):
                if stored.seq <= after:
                    continue
                size -= len(stored.token)
                if len(found) >= tokens or (size < 0 and found):
                    return found
                found.append(stored)
        return found

    def _put(self, record: Optional[bytes]) -> None:
        """Write a record, synced, into an open segment; on a full disk at the cost of older ones. Raises OSError."""
        if self._closed:
            raise OSError(errno.EBADF, "it is closed")
        while True:
            try:
                if not self._files.is_open:
                    self._files.open(Begin(self._chain, self.next_seq, self._receipted, self._skipping, self.prev))
                    self._skipping = 0
                if record is not None:
                    self._files.write(record, sync=True)
                self._room.freeing_helped()
                return
            except OSError as error:
                self._files.abandon()
                if error.errno not in FULL or not self._room.make_on_full_disk():
                    raise

    def _done_of(self, chain: bytes) -> int:
        """Up to here nobody needs a chain's tokens any more."""
        return self._receipted if chain == self._chain else self._done.get(chain, 0)

    def _note_dropped(self, tokens: Sequence[Stored]) -> None:
        self._gone += gaps.dropped(tokens, self._chain)
