"""The journal: evidence stays here, synced to disk, until a receipt covers it, and longer while there is room.

Append-only segments of records: magic, kind, length, CRC-32, payload. A torn tail is cut; behind a damaged place the
next whole record is found by its magic, and what lay between is a gap that is stated. Kinds: C a chain begins, T a
token, R a receipt covers all up to here, S a clean stop.
"""

import os
import struct
import threading
import zlib
from pathlib import Path
from typing import IO, Callable, Iterator, List, NamedTuple, Optional, Tuple

from wachhund_agent.config import Limits
from wachhund_evidence import ZERO_HASH, WachhundError, base64url, token_hash

_MAGIC = b"WHJ1"
_HEADER = struct.Struct("<4scII")
_TOKEN = struct.Struct("<QBI")  # seq, of interest, observations
_RECEIPT = struct.Struct("<16sQ")
_CHAIN_BYTES = 16
_MAX_PAYLOAD = 1 << 20
_SUFFIX = ".journal"


class JournalError(WachhundError):
    """The journal cannot be written or read. The text is for a person."""


class Gap(NamedTuple):
    """Evidence that is gone: numbers, how many observations (None: not known), and why."""

    from_seq: int
    to_seq: int
    lost: Optional[int]
    reason: str


class Stored(NamedTuple):
    """One token in the journal."""

    seq: int
    token: str
    of_interest: bool
    observations: int


class _Record(NamedTuple):
    kind: bytes
    payload: bytes
    end: int


