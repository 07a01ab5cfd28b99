"""The journal at work: keeping tokens, handing them out, making room. What the host holds is kept with them.

Opening one repairs nothing and overwrites nothing: what a power cut left is read as it is, and a new segment begins
with where the journal stands. So a segment hangs on no older one, and goes only when its loss is about to be stated or
nobody needs it.
"""

import os
import threading
from errno import EBADF
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence

from wachhund_agent.at_host import AtHost, Span
from wachhund_agent.config import Limits
from wachhund_agent.disk import Disk
from wachhund_agent.journal import gaps
from wachhund_agent.journal.files import Kept, SegmentFiles
from wachhund_agent.journal.gaps import Gap, gaps_of
from wachhund_agent.journal.room import FULL, Room
from wachhund_agent.journal.segment import (
    CHAIN_BYTES,
    Begin,
    Heard,
    Place,
    Stop,
    Stored,
    again_record,
    heard_record,
    receipt_record,
    stop_record,
    token_record,
)
from wachhund_agent.journal.stand import Earlier, Stand
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

    `chain`, `next_seq`, `prev`: for the next token. `at_host`: what the host holds of this chain. `receipt`: the last
    that was kept whole. `first`: nothing was here before. `was_clean`: the last stop was. `found`: what was gone when
    it was opened, the newest of it.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        is_short: Callable[[Path, Limits], bool] = disk_is_short,
        disk: Optional[Disk] = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Raises JournalError. A full disk is none: nothing can be kept yet, and what is here can be sent."""
        self._folder, self._limits, self._is_short, self._random_bytes = folder, limits, is_short, random_bytes
        self._lock = threading.RLock()
        self._closed = False
        self._gone: List[Gap] = []  # not stated yet
        self._carrying: Optional[Place] = None  # it is about to be stated again, and not lost when its place goes
        self._files = SegmentFiles(folder, disk or Disk(), self._note_lost)
        self._room = Room(self._files, limits, self._is_needed, self._lacked, self._settle, self._note_dropped)
        try:
            said = self._files.load()
            stand = Stand(said, limits)
            self._raw_chain, self.next_seq, self.prev = stand.chain, stand.next_seq, stand.prev
            self.at_host, self.receipt, self._earlier = stand.at_host, stand.receipt, stand.earlier
            self._skipped, self._skipping = stand.skipped, stand.skipping
            self.first, self.was_clean = not said, stand.was_clean and (not said or bool(stand.chain))
            self.found = self.missing(1, self.next_seq - 1)[-limits.found_gaps :]
            if not stand.chain:
                self._raw_chain = random_bytes(CHAIN_BYTES)
                self.found = [] if self.first else [Gap(None, None, None, gaps.UNREADABLE)]
            self._put(None)
        except OSError as error:
            if error.errno not in FULL:
                what = "{}: the journal cannot be kept: {}: make room or fix its permissions"
                raise JournalError(what.format(folder, error.strerror)) from error

    @property
    def chain(self) -> str:
        """The present chain, as its tokens name it."""
        return base64url.encode(self._raw_chain)

    @property
    def written_bytes(self) -> int:
        return self._files.written_bytes

    def append(self, token: str, of_interest: bool, observations: int, carries: Optional[Place] = None) -> List[Gap]:
        """Keep the token of `next_seq`, synced. Returns what is gone since the last time. Raises JournalError.

        `carries`: the token of an earlier chain whose observations it states again. After an error it is not kept.
        """
        with self._lock:
            stored = Stored(self.next_seq, token, of_interest, observations, self._raw_chain, carries)
            record = token_record(stored)
            self._carrying = carries
            try:
                self._room.make(len(record), self._is_short(self._folder, self._limits), self._is_carrying)
                at = self._put(record)
            except OSError as error:
                if carries is not None and not self._read(carries.chain, carries.seq, carries.seq, 1, 1):
                    self._gone += gaps_of([stored], gaps.FULL, numbered=False)
                raise self._not_written(error) from error
            finally:
                self._carrying = None
            segment = self._files.all[-1]
            segment.note(stored.seq, of_interest, at)
            self.prev, self.next_seq = token_hash(token), stored.seq + 1
            if carries is not None:
                for earlier in self._earlier:
                    if earlier.chain == carries.chain:  # more than one where damaged files tell of it in two places
                        earlier.done = max(earlier.done, carries.seq)
            if segment.size >= self._limits.segment_bytes:
                self._files.close()
            gone, self._gone = self._gone, []
            return gone

    def read(self, first: int, last: int, tokens: int, size: int) -> List[Stored]:
        """The oldest tokens of this chain from `first` to `last`: at most so many, and so many bytes, but one at least.

        Raises JournalError.
        """
        with self._lock:
            return self._read(self._raw_chain, first, last, tokens, size)

    def hash_at(self, seq: int) -> Optional[str]:
        """The hash of this chain's token with that number, if it is still here. Raises JournalError."""
        if seq == 0:
            return ZERO_HASH
        if seq == self.next_seq - 1:
            return self.prev
        for stored in self.read(seq, seq, 1, 1):
            return token_hash(stored.token)
        return None

    def missing(self, first: int, last: int) -> List[Gap]:
        """The numbers of these that are neither here nor at the host, as far as is known without reading."""
        with self._lock:
            here = [run for one in self._files.all if one.chain == self._raw_chain for run in one.runs]
            return gaps.holes(max(first, self.receipted + 1), last, [*here, *self.at_host.spans], self._skipped)

    def had(self, seq: int) -> bool:
        """Whether a token of this chain with that number may have been here."""
        with self._lock:
            return seq < self.next_seq and not any(first <= seq <= last for first, last in self._skipped)

    @property
    def receipted(self) -> int:
        """The host holds everything of this chain up to here, or knows that it is lost."""
        return self.at_host.whole

    def heard(self, seq: int, arrived: Sequence[Span], forget: bool = False) -> None:
        """All is whole at the host up to `seq`, and these of our numbers are there.

        `forget`: it holds less than it did, no more than this; what we still hold of the rest goes again. Synced, for
        no later receipt says so when the chain ends now. Else not, and a disk that refuses it does not matter: if it is
        lost, some tokens are sent twice.
        """
        with self._lock:
            if forget:
                self.at_host.forget()
            if seq != self.at_host.whole or arrived or forget:
                self.at_host.arrived(seq, arrived)
                self._put_aside(heard_record(Heard(self._raw_chain, seq, arrived, forget)), sync=forget)

    def keep_receipt(self, receipt: str) -> None:
        """Keep the host's own word, with which it can be shown what it lost."""
        with self._lock:
            self.receipt = receipt
            self._put_aside(receipt_record(receipt))

    def start_chain(self) -> None:
        """Begin a new chain. What the host lacks of the old one is in `left`."""
        with self._lock:
            self._earlier.append(Earlier(self._raw_chain, self.at_host))
            self._gone = [gap._replace(from_seq=None, to_seq=None) for gap in self._gone]
            self._raw_chain, self.next_seq = self._random_bytes(CHAIN_BYTES), 1
            self.at_host = AtHost(self._limits.held_ranges)
            self._skipped, self._skipping = [], 0
            self._files.close()

    def left(self, tokens: int, size: int) -> List[Stored]:
        """The oldest tokens of an earlier chain that the host lacks, to be stated again. Raises JournalError."""
        with self._lock:
            for earlier in self._earlier:
                if earlier.is_told:
                    continue
                mine = [segment.last for segment in self._files.all if segment.chain == earlier.chain]
                found: List[Stored] = []
                for span in earlier.at_host.lacking(earlier.done + 1, max(mine, default=0)):
                    found += self._read(earlier.chain, *span, tokens - len(found), size)
                    if len(found) >= tokens or sum(len(stored.token) for stored in found) >= size:
                        break
                if found:
                    return found
                earlier.done, earlier.is_told = max([earlier.done, *mine]), True
            return []

    def close(self) -> None:
        """A clean stop. Raises JournalError: the next start takes it for an unclean one."""
        with self._lock:
            if self._closed:
                return
            try:
                self._put(stop_record(Stop(self._raw_chain, self.next_seq, self.prev)))
            except OSError as error:
                raise self._not_written(error) from error
            finally:
                self._files.close()
                self._closed = True

    def _not_written(self, error: OSError) -> JournalError:
        return JournalError("{}: not written: {}".format(self._folder, error.strerror))

    def _put(self, record: Optional[bytes]) -> int:
        """Write a record, synced, into an open segment; on a full disk at the cost of older ones. Raises OSError."""
        if self._closed:
            raise OSError(EBADF, "it is closed")
        while True:
            try:
                self._open_segment()
                at = 0 if record is None else self._files.write(record, sync=True)
                self._room.freeing_helped()
                return at
            except OSError as error:
                self._files.abandon()
                if error.errno not in FULL or not self._room.make_on_full_disk():
                    raise

    def _open_segment(self) -> None:
        if not self._files.is_open:
            begin = Begin(self._raw_chain, self.next_seq, self._skipping, self.prev, self.receipted, self.at_host.spans)
            # Of each earlier chain of which something is here: so many at most as there are segments.
            here = {segment.chain for segment in self._files.all}
            self._earlier = [one for one in self._earlier if one.chain in here]
            more = b"".join(again_record(Place(one.chain, one.done)) for one in self._earlier)
            if self.receipt is not None:
                more += receipt_record(self.receipt)
            self._files.open(begin, more)
            self._skipping = 0

    def _settle(self) -> None:
        self._open_segment()
        self._files.sync()

    def _put_aside(self, record: bytes, sync: bool = False) -> None:
        """Write what may be lost; with `sync` only on a disk that refuses it."""
        try:
            if sync and not self._closed:
                self._open_segment()
            if self._files.is_open:
                self._files.write(record, sync)
        except OSError:
            self._files.abandon()

    def _read(self, chain: bytes, first: int, last: int, tokens: int, size: int) -> List[Stored]:
        found: List[Stored] = []
        for segment in self._files.all:
            if segment.chain != chain or segment.last < first or segment.first > last:
                continue
            for stored in self._tokens(segment, first):
                if stored.seq > last or len(found) >= tokens or (found and size < len(stored.token)):
                    return found
                size -= len(stored.token)
                found.append(stored)
        return found

    def _tokens(self, segment: Kept, first: int = 0) -> Iterator[Stored]:
        try:
            yield from self._files.tokens(segment, first)
        except OSError as error:
            raise JournalError("{}: not read: {}".format(segment.path, error.strerror)) from error

    @property
    def _is_carrying(self) -> bool:
        """Whether a segment is stated again bit by bit: it goes only when all of it is."""
        return any(not one.is_told for one in self._earlier)

    def _lacks(self, segment: Kept, seq: int) -> bool:
        """Whether a number of a segment is nowhere but here."""
        if self._carrying == (segment.chain, seq):
            return False
        if segment.chain == self._raw_chain:
            return not self.at_host.holds(seq)
        return any(seq > one.done and not one.at_host.holds(seq) for one in self._earlier if one.chain == segment.chain)

    def _is_needed(self, segment: Kept) -> bool:
        if segment.chain == self._raw_chain:
            return any(not self.at_host.holds_all(*run) for run in segment.runs)
        return any(segment.last > one.done for one in self._earlier if one.chain == segment.chain)

    def _lacked(self, segment: Kept) -> List[Stored]:
        return [stored for stored in self._tokens(segment) if self._lacks(segment, stored.seq)]

    def _note_lost(self, segment: Kept, lost: Sequence[int]) -> None:
        of_this_chain = segment.chain == self._raw_chain
        self._gone += gaps.damaged([seq for seq in lost if self._lacks(segment, seq)], of_this_chain)

    def _note_dropped(self, segment: Kept, dropped: Sequence[Stored]) -> None:
        self._gone += gaps_of(dropped, gaps.FULL, segment.chain == self._raw_chain)
