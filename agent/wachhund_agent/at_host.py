"""Which numbers of a chain are at the host, as its receipts say: all up to one, and ranges beyond it. Pure.

Beyond a hole a receipt names no hashes. So only what was on its way when a receipt covered it counts as ours and
arrived: who copied the key must not be able to put tokens of his own in the place of ours, unnoticed.
"""

from array import array
from bisect import bisect_left, bisect_right
from typing import Iterator, List, Sequence, Tuple

from wachhund_evidence import MAX_HELD_RANGES

Span = Tuple[int, int]  # first and last number


class AtHost:
    """`whole`: everything up to here is held, or was stated as lost. Len: how many ranges are known beyond it."""

    def __init__(self, max_ranges: int) -> None:
        """Of more ranges the lowest are forgotten: what is in them is sent again."""
        self._max_ranges = max_ranges
        self.whole = 0
        # Two arrays and not tuples: 16 bytes a range, and a modem makes thousands of them.
        self._firsts, self._lasts = array("Q"), array("Q")

    def __len__(self) -> int:
        return len(self._firsts)

    def lost(self, seq: int, held: Sequence[Span]) -> bool:
        """Whether a host that says this holds less than it did: it was restored from a backup."""
        if seq < self.whole:
            return True
        if len(held) == MAX_HELD_RANGES:  # there may be more than these
            return self.holds(seq + 1) and all(first > seq + 1 for first, _ in held)
        for first, last in zip(self._firsts, self._lasts):
            if last > seq and not any(a <= max(first, seq + 1) and last <= b for a, b in held):
                return True
        return False

    def forget(self) -> None:
        """It holds less than it did: nothing beyond `whole` is known any more."""
        self.whole = 0
        del self._firsts[:], self._lasts[:]

    def arrived(self, seq: int, spans: Sequence[Span]) -> None:
        """All is whole up to `seq`, and these of our numbers are there."""
        self.whole = max(self.whole, seq)
        done = bisect_right(self._lasts, self.whole)
        del self._firsts[:done], self._lasts[:done]
        if self._firsts and self._firsts[0] <= self.whole:
            self._firsts[0] = self.whole + 1
        for first, last in spans:
            if last > self.whole:
                self._add(max(first, self.whole + 1), last)

    def _add(self, first: int, last: int) -> None:
        """Those that it meets or touches become one with it."""
        begin, end = bisect_left(self._lasts, first - 1), bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end] = array("Q", [first])
        self._lasts[begin:end] = array("Q", [last])
        if len(self._firsts) > self._max_ranges:
            del self._firsts[0], self._lasts[0]

    def holds(self, seq: int) -> bool:
        """Whether that number is there."""
        return self.holds_all(seq, seq)

    def holds_all(self, first: int, last: int) -> bool:
        """Whether all of these are there."""
        if last <= self.whole:
            return True
        place = bisect_right(self._firsts, max(first, self.whole + 1)) - 1
        return place >= 0 and last <= self._lasts[place]

    def count(self, first: int, last: int) -> int:
        """How many of these are there."""
        begin, end = bisect_left(self._lasts, first), bisect_right(self._firsts, last)
        there = max(0, min(last, self.whole) - first + 1)
        if begin < end:
            there += sum(self._lasts[begin:end]) - sum(self._firsts[begin:end]) + end - begin
            there -= max(0, first - self._firsts[begin]) + max(0, self._lasts[end - 1] - last)
        return there

    def next_lacking(self, first: int) -> int:
        """The first number from `first` on that is not there."""
        first = max(first, self.whole + 1)
        place = bisect_right(self._firsts, first) - 1
        return max(first, self._lasts[place] + 1) if place >= 0 else first

    def next_held(self, first: int, last: int) -> int:
        """The first number from `first` to `last`, beyond `whole`, that is there; one beyond `last` if none is."""
        place = bisect_left(self._lasts, first)
        there = place < len(self._firsts) and self._firsts[place] <= last
        return max(first, self._firsts[place]) if there else last + 1

    def lacking(self, first: int, last: int) -> Iterator[Span]:
        """The spans of these numbers that are not there, in their order."""
        at = self.next_lacking(first)
        while at <= last:
            end = self.next_held(at, last) - 1
            yield at, end
            at = self.next_lacking(end + 1)

    @property
    def spans(self) -> List[Span]:
        """The ranges beyond `whole`."""
        return list(zip(self._firsts, self._lasts))

    @property
    def highest(self) -> int:
        """The last number that is there."""
        return self._lasts[-1] if self._lasts else self.whole