class _Segment:
    """What is known of one file without reading it again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.chain = b""
        self.first = self.last = 0
        self.thinned = False


def records_of(data: bytes) -> Iterator[_Record]:
    """The whole records of a segment; damage between them is stepped over."""
    at = 0
    while True:
        at = data.find(_MAGIC, at)
        if at < 0 or at + _HEADER.size > len(data):
            return
        _, kind, length, crc = _HEADER.unpack_from(data, at)
        begin = at + _HEADER.size
        payload = data[begin : begin + length]
        if length <= _MAX_PAYLOAD and len(payload) == length and zlib.crc32(kind + payload) == crc:
            at = begin + length
            yield _Record(kind, payload, at)
        else:
            at += 1


def _record(kind: bytes, payload: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, kind, len(payload), zlib.crc32(kind + payload)) + payload


def _stored(payload: bytes) -> Stored:
    seq, of_interest, observations = _TOKEN.unpack_from(payload)
    return Stored(seq, payload[_TOKEN.size :].decode("ascii"), bool(of_interest), observations)


def disk_is_short(folder: Path, limits: Limits) -> bool:
    """Whether the disk has less free space than the robot is to keep."""
    disk = os.statvfs(str(folder))
    return disk.f_bavail < disk.f_blocks * limits.free_share


class Journal:
    """Safe to use from the attester's and the uplink's thread. Opening repairs; what it found is in `found`.

    `chain`, `next_seq`, `prev`: for the next token. `first`: nothing was here before. `was_clean`: the last stop was.
    """

    def __init__(self, folder: Path, limits: Limits, is_short: Callable[[Path, Limits], bool] = disk_is_short) -> None:
        """Raises JournalError."""
        self._folder, self._limits, self._is_short = folder, limits, is_short
        self._lock = threading.RLock()
        self._file: Optional[IO[bytes]] = None
        self._segments: List[_Segment] = []
        self.found: List[Gap] = []
        self.written_bytes = 0
        self.chain, self.next_seq, self.prev = "", 1, ZERO_HASH
        self._receipted = 0
        self.first, self.was_clean = True, True
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._recover()
            self._open_segment()
        except OSError as error:
            raise JournalError(
                "{}: the journal cannot be kept: {}: make room or fix its permissions".format(folder, error.strerror)
            ) from error

    def append(self, token: str, of_interest: bool, observations: int) -> List[Gap]:
        """Keep the token of `next_seq`, synced. Returns what had to go for it. Raises JournalError: it is not kept."""
        with self._lock:
            gaps = self._make_room(len(token))
            payload = _TOKEN.pack(self.next_seq, of_interest, observations) + token.encode("ascii")
            self._write(b"T", payload, sync=True)
            segment = self._segments[-1]
            segment.first = segment.first or self.next_seq
            segment.last = self.next_seq
            self.prev = token_hash(token)
            self.next_seq += 1
            if segment.size >= self._limits.segment_bytes:
                self._next_segment()
            return gaps

    def pending(self, after: int, tokens: int, size: int) -> List[Stored]:
        """The oldest tokens of this chain beyond `after` without a receipt: at most so many, and so many bytes."""
        found: List[Stored] = []
        with self._lock:
            after = max(after, self._receipted)
            for segment in self._segments:
                if segment.chain != self._raw_chain or segment.last <= after:
                    continue
                for stored in self._tokens(segment):
                    if stored.seq <= after:
                        continue
                    size -= len(stored.token)
                    if len(found) >= tokens or (size < 0 and found):
                        return found
                    found.append(stored)
        return found

    def hash_at(self, seq: int) -> Optional[str]:
        """The hash of this chain's token with that number, if it is still here."""
        with self._lock:
            if seq == 0:
                return ZERO_HASH
            if seq == self.next_seq - 1:
                return self.prev
            for segment in self._segments:
                if segment.chain == self._raw_chain and segment.first <= seq <= segment.last:
                    for stored in self._tokens(segment):
                        if stored.seq == seq:
                            return token_hash(stored.token)
        return None

    @property
    def receipted(self) -> int:
        """The host holds everything of this chain up to here."""
        return self._receipted

    def set_receipted(self, seq: int) -> None:
        """The host's word. It may go back: a host that was restored wants to be told again.

        Not synced: if it is lost, some tokens are sent twice, which does no harm.
        """
        with self._lock:
            if seq != self._receipted:
                self._receipted = seq
                self._write(b"R", _RECEIPT.pack(self._raw_chain, seq), sync=False)

    def start_chain(self) -> List[Stored]:
        """Begin a new chain. Returns the tokens of the old one that no receipt covers, for signing them again."""
        with self._lock:
            left = self.pending(0, 1 << 30, 1 << 40)
            self._begin_chain()
            self._next_segment()
            return left

    def close(self) -> None:
        """A clean stop."""
        with self._lock:
            if self._file is not None:
                self._write(b"S", b"", sync=True)
                self._file.close()
                self._file = None

    @property
    def _raw_chain(self) -> bytes:
        return base64url.decode(self.chain)

    def _begin_chain(self) -> None:
        self.chain = base64url.encode(os.urandom(_CHAIN_BYTES))
        self.next_seq, self._receipted = 1, 0

    def _recover(self) -> None:
        last_kind = b""
        held: List[int] = []
        for path in sorted(self._folder.glob("*" + _SUFFIX)):
            data = path.read_bytes()
            segment = _Segment(path)
            segment.size = len(data)
            end = 0
            for record in records_of(data):
                last_kind, end = record.kind, record.end
                if record.kind == b"C":
                    if record.payload != segment.chain and record.payload != (self.chain and self._raw_chain):
                        self.chain, self.next_seq, self._receipted = base64url.encode(record.payload), 1, 0
                        held = []
                    segment.chain = record.payload
                elif record.kind == b"T":
                    stored = _stored(record.payload)
                    segment.first = segment.first or stored.seq
                    segment.last = stored.seq
                    self.prev, self.next_seq = token_hash(stored.token), stored.seq + 1
                    held.append(stored.seq)
                elif record.kind == b"R" and record.payload[:_CHAIN_BYTES] == (self.chain and self._raw_chain):
                    self._receipted = _RECEIPT.unpack(record.payload)[1]
            if end < len(data):
                os.truncate(str(path), end)
                segment.size = end
            self._segments.append(segment)
        self.first = not self.chain
        self.was_clean = self.first or last_kind == b"S"
        if self.first:
            self._begin_chain()
            return
        self._find_holes(held)
        if not self.was_clean:
            skipped = self._limits.skipped_numbers
            self.found.append(
                Gap(self.next_seq, self.next_seq + skipped - 1, None, "numbers skipped after an unclean stop")
            )
            self.next_seq += skipped

    def _find_holes(self, held: List[int]) -> None:
        """Numbers that are neither here nor covered by a receipt: damage. (What was skipped before is stated again.)"""
        expected = self._receipted + 1
        for seq in held:
            if seq > expected:
                self.found.append(
                    Gap(expected, seq - 1, None, "not in the journal at start: damaged, dropped or skipped")
                )
            expected = max(expected, seq + 1)

    def _open_segment(self) -> None:
        number = int(self._segments[-1].path.name[: -len(_SUFFIX)]) + 1 if self._segments else 1
        segment = _Segment(self._folder / "{:010d}{}".format(number, _SUFFIX))
        segment.chain = self._raw_chain
        self._file = segment.path.open("ab", buffering=0)
        os.chmod(str(segment.path), 0o600)
        self._segments.append(segment)
        self._write(b"C", segment.chain, sync=True)
        folder = os.open(str(self._folder), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the file's name must survive a power cut as well
        finally:
            os.close(folder)

    def _next_segment(self) -> None:
        if self._file is not None:
            self._file.close()
        try:
            self._open_segment()
        except OSError as error:
            raise JournalError("{}: {}".format(self._folder, error.strerror)) from error

    def _write(self, kind: bytes, payload: bytes, sync: bool) -> None:
        if self._file is None:
            raise JournalError("{}: the journal is closed".format(self._folder))
        record = _record(kind, payload)
        segment = self._segments[-1]
        try:
            written = self._file.write(record)
            if written != len(record):
                raise OSError(28, "No space left on device")
            if sync:
                os.fdatasync(self._file.fileno())
        except OSError as error:
            # Half a record would hide what is written behind it.
            os.ftruncate(self._file.fileno(), segment.size)
            raise JournalError("{}: not written: {}".format(segment.path, error.strerror)) from error
        segment.size += len(record)
        self.written_bytes += len(record)

    def _tokens(self, segment: _Segment) -> Iterator[Stored]:
        try:
            data = segment.path.read_bytes()
        except OSError as error:
            raise JournalError("{}: not read: {}".format(segment.path, error.strerror)) from error
        for record in records_of(data):
            if record.kind == b"T":
                yield _stored(record.payload)

    def _is_receipted(self, segment: _Segment) -> bool:
        return segment.chain != self._raw_chain or segment.last <= self._receipted

    def _make_room(self, more: int) -> List[Gap]:
        """Receipted evidence goes first, then the oldest that is of no interest, then the oldest."""
        gaps: List[Gap] = []
        while len(self._segments) > 1 and (
            sum(segment.size for segment in self._segments) + more > self._limits.journal_bytes
            or self._is_short(self._folder, self._limits)
        ):
            old = self._segments[:-1]
            spare = next((segment for segment in old if self._is_receipted(segment)), None)
            if spare is not None:
                self._remove(spare)
                continue
            interesting = sum(segment.size for segment in old if segment.thinned)
            thick = next((segment for segment in old if not segment.thinned), None)
            if thick is not None and interesting < self._limits.journal_bytes * self._limits.interest_share:
                gaps += self._thin(thick)
                continue
            gaps += self._gaps(list(self._tokens(old[0])))
            self._remove(old[0])
        return gaps

    def _remove(self, segment: _Segment) -> None:
        segment.path.unlink()
        self._segments.remove(segment)

    def _thin(self, segment: _Segment) -> List[Gap]:
        """Keep only what is of interest in a segment."""
        tokens = list(self._tokens(segment))
        kept = [stored for stored in tokens if stored.of_interest and stored.seq > self._receipted]
        gaps = self._gaps([stored for stored in tokens if not stored.of_interest and stored.seq > self._receipted])
        if not kept:
            self._remove(segment)
            return gaps
        data = _record(b"C", segment.chain) + b"".join(
            _record(b"T", _TOKEN.pack(stored.seq, True, stored.observations) + stored.token.encode("ascii"))
            for stored in kept
        )
        # In place and shorter: on a full disk there is no room for a second file. A power cut between the two leaves
        # whole records only, for each has its own CRC.
        with segment.path.open("r+b") as file:
            file.write(data)
            file.truncate(len(data))
            os.fdatasync(file.fileno())
        segment.size, segment.thinned = len(data), True
        segment.first, segment.last = kept[0].seq, kept[-1].seq
        return gaps

    @staticmethod
    def _gaps(dropped: List[Stored]) -> List[Gap]:
        gaps: List[Gap] = []
        for stored in dropped:
            if gaps and gaps[-1].to_seq == stored.seq - 1:
                before = gaps.pop()
                gaps.append(before._replace(to_seq=stored.seq, lost=(before.lost or 0) + stored.observations))
            else:
                gaps.append(Gap(stored.seq, stored.seq, stored.observations, "journal full"))
        return gaps


def boot_seed(folder: Path, boot_id: Tuple[str, ...] = ("/proc/sys/kernel/random/boot_id",)) -> str:
    """32 random bytes for this boot, the same for every start of the agent in it. Raises JournalError."""
    path = folder / "boot"
    try:
        current = Path(boot_id[0]).read_text(encoding="ascii").strip()
        try:
            known, seed = path.read_text(encoding="ascii").split()
            if known == current:
                return seed
        except (OSError, ValueError):
            pass
        seed = base64url.encode(os.urandom(32))
        path.write_text("{} {}\n".format(current, seed), encoding="ascii")
        return seed
    except OSError as error:
        raise JournalError("{}: {}".format(path, error.strerror)) from error
