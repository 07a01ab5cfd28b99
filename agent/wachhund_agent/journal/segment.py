"""A journal's segment: bytes in, what is known of it out. Pure.

Records follow each other: magic, kind, length, CRC-32, payload. Behind a damaged place the next whole record is found
by its magic. Kinds: C where the journal stood when the segment began, T a token, R a receipt covers all up to here,
S a clean stop.
"""

import struct
import zlib
from typing import Iterator, List, NamedTuple, Optional, Tuple

from wachhund_evidence import ZERO_HASH, base64url, token_hash

CHAIN_BYTES = 16
_MAGIC = b"WHJ2"
_HEADER = struct.Struct("<4scII")
_BEGIN = struct.Struct("<16sQQQ32sB")  # chain, next number, receipted, numbers skipped before it, hash, thinned
_TOKEN = struct.Struct("<16sQBI")  # chain, seq, flags, observations
_PLACE = struct.Struct("<16sQ")  # chain, seq: of what a token carries on; of a receipt; of a clean stop
_OF_INTEREST, _CARRIES = 1, 2
_MAX_PAYLOAD = 1 << 20


class Place(NamedTuple):
    """A number in a chain."""

    chain: bytes
    seq: int


class Stored(NamedTuple):
    """One token in the journal. `carries`: the token of an earlier chain whose observations it states again."""

    seq: int
    token: str
    of_interest: bool
    observations: int
    chain: bytes = b""
    carries: Optional[Place] = None


class Begin(NamedTuple):
    """Where the journal stood when a segment began, so that nothing hangs on older ones.

    `prev`: hash of the token before. `skipped`: so many numbers before `next_seq` were never used. `thinned`: what is
    of no interest was dropped from this segment.
    """

    chain: bytes
    next_seq: int
    receipted: int
    skipped: int
    prev: str
    thinned: bool = False


class Segment(NamedTuple):
    """All that a segment says. `runs`: the numbers of its tokens, as ranges. `prev`: hash of its last token.

    `receipt`, `carried`: the last of their kind. `stop`: the next number at a clean stop with which it ends.
    `damaged`: bytes between and behind its records that are none, without what a write that was cut off leaves.
    """

    size: int
    chain: bytes = b""
    begin: Optional[Begin] = None
    runs: Tuple[Tuple[int, int], ...] = ()
    prev: str = ZERO_HASH
    receipt: Optional[Place] = None
    carried: Tuple[Place, ...] = ()
    stop: Optional[Place] = None
    damaged: int = 0


def add(runs: List[Tuple[int, int]], seq: int) -> None:
    """Put one more number, which lies beyond them or in the last, into ranges."""
    if runs and seq <= runs[-1][1] + 1:
        runs[-1] = runs[-1][0], max(runs[-1][1], seq)
    else:
        runs.append((seq, seq))


def begin_record(begin: Begin) -> bytes:
    prev = base64url.decode(begin.prev)
    return _record(
        b"C",
        _BEGIN.pack(begin.chain, begin.next_seq, begin.receipted, begin.skipped, prev, begin.thinned),
    )


def token_record(stored: Stored) -> bytes:
    flags = (_OF_INTEREST if stored.of_interest else 0) | (_CARRIES if stored.carries is not None else 0)
    head = _TOKEN.pack(stored.chain, stored.seq, flags, stored.observations)
    carries = b"" if stored.carries is None else _PLACE.pack(*stored.carries)
    return _record(b"T", head + carries + stored.token.encode("ascii"))


def receipt_record(place: Place) -> bytes:
    return _record(b"R", _PLACE.pack(*place))


def stop_record(place: Place) -> bytes:
    """`place`: the next number."""
    return _record(b"S", _PLACE.pack(*place))


def tokens_of(data: bytes) -> Iterator[Stored]:
    """The tokens in a segment's bytes, in the order of their numbers."""
    for _, kind, payload, _ in _records(data):
        if kind == b"T":
            yield _stored(payload)


def read_segment(data: bytes) -> Segment:
    """What a segment's bytes say, wherever they are damaged or cut off."""
    chain, prev, begin, receipt, stop = b"", ZERO_HASH, None, None, None
    runs: List[Tuple[int, int]] = []
    carried: List[Place] = []
    whole = end = 0
    for at, kind, payload, end in _records(data):
        whole += end - at
        stop = None
        if kind == b"C":
            chain, next_seq, receipted, skipped, digest, thinned = _BEGIN.unpack(payload)
            begin = Begin(chain, next_seq, receipted, skipped, base64url.encode(digest), bool(thinned))
        elif kind == b"T":
            stored = _stored(payload)
            chain, prev = stored.chain, token_hash(stored.token)
            add(runs, stored.seq)
            if stored.carries is not None:
                carried.append(stored.carries)
        elif kind == b"R":
            receipt = Place(*_PLACE.unpack(payload))
        elif kind == b"S":
            stop = Place(*_PLACE.unpack(payload))
    tail = data[end:]
    return Segment(
        size=len(data),
        chain=chain,
        begin=begin,
        runs=tuple(runs),
        prev=prev,
        receipt=receipt,
        carried=tuple(carried),
        stop=None if tail else stop,
        damaged=len(data) - whole - (len(tail) if _is_torn(tail) else 0),
    )


def _records(data: bytes) -> Iterator[Tuple[int, bytes, bytes, int]]:
    """Begin, kind, payload and end of each whole record; what is none is stepped over."""
    at = 0
    while True:
        at = data.find(_MAGIC, at)
        if at < 0 or at + _HEADER.size > len(data):
            return
        _, kind, length, crc = _HEADER.unpack_from(data, at)
        begin = at + _HEADER.size
        payload = data[begin : begin + length]
        if length <= _MAX_PAYLOAD and len(payload) == length and zlib.crc32(kind + payload) == crc:
            yield at, kind, payload, begin + length
            at = begin + length
        else:
            at += 1


def _is_torn(tail: bytes) -> bool:
    """Whether this is what a power cut leaves of the last write: the begin of a record, or a length without content."""
    if not tail.strip(b"\0"):
        return True
    if len(tail) < _HEADER.size:
        return _MAGIC.startswith(tail[: len(_MAGIC)])
    magic, _, length, _ = _HEADER.unpack_from(tail)
    return bool(magic == _MAGIC and len(tail) - _HEADER.size <= length <= _MAX_PAYLOAD)


def _stored(payload: bytes) -> Stored:
    chain, seq, flags, observations = _TOKEN.unpack_from(payload)
    at, carries = _TOKEN.size, None
    if flags & _CARRIES:
        carries = Place(*_PLACE.unpack_from(payload, at))
        at += _PLACE.size
    return Stored(seq, payload[at:].decode("ascii"), bool(flags & _OF_INTEREST), observations, chain, carries)


def _record(kind: bytes, payload: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, kind, len(payload), zlib.crc32(kind + payload)) + payload
