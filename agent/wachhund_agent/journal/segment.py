"""A journal's segment: bytes in, what they say out. Pure.

Records follow each other: magic, kind, length, CRC-32, payload. Behind a damaged place the next whole record is found
by its magic. Kinds: C where the journal stands as the segment begins, A how far it is with an earlier chain, T a token,
R what arrived at the host, F it holds no more than this, H a receipt kept whole, E where it stands at a clean stop.
Others are of another version: left alone.
"""

import struct
import zlib
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.at_host import Span
from wachhund_evidence import ZERO_HASH, base64url, token_hash

CHAIN_BYTES = 16
_MAGIC = b"WHJ2"
_HEADER = struct.Struct("<4scII")
_BEGIN = struct.Struct("<16sQQ32sQ")  # chain, next number, numbers skipped before it, hash, whole at the host; ranges
_TOKEN = struct.Struct("<16sQBI")  # chain, seq, flags, observations
_PLACE = struct.Struct("<16sQ")  # chain, seq
_STOP = struct.Struct("<16sQ32s")  # chain, next number, hash
_SPAN = struct.Struct("<QQ")
_OF_INTEREST, _CARRIES = 1, 2
_MAX_PAYLOAD = 1 << 20
_MAX_SPANS = 1024  # the newest: 16 KiB
SMALLEST_TOKEN = 256  # bytes of a record: in what is smaller none lay, in what is larger so many at most
_MOST_ZEROS = 64 * SMALLEST_TOKEN  # in more there may have lain more tokens than an unclean stop skips (config.Limits)
_PART_BYTES = 64 << 10  # at least so far apart are the places by which a token is found: what is read for one of them


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
    """Where the journal stands as a segment begins, so that it hangs on no older one.

    `prev`: hash of the token before. `skipped`: so many numbers before `next_seq` were never used. `whole`, `spans`:
    all that is known to be at the host.
    """

    chain: bytes
    next_seq: int
    skipped: int
    prev: str
    whole: int = 0
    spans: Sequence[Span] = ()


class Stop(NamedTuple):
    """Where the journal stands at a clean stop, so that it hangs on no token before it. `prev`: hash of the last."""

    chain: bytes
    next_seq: int
    prev: str


class Heard(NamedTuple):
    """All of the chain is whole at the host up to `seq`, and these are there. `forget`: and no more than this.

    Both in one record: half of it, after a power cut, would state as gone what the host has.
    """

    chain: bytes
    seq: int = 0
    arrived: Sequence[Span] = ()
    forget: bool = False


class Segment(NamedTuple):
    """All that a segment says. `runs`: the numbers of its tokens. `marks`: number and place of some of them.

    `chain`: the one of which all is that it holds, whatever in it says so. `prev`: hash of its last token. `thin`: all
    of them are of interest. `carried`: up to where earlier chains were stated again, or had no need to be. `stop`: a
    clean stop with which it ends. `damaged`: bytes of its damaged places in which a token may have lain; what a write
    that was cut off leaves is none.
    """

    size: int
    chain: bytes = b""
    begin: Optional[Begin] = None
    runs: Tuple[Span, ...] = ()
    marks: Tuple[Tuple[int, int], ...] = ()
    prev: str = ZERO_HASH
    thin: bool = True
    heard: Tuple[Heard, ...] = ()
    receipt: Optional[str] = None
    carried: Tuple[Place, ...] = ()
    stop: Optional[Stop] = None
    damaged: int = 0


def add(runs: List[Span], seq: int) -> None:
    """Put one more number, which lies beyond them or in the last, into ranges."""
    if runs and seq <= runs[-1][1] + 1:
        runs[-1] = runs[-1][0], max(runs[-1][1], seq)
    else:
        runs.append((seq, seq))


def mark(marks: List[Tuple[int, int]], seq: int, at: int) -> None:
    """Note where a token lies, if it is far enough from the one noted before."""
    if not marks or at - marks[-1][1] >= _PART_BYTES:
        marks.append((seq, at))


def begin_record(begin: Begin) -> bytes:
    prev = base64url.decode(begin.prev)
    head = _BEGIN.pack(begin.chain, begin.next_seq, begin.skipped, prev, begin.whole)
    return _record(b"C", head + _pack_spans(begin.spans))


