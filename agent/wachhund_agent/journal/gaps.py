"""What is gone of a chain, in ranges of its numbers. Pure."""

from typing import Iterable, List, NamedTuple, Optional, Sequence

from wachhund_agent.at_host import Span
from wachhund_agent.journal.segment import Stored, add

SKIPPED = "numbers skipped after an unclean stop"
GONE = "not in the journal any more: damaged, dropped or deleted"
FULL = "journal full"
UNREADABLE = "the journal was damaged beyond reading"

Spans = Iterable[Span]


class Gap(NamedTuple):
    """Evidence that is gone: numbers (None: of an earlier chain), observations (None: not known), and why."""

    from_seq: Optional[int]
    to_seq: Optional[int]
    lost: Optional[int]
    reason: str


def holes(first: int, last: int, here: Spans, skipped: Spans) -> List[Gap]:
    """The numbers from `first` to `last` that are not in `here`. `skipped` were never used: nothing is lost there."""
    known = sorted(
        [(begin, end, False) for begin, end in here]
        + [(begin, end, True) for begin, end in skipped]
        + [(last + 1, last + 1, False)]
    )
    found: List[Gap] = []
    expected = first
    for begin, end, was_skipped in known:
        if expected > last:
            break
        if begin > expected:
            found.append(Gap(expected, min(begin - 1, last), None, GONE))
        if was_skipped and end >= expected and begin <= last:
            found.append(Gap(max(begin, expected), min(end, last), 0, SKIPPED))
        expected = max(expected, end + 1)
    return found


def damaged(lost: Sequence[int], of_this_chain: bool) -> List[Gap]:
    """For the numbers, in their order, of tokens that were here and can't be read any more."""
    if lost and not of_this_chain:
        return [Gap(None, None, None, GONE)]
    gone: List[Span] = []
    for seq in lost:
        add(gone, seq)
    return [Gap(first, last, None, GONE) for first, last in gone]


def gaps_of(dropped: Sequence[Stored], reason: str, numbered: bool = True) -> List[Gap]:
    """Runs of dropped tokens, in their order, as gaps. `numbered`: of this chain, whose numbers mean something."""
    gaps: List[Gap] = []
    for stored in dropped:
        before = gaps[-1] if gaps else None
        if before is None or (numbered and before.to_seq != stored.seq - 1):
            number = stored.seq if numbered else None
            gaps.append(Gap(number, number, stored.observations, reason))
        else:
            to_seq = stored.seq if numbered else None
            gaps[-1] = before._replace(to_seq=to_seq, lost=(before.lost or 0) + stored.observations)
    return gaps
