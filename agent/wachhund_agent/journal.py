"""The journal: evidence stays here, synced to disk, until a receipt covers it, and longer while there is room.

Append-only segments (journal_segment.py). What the host holds is kept with it, so that a restart sends nothing twice.
"""

import contextlib
import os
import threading
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from wachhund_agent.at_host import AtHost, Span
from wachhund_agent.config import Limits
from wachhund_agent.journal_recovery import CHAIN_BYTES, Earlier, Recovered, pack_heard, pack_signed_again
from wachhund_agent.journal_room import Gap, gaps_of, next_to_go
from wachhund_agent.journal_segment import SUFFIX, JournalError, Segment, Stored, pack_token
from wachhund_evidence import ZERO_HASH, base64url, token_hash


def disk_is_short(folder: Path, limits: Limits) -> bool:
    """Whether the disk has less free space than the robot is to keep."""
    disk = os.statvfs(str(folder))
    return disk.f_bavail < disk.f_blocks * limits.free_share


class Journal:
    """Safe to use from the attester's and the uplink's thread. Opening repairs; what it found is in `found`.

    `chain`, `next_seq`, `prev`: for the next token. `at_host`: what the host holds of this chain. `receipt`: the last
    that was kept whole. `first`: nothing was here before. `was_clean`: the last stop was.
    """

    def __init__(self, folder: Path, limits: Limits, is_short: Callable[[Path, Limits], bool] = disk_is_short) -> None:
        """Raises JournalError."""
        self._folder, self._limits, self._is_short = folder, limits, is_short
        self._lock = threading.RLock()
        self.written_bytes = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = Recovered(folder, limits)
            self._segments, self._earlier, self.found = there.segments, there.earlier, there.found
            self.first, self.was_clean, self.receipt = not there.chain, there.was_clean, there.receipt
            self._raw_chain = there.chain or os.urandom(CHAIN_BYTES)
            self.next_seq, self.prev, self.at_host = there.next_seq, there.prev, there.at_host
            self._open_segment()
        except OSError as error:
            raise JournalError(
                "{}: the journal cannot be kept: {}: make room or fix its permissions".format(folder, error.strerror)
            ) from error

    @property
    def chain(self) -> str:
        """The present chain, as its tokens name it."""
        return base64url.encode(self._raw_chain)

    def append(self, token: str, of_interest: bool, observations: int) -> List[Gap]:
        """Keep the token of `next_seq`, synced. Returns what had to go for it. Raises JournalError: it is not kept."""
        with self._lock:
            try:
                gaps = self._make_room(len(token))
            except OSError as error:
                raise JournalError("{}: no room made: {}".format(self._folder, error.strerror)) from error
            segment = self._segments[-1]
            at = segment.size
            self._write(b"T", pack_token(Stored(self.next_seq, token, of_interest, observations)), sync=True)
            segment.note(self.next_seq, at)
            self.prev = token_hash(token)
            self.next_seq += 1
            if segment.size >= self._limits.segment_bytes:
                with contextlib.suppress(OSError, JournalError):  # the old one goes on, and it is tried again
                    self._open_segment()
            return gaps

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

    def made_room(self, seq: int) -> bool:
        """Whether a token of this chain with that number may have been here, and had to go."""
        with self._lock:
            mine = [segment for segment in self._segments if segment.chain == self._raw_chain and segment.last]
            return (
                seq <= self.receipted
                or seq < min([segment.first for segment in mine], default=self.next_seq)
                or any(segment.thinned and segment.first <= seq <= segment.last for segment in mine)
            )

    @property
    def receipted(self) -> int:
        """The host holds everything of this chain up to here, or knows that it is lost."""
        return self.at_host.whole

    def heard(self, seq: int, arrived: Sequence[Span]) -> None:
        """All is whole at the host up to `seq`, and these of our numbers are there. Raises JournalError.

        Not synced: if it is lost, some tokens are sent twice, which does no harm.
        """
        with self._lock:
            if seq != self.at_host.whole or arrived:
                self.at_host.arrived(seq, arrived)
                self._write(b"R", pack_heard(self._raw_chain, seq, arrived))

    def forget_heard(self) -> None:
        """The host holds less than it did, and is to be told again what we still hold. Raises JournalError."""
        with self._lock:
            self.at_host.forget()
            self._write(b"F", b"")

    def keep_receipt(self, receipt: str) -> None:
        """Keep the host's own word, with which it can be shown what it lost. Raises JournalError."""
        with self._lock:
            self._write(b"H", receipt.encode("ascii"))
            self.receipt = receipt

    def start_chain(self) -> None:
        """Begin a new chain. What the host lacks of the old one is in `left`. Raises JournalError."""
        with self._lock:
            before = self._raw_chain, self.next_seq, self.at_host
            self._raw_chain, self.next_seq, self.at_host = os.urandom(CHAIN_BYTES), 1, AtHost(self._limits.held_ranges)
            try:
                self._open_segment()
            except (OSError, JournalError) as error:
                self._raw_chain, self.next_seq, self.at_host = before
                raise JournalError("{}: no new chain: {}".format(self._folder, error)) from error
            self._earlier.append(Earlier(before[0], before[2]))

    def left(self, tokens: int, size: int) -> List[Stored]:
        """The oldest tokens of an earlier chain that the host lacks, to be signed again. Raises JournalError."""
        with self._lock:
            while self._earlier:
                earlier = self._earlier[0]
                mine = [segment.last for segment in self._segments if segment.chain == earlier.chain]
                found: List[Stored] = []
                for span in earlier.at_host.lacking(earlier.done + 1, max(mine, default=0)):
                    found += self._read(earlier.chain, *span, tokens - len(found), size)
                    if len(found) >= tokens or sum(len(stored.token) for stored in found) >= size:
                        break
                if found:
                    return found
                del self._earlier[0]
            return []

    def signed_again(self, seq: int) -> None:
        """What `left` returned up to that number is in the present chain. Raises JournalError.

        Not synced: if it is lost, the same observations are signed a third time, and none is lost.
        """
        with self._lock:
            self._write(b"L", pack_signed_again(self._earlier[0].chain, seq))
            self._earlier[0].done = seq

    def close(self) -> None:
        """A clean stop."""
        with self._lock:
            if self._segments[-1].is_open:
                self._write(b"S", b"", sync=True)
                self._segments[-1].close()

    def _read(self, chain: bytes, first: int, last: int, tokens: int, size: int) -> List[Stored]:
        found: List[Stored] = []
        for segment in self._segments:
            if segment.chain != chain or segment.last < first or segment.first > last:
                continue
            for stored in segment.tokens(first):
                if stored.seq > last or len(found) >= tokens or (found and size < len(stored.token)):
                    return found
                size -= len(stored.token)
                found.append(stored)
        return found

    def _open_segment(self) -> None:
        """Go on in a new file. Raises OSError or JournalError; then the one before goes on."""
        number = int(self._segments[-1].path.name[: -len(SUFFIX)]) + 1 if self._segments else 1
        segment = Segment(self._folder / "{:010d}{}".format(number, SUFFIX))
        segment.chain = self._raw_chain
        try:
            segment.open()
            self._begin_segment(segment)
        except (OSError, JournalError):
            segment.close()
            with contextlib.suppress(OSError):
                segment.path.unlink()
            raise
        if self._segments:
            self._segments[-1].close()
        self._segments.append(segment)

    def _begin_segment(self, segment: Segment) -> None:
        self.written_bytes += segment.write(b"C", self._raw_chain)
        # Older segments may go, and what the host said must not go with them.
        if self.at_host.highest:
            heard = pack_heard(self._raw_chain, self.receipted, self.at_host.spans)
            self.written_bytes += segment.write(b"R", heard)
        if self.receipt is not None:
            self.written_bytes += segment.write(b"H", self.receipt.encode("ascii", "replace"))
        segment.sync()
        folder = os.open(str(self._folder), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the file's name must survive a power cut as well
        finally:
            os.close(folder)

    def _write(self, kind: bytes, payload: bytes, sync: bool = False) -> None:
        self.written_bytes += self._segments[-1].write(kind, payload, sync)

    def _is_needed(self, segment: Segment) -> bool:
        if segment.chain == self._raw_chain:
            return not self.at_host.holds_all(segment.first, segment.last)
        return any(segment.last > one.done for one in self._earlier if one.chain == segment.chain)

    def _make_room(self, more: int) -> List[Gap]:
        gaps: List[Gap] = []
        while len(self._segments) > 1 and (
            sum(segment.size for segment in self._segments) + more > self._limits.journal_bytes
            or self._is_short(self._folder, self._limits)
        ):
            segment, thin, needed = next_to_go(self._segments[:-1], self._is_needed, self._limits)
            lacked = self._lacked(segment) if needed else []
            kept = [stored for stored in lacked if thin and stored.of_interest]
            dropped = [stored for stored in lacked if not (thin and stored.of_interest)]
            gaps += gaps_of(dropped, "journal full", segment.chain == self._raw_chain)
            if kept:
                segment.thin(kept)
            else:
                segment.path.unlink()
                self._segments.remove(segment)
        return gaps

    def _lacked(self, segment: Segment) -> List[Stored]:
        """The tokens of a segment that are nowhere but here."""
        at_host, done = self.at_host, 0
        for earlier in self._earlier:
            if earlier.chain == segment.chain:
                at_host, done = earlier.at_host, earlier.done
        return [stored for stored in segment.tokens() if stored.seq > done and not at_host.holds(stored.seq)]