def again_record(place: Place) -> bytes:
    """Nothing of an earlier chain up to this place is to be stated again: it was, or the host holds it."""
    return _record(b"A", _PLACE.pack(*place))


def token_record(stored: Stored) -> bytes:
    flags = (_OF_INTEREST if stored.of_interest else 0) | (_CARRIES if stored.carries is not None else 0)
    head = _TOKEN.pack(stored.chain, stored.seq, flags, stored.observations)
    carries = b"" if stored.carries is None else _PLACE.pack(*stored.carries)
    return _record(b"T", head + carries + stored.token.encode("ascii"))


def heard_record(heard: Heard) -> bytes:
    return _record(b"F" if heard.forget else b"R", _PLACE.pack(heard.chain, heard.seq) + _pack_spans(heard.arrived))


def receipt_record(receipt: str) -> bytes:
    return _record(b"H", receipt.encode("ascii"))


def stop_record(stop: Stop) -> bytes:
    return _record(b"E", _STOP.pack(stop.chain, stop.next_seq, base64url.decode(stop.prev)))


def tokens_of(data: bytes) -> Iterator[Stored]:
    """The tokens in a part of a segment, in the order of their numbers."""
    for _, kind, payload, _ in _records(data):
        if kind == b"T":
            yield _stored(payload)


def read_segment(data: bytes) -> Segment:
    """What a segment's bytes say, wherever they are damaged or cut off."""
    said = Segment(len(data))
    runs: List[Span] = []
    marks: List[Tuple[int, int]] = []
    heard: List[Heard] = []
    carried: List[Place] = []
    damaged = end = 0
    for at, kind, payload, behind in _records(data):
        damaged += _damage(at - end)
        end = behind
        if said.stop is not None:
            said = said._replace(stop=None)
        if kind == b"C":
            chain, next_seq, skipped, digest, arrived = _BEGIN.unpack_from(payload)
            spans = _unpack_spans(payload, _BEGIN.size)
            begin = Begin(chain, next_seq, skipped, base64url.encode(digest), arrived, spans)
            said = said._replace(chain=chain, begin=begin)
        elif kind == b"T":
            stored = _stored(payload)
            add(runs, stored.seq)
            mark(marks, stored.seq, at)
            thin = said.thin and stored.of_interest
            said = said._replace(chain=stored.chain, prev=token_hash(stored.token), thin=thin)
            if stored.carries is not None:
                carried.append(stored.carries)
        elif kind == b"A":
            carried.append(Place(*_PLACE.unpack_from(payload)))
        elif kind in (b"R", b"F"):
            spans = _unpack_spans(payload, _PLACE.size)
            place = Place(*_PLACE.unpack_from(payload))
            said = said._replace(chain=place.chain)
            heard.append(Heard(place.chain, place.seq, spans, kind == b"F"))
        elif kind == b"H":
            said = said._replace(receipt=payload.decode("ascii", "replace"))
        elif kind == b"E":
            chain, next_seq, digest = _STOP.unpack_from(payload)
            said = said._replace(chain=chain, stop=Stop(chain, next_seq, base64url.encode(digest)))
    tail = data[end:]
    return said._replace(
        runs=tuple(runs),
        marks=tuple(marks),
        heard=tuple(heard),
        carried=tuple(carried),
        stop=None if tail else said.stop,
        damaged=damaged if _is_torn(tail) else damaged + _damage(len(tail)),
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


def _damage(size: int) -> int:
    return size if size >= SMALLEST_TOKEN else 0


def _is_torn(tail: bytes) -> bool:
    """Whether this is what a power cut leaves of the last write: the begin of a record, or a length without content."""
    if not tail.strip(b"\0"):
        return len(tail) <= _MOST_ZEROS
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


def _pack_spans(spans: Sequence[Span]) -> bytes:
    return b"".join(_SPAN.pack(*span) for span in spans[-_MAX_SPANS:])


def _unpack_spans(payload: bytes, begin: int) -> Sequence[Span]:
    return [(first, last) for first, last in _SPAN.iter_unpack(payload[begin:])]


def _record(kind: bytes, payload: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, kind, len(payload), zlib.crc32(kind + payload)) + payload
