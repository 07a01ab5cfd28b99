"""What is gone of a chain, in ranges of its numbers. Pure."""

from typing import List, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.journal.segment import Stored, add

SKIPPED = "numbers skipped after an unclean stop"
GONE = "not in the journal any more: damaged, dropped or deleted"
FULL = "journal full"
UNREADABLE = "the journal was damaged beyond reading"
TAKEN_BACK = "the host had it once and wants it again: dropped here since"

Runs = Sequence[Tuple[int, int]]


class Gap(NamedTuple):
    """Evidence that is gone: numbers (None: of an earlier chain), how many observations (None: not known), and why."""

    from_seq: Optional[int]
    to_seq: Optional[int]
    lost: Optional[int]
    reason: str


def holes(here: Runs, skipped: Runs, after: int, next_seq: int, reason: str = GONE) -> List[Gap]:
    """The numbers from `after` to `next_seq`, both left out, that are not in `here`. `skipped` were never used."""
    known = sorted(
        [(first, last, False) for first, last in here]
        + [(first, last, True) for first, last in skipped]
        + [(next_seq, next_seq, False)]
    )
    found: List[Gap] = []
    expected = after + 1
    for first, last, was_skipped in known:
        if expected >= next_seq:
            break
        if first > expected:
            found.append(Gap(expected, first - 1, None, reason))
        if was_skipped and last >= expected:
            found.append(Gap(max(first, expected), last, 0, SKIPPED))
        expected = max(expected, last + 1)
    return found


def damaged(before: Runs, now: Runs, of_this_chain: bool, done: int) -> List[Gap]:
    """For a segment that lost tokens beyond `done`: the numbers that were there `before`, and are `now`."""
    there = {seq for first, last in now for seq in range(first, last + 1)}
    lost = [seq for first, last in before for seq in range(first, last + 1) if seq > done and seq not in there]
    if lost and not of_this_chain:
        return [Gap(None, None, None, GONE)]
    gone: List[Tuple[int, int]] = []
    for seq in lost:
        add(gone, seq)
    return [Gap(first, last, None, GONE) for first, last in gone]


def dropped(tokens: Sequence[Stored], chain: bytes) -> List[Gap]:
    """For tokens that have to go. Of another chain than the present only the observations are counted."""
    gaps: List[Gap] = []
    earlier = sum(stored.observations for stored in tokens if stored.chain != chain)
    if earlier:
        gaps.append(Gap(None, None, earlier, FULL))
    for stored in tokens:
        if stored.chain != chain:
            continue
        before = gaps[-1] if gaps else None
        if before is not None and before.to_seq == stored.seq - 1:
            gaps[-1] = before._replace(to_seq=stored.seq, lost=(before.lost or 0) + stored.observations)
        else:
            gaps.append(Gap(stored.seq, stored.seq, stored.observations, FULL))
    return gaps
