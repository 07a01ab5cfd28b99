"""One file of the journal: append-only records of magic, kind, length, CRC-32 and payload.

A torn tail is cut; behind a damaged place the next whole record is found by its magic. Kinds: C a chain begins, T a
token, R what arrived at the host, F it holds less than that, L up to where an earlier chain was signed again, H a
receipt kept whole, S a clean stop. Others are of a later version, and left alone.
"""

import contextlib
import errno
import os
import struct
import zlib
from array import array
from bisect import bisect_right
from pathlib import Path
from typing import IO, Iterator, NamedTuple, Optional, Sequence, Tuple

from wachhund_evidence import WachhundError

SUFFIX = ".journal"
_MAGIC = b"WHJ1"
_HEADER = struct.Struct("<4scII")
_TOKEN = struct.Struct("<QBI")  # seq, of interest, observations
_MAX_PAYLOAD = 1 << 20
_PART_BYTES = 64 << 10  # at least so far apart are the places by which a token is found: what is read for one of them


class JournalError(WachhundError):
    """The journal cannot be written or read. The text is for a person."""


class Stored(NamedTuple):
    """One token in the journal."""

    seq: int
    token: str
    of_interest: bool
    observations: int


class Record(NamedTuple):
    """`begin` and `end`: its place in the file."""

    kind: bytes
    payload: bytes
    begin: int
    end: int


def records_of(data: bytes) -> Iterator[Record]:
    """The whole records in these bytes; damage between them is stepped over."""
    at = 0
    while True:
        at = data.find(_MAGIC, at)
        if at < 0 or at + _HEADER.size > len(data):
            return
        _, kind, length, crc = _HEADER.unpack_from(data, at)
        begin = at + _HEADER.size
        payload = data[begin : begin + length]
        if length <= _MAX_PAYLOAD and len(payload) == length and zlib.crc32(kind + payload) == crc:
            yield Record(kind, payload, at, begin + length)
            at = begin + length
        else:
            at += 1


def _record(kind: bytes, payload: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, kind, len(payload), zlib.crc32(kind + payload)) + payload


def pack_token(stored: Stored) -> bytes:
    """The payload of a T."""
    return _TOKEN.pack(stored.seq, stored.of_interest, stored.observations) + stored.token.encode("ascii")


def head_of(payload: bytes) -> Tuple[int, bool]:
    """Number, and whether it is of interest, from the payload of a T."""
    seq, of_interest, _ = _TOKEN.unpack_from(payload)
    return int(seq), bool(of_interest)


def unpack_token(payload: bytes) -> Stored:
    """The token in the payload of a T."""
    seq, of_interest, observations = _TOKEN.unpack_from(payload)
    return Stored(seq, payload[_TOKEN.size :].decode("ascii"), bool(of_interest), observations)


class Segment:
    """What is known of one file without reading it again. `first`, `last`: its numbers, 0 while it holds none.

    `thinned`: what was of no interest is gone from it, between `first` and `last`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.chain = b""
        self.first = self.last = 0
        self.thinned = False
        self._file: Optional[IO[bytes]] = None
        # Places of some tokens: 16 bytes for each 64 KiB of the journal, 64 KiB for all 256 MiB.
        self._mark_seqs, self._mark_ats = array("Q"), array("Q")

    def open(self) -> None:
        """Make the file, for writing. Raises OSError."""
        self._file = self.path.open("ab", buffering=0)
        os.chmod(str(self.path), 0o600)

    def write(self, kind: bytes, payload: bytes, sync: bool = False) -> int:
        """Add a record: all of it or nothing. Returns its size. Raises JournalError."""
        if self._file is None:
            raise JournalError("{}: the journal is closed".format(self.path))
        record = _record(kind, payload)
        try:
            if self._file.write(record) != len(record):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if sync:
                self.sync()
        except OSError as error:
            # Half a record would hide what is written behind it.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), self.size)
            raise JournalError("{}: not written: {}".format(self.path, error.strerror)) from error
        self.size += len(record)
        return len(record)

    @property
    def is_open(self) -> bool:
        """Whether it is written to."""
        return self._file is not None

    def sync(self) -> None:
        """What was written survives a power cut. Raises OSError."""
        if self._file is not None:
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Nothing is written any more."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def note(self, seq: int, at: int) -> None:
        """Token `seq` lies at byte `at`, behind all that were noted before."""
        self.first = self.first or seq
        self.last = seq
        if not self._mark_ats or at - self._mark_ats[-1] >= _PART_BYTES:
            self._mark_seqs.append(seq)
            self._mark_ats.append(at)

    def tokens(self, first: int = 0) -> Iterator[Stored]:
        """Its tokens from number `first` on, a part of the file at a time. Raises JournalError."""
        if not self._mark_ats:
            return
        try:
            file = os.open(str(self.path), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._unread(error) from error
        try:
            for part in range(max(0, bisect_right(self._mark_seqs, first) - 1), len(self._mark_ats)):
                begin = self._mark_ats[part]
                end = self._mark_ats[part + 1] if part + 1 < len(self._mark_ats) else self.size
                try:
                    data = os.pread(file, end - begin, begin)
                except OSError as error:
                    raise self._unread(error) from error
                for record in records_of(data):
                    if record.kind == b"T" and head_of(record.payload)[0] >= first:
                        yield unpack_token(record.payload)
        finally:
            os.close(file)

    def _unread(self, error: OSError) -> JournalError:
        return JournalError("{}: not read: {}".format(self.path, error.strerror))

    def thin(self, kept: Sequence[Stored]) -> None:
        """Keep only these of its tokens, at least one. Raises OSError."""
        self._mark_seqs, self._mark_ats = array("Q"), array("Q")
        first, last, data = self.first, self.last, _record(b"C", self.chain)
        for stored in kept:
            self.note(stored.seq, len(data))
            data += _record(b"T", pack_token(stored))
        # In place and shorter: on a full disk there is no room for a second file. A power cut between the two leaves
        # whole records only, for each has its own CRC.
        with self.path.open("r+b") as file:
            file.write(data)
            file.truncate(len(data))
            os.fdatasync(file.fileno())
        self.first, self.last, self.size, self.thinned = first, last, len(data), True
