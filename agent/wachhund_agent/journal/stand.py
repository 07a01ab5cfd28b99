"""Where a journal stands, from what its segments say: bytes were read before, nothing is written here. Pure."""

from typing import List, Optional, Sequence

from wachhund_agent.at_host import AtHost, Span
from wachhund_agent.config import Limits
from wachhund_agent.journal.segment import SMALLEST_TOKEN, Begin, Segment, Stop
from wachhund_evidence import ZERO_HASH

_MOST_BEHIND = 1 << 32  # bytes; a dozen files say nothing then, and numbers are no longer worth keeping a chain for


class Earlier:
    """A chain that ended. `done`: up to here the host holds it, or it was stated again in a later one.

    `is_told`: nothing of it is left.
    """

    def __init__(self, chain: bytes, at_host: AtHost) -> None:
        self.chain, self.at_host, self.done, self.is_told = chain, at_host, at_host.whole, False

    def was_told(self, seq: int) -> None:
        """Up to here, a later segment says, and no more.

        Less than receipts covered: the host lost it, and the disk refused the word of that, or lost it as well.
        """
        if seq < self.at_host.whole:
            self.at_host.forget()
            self.done = seq
        self.done = max(self.done, seq)


class Stand:
    """`chain`: empty when none can be read, or go on. `next_seq`: beyond all that may have left.

    `prev`: hash of the last token. `at_host`: what is there of this chain; `receipt`: the last that was kept whole.
    `skipped`: numbers that were never used; `skipping`: of those, how many the next segment is to tell of.
    `was_clean`: the last stop was.
    """

    def __init__(self, segments: Sequence[Segment], limits: Limits) -> None:
        self._limits = limits
        self.chain, self.next_seq, self.prev = b"", 1, ZERO_HASH
        self.at_host = AtHost(limits.held_ranges)
        self.receipt: Optional[str] = None
        self.earlier: List[Earlier] = []
        self.skipped: List[Span] = []
        self.skipping = 0
        self.was_clean = True
        self._behind = 0  # bytes behind the last record that says a number, in which tokens may have lain
        for segment in segments:
            self._carry_on(segment)
        if self.chain:
            self._end(segments[-1].stop)

    def _carry_on(self, segment: Segment) -> None:
        if segment.chain and segment.chain != self.chain and self._was_begun(segment):
            if self.chain:
                self.earlier.append(Earlier(self.chain, self.at_host))
            # Files from a copy may tell of a chain in two places: what goes on again has not ended.
            self.earlier = [one for one in self.earlier if one.chain != segment.chain]
            self.chain, self.next_seq, self.skipped = segment.chain, 1, []
            self.at_host = AtHost(self._limits.held_ranges)
        if segment.chain == self.chain:
            self._carry_chain_on(segment, segment.begin)
        self._look_behind(segment)
        for place in segment.carried:
            for earlier in self.earlier:
                if earlier.chain == place.chain:
                    earlier.was_told(place.seq)
        self.receipt = segment.receipt or self.receipt

    def _was_begun(self, segment: Segment) -> bool:
        """A chain whose first token never came was not begun: it would not say why. One that may have left was."""
        begin = segment.begin
        later = (begin is not None and begin.next_seq > 1) or (segment.stop is not None and segment.stop.next_seq > 1)
        return bool(segment.runs or segment.heard or segment.damaged) or later or not self.chain

    def _look_behind(self, segment: Segment) -> None:
        says_where = segment.begin is not None or bool(segment.runs)
        if segment.chain == self.chain and (says_where or segment.stop is not None):
            self._behind = 0
        if segment.stop is not None:
            return
        if says_where:
            self._behind += segment.damaged
        else:
            # It may also have begun after an unclean stop, with as many numbers skipped as we would skip now.
            self._behind += self._behind + self._limits.skipped_numbers * SMALLEST_TOKEN
            self._behind += max(segment.size, self._limits.segment_bytes)

    def _carry_chain_on(self, segment: Segment, begin: Optional[Begin]) -> None:
        if begin is not None:
            self.at_host.forget()
            self.at_host.arrived(begin.whole, begin.spans)
            if begin.next_seq >= self.next_seq:
                self.next_seq, self.prev = begin.next_seq, begin.prev
            if begin.skipped:
                self.skipped.append((begin.next_seq - begin.skipped, begin.next_seq - 1))
        if segment.runs and segment.runs[-1][1] >= self.next_seq:
            self.next_seq, self.prev = segment.runs[-1][1] + 1, segment.prev
        for heard in segment.heard:
            if heard.chain == self.chain:
                if heard.forget:
                    self.at_host.forget()
                self.at_host.arrived(heard.seq, heard.arrived)
        # It knows the last token also where that can't be read any more: what comes next must name it all the same.
        if segment.stop is not None and segment.stop.next_seq >= self.next_seq:
            self.next_seq, self.prev = segment.stop.next_seq, segment.stop.prev

    def _end(self, stop: Optional[Stop]) -> None:
        if self._behind > _MOST_BEHIND:
            self.earlier.append(Earlier(self.chain, self.at_host))
            self.chain, self.next_seq, self.prev, self.skipped = b"", 1, ZERO_HASH, []
            self.at_host, self.was_clean = AtHost(self._limits.held_ranges), False
            return
        if self.at_host.highest >= self.next_seq:
            # The host holds more than is here: what is next after it, nobody can say without the tokens between.
            self.next_seq = self.at_host.highest + 1
            self._behind = max(self._behind, 1)
        elif stop is not None and stop.chain == self.chain:
            return
        self.was_clean = False
        first = self.next_seq
        self.next_seq += self._limits.skipped_numbers + self._behind // SMALLEST_TOKEN
        if not self._behind:  # else nobody can tell what was lost from what was never used
            self.skipping = self._limits.skipped_numbers
            self.skipped.append((first, self.next_seq - 1))
