"""Where a journal stands, from what its segments say: bytes were read before, nothing is written here. Pure."""

from types import MappingProxyType
from typing import List, Mapping, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.config import Limits
from wachhund_agent.journal.segment import Begin, Segment
from wachhund_evidence import ZERO_HASH

_SMALLEST_TOKEN = 256  # bytes: so many tokens at most lay where a damaged place is


class Stand(NamedTuple):
    """`chain`: b"" when none can be read. `next_seq`: beyond all that may have left; `prev`: hash of the token before.

    `done`: of earlier chains, up to which number all is receipted, or carried into a later one. `skipped`: numbers that
    were never used; `skipping`: of those, how many the next segment is to tell of. `was_clean`: the last stop was.
    """

    chain: bytes = b""
    next_seq: int = 1
    prev: str = ZERO_HASH
    receipted: int = 0
    done: Mapping[bytes, int] = MappingProxyType({})
    skipped: Tuple[Tuple[int, int], ...] = ()
    skipping: int = 0
    was_clean: bool = True


def stand_of(segments: Sequence[Segment], limits: Limits) -> Stand:
    """After these segments, in their order."""
    stand = Stand()
    for segment in segments:
        stand = _carried_on(stand, segment)
    if not segments or not stand.chain:
        return stand
    last = segments[-1]
    if last.stop is not None:
        return stand
    skipping = limits.skipped_numbers
    damaged = last.damaged if last.begin is not None or last.runs else limits.segment_bytes
    if damaged:
        # Nobody knows how many tokens lay there: what was lost and what was never used can't be told apart.
        return stand._replace(next_seq=stand.next_seq + skipping + damaged // _SMALLEST_TOKEN, was_clean=False)
    beyond = stand.next_seq + skipping
    skipped = (*stand.skipped, (stand.next_seq, beyond - 1))
    return stand._replace(next_seq=beyond, skipped=skipped, skipping=skipping, was_clean=False)


def _carried_on(stand: Stand, segment: Segment) -> Stand:
    if segment.chain and segment.chain != stand.chain and _was_begun(segment, stand):
        done = dict(stand.done)
        if stand.chain:
            done[stand.chain] = max(stand.receipted, done.get(stand.chain, 0))
        stand = Stand(segment.chain, prev=stand.prev, done=done)
    if segment.chain == stand.chain:
        stand = _of_its_chain(stand, segment, segment.begin)
    done = dict(stand.done)
    for place in segment.carried:
        done[place.chain] = max(place.seq, done.get(place.chain, 0))
    return stand._replace(done=done)


def _was_begun(segment: Segment, stand: Stand) -> bool:
    """A chain whose first token never came was not begun: it would not say why."""
    begin = segment.begin
    return bool(segment.runs) or not stand.chain or (begin is not None and begin.next_seq > 1)


def _of_its_chain(stand: Stand, segment: Segment, begin: Optional[Begin]) -> Stand:
    next_seq, prev, receipted = stand.next_seq, stand.prev, stand.receipted
    skipped: List[Tuple[int, int]] = list(stand.skipped)
    if begin is not None:
        receipted = begin.receipted
        if begin.next_seq >= next_seq:
            next_seq, prev = begin.next_seq, begin.prev
        if begin.skipped:
            skipped.append((begin.next_seq - begin.skipped, begin.next_seq - 1))
    if segment.runs and segment.runs[-1][1] >= next_seq:
        next_seq, prev = segment.runs[-1][1] + 1, segment.prev
    if segment.receipt is not None and segment.receipt.chain == stand.chain:
        receipted = segment.receipt.seq
    if segment.stop is not None and segment.stop.chain == stand.chain:
        next_seq = max(next_seq, segment.stop.seq)
    return stand._replace(next_seq=next_seq, prev=prev, receipted=receipted, skipped=tuple(skipped))
