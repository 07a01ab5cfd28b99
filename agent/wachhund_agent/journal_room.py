"""What goes when the journal is full: what the host holds, then what is of no interest, then the oldest. Pure.

A share is kept for what is of interest, so that noise cannot push it out (protocol.md, Journal).
"""

from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence

from wachhund_agent.config import Limits
from wachhund_agent.journal_segment import Segment, Stored


class Gap(NamedTuple):
    """Evidence that is gone: numbers (None: of an earlier chain), observations (None: not known), and why."""

    from_seq: Optional[int]
    to_seq: Optional[int]
    lost: Optional[int]
    reason: str


class Going(NamedTuple):
    """`thin`: only what is of no interest. `needed`: the host lacks some of it, so that a gap is to be stated."""

    segment: Segment
    thin: bool
    needed: bool


def next_to_go(old: Sequence[Segment], is_needed: Callable[[Segment], bool], limits: Limits) -> Going:
    """Which of these segments, the oldest first and at least one, makes room."""
    for segment in old:
        if not is_needed(segment):
            return Going(segment, False, False)
    interesting = sum(segment.size for segment in old if segment.thinned)
    thick = next((segment for segment in old if not segment.thinned), None)
    if thick is not None and interesting < limits.journal_bytes * limits.interest_share:
        return Going(thick, True, True)
    return Going(old[0], False, True)


def gaps_of(gone: Iterable[Stored], reason: str, numbered: bool = True) -> List[Gap]:
    """Runs of tokens, in their order, as gaps. `numbered`: they are of the present chain."""
    gaps: List[Gap] = []
    for stored in gone:
        before = gaps[-1] if gaps else None
        if before is None or (numbered and before.to_seq != stored.seq - 1):
            number = stored.seq if numbered else None
            gaps.append(Gap(number, number, stored.observations, reason))
        else:
            to_seq = stored.seq if numbered else None
            gaps[-1] = before._replace(to_seq=to_seq, lost=(before.lost or 0) + stored.observations)
    return gaps
