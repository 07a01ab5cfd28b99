"""What may leave next: newest first, then the backlog, oldest first (protocol.md, Delivery). No clock, no socket.

The caller brings the time and publishes what it is given; the journal is read for what leaves, and for little else.
"""

from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.allowance import Allowance
from wachhund_agent.at_host import Span
from wachhund_agent.config import Limits
from wachhund_agent.journal import Gap, Journal, Stored, gaps_of
from wachhund_agent.window import Leaving, Window, packed
from wachhund_evidence import spans_of


class Held(NamedTuple):
    """How many tokens wait in the journal, and the first number that the host lacks; 0 and None when none waits.

    Numbers that were never used count too.
    """

    tokens: int
    from_seq: Optional[int]


class Delivery:
    """Times are monotonic seconds. `overhead`: bytes of a message beside the token.

    `on_modem`, set from outside: bytes are paid for, and held to `Limits.modem_day_bytes`. What reads the journal may
    raise JournalError; it can be called again.
    """

    def __init__(self, journal: Journal, limits: Limits, overhead: int, now: float) -> None:
        self._journal, self._limits, self._overhead = journal, limits, overhead
        self._allowance = Allowance(limits.modem_day_bytes, now)
        self._window = Window(limits)
        self._fresh_sent = float("-inf")
        self.on_modem = False
        self.begin_chain()

    def begin_chain(self) -> None:
        """A new chain began: nothing of the old one waits any more."""
        self._window.clear()
        self._highest = 0  # ever sent
        self._looked = 0  # over a modem: what is of interest left, up to here
        self.begin_connection()

    def begin_connection(self) -> None:
        """What the host is not known to hold goes again."""
        self._looked = min([self._looked, *(seq - 1 for seq in self._window.flying(0))])
        self._window.clear()
        self._cursor = 0  # all up to here left, or is at the host, or is not in the journal
        self._short: Optional[Tuple[int, int]] = None  # newest number, and bytes that a modem lacks for the next
        self._unfilled = (0, 0)  # a number that nothing fills, and the newest when that was first seen
        self._stated, self._said = 0, 0.0  # the last such number that was stated, and when

    def next(self, now: float) -> List[Leaving]:
        """What leaves now: from here on it counts as published."""
        may: Callable[[Leaving], bool] = lambda one: self._may(one, now)  # noqa: E731
        again = [*self._window.again(now, may), *self._window.beside(now, self._read, may)]
        leaving = [self._charged(one, now) for one in again]
        last = self._journal.next_seq - 1
        if last <= self._done or self._is_short(last, now):
            return leaving
        self._short = None
        if self.on_modem or not self._fits(last):
            leaving += self._newest(last, now)
        if self.on_modem:
            leaving += self._of_interest(last, now)
        if self._short is None:
            leaving += self._oldest(last, now)
        return leaving

    def heard(self, seq: int, held: Sequence[Span], now: float) -> List[Gap]:
        """Take a receipt's word for this chain. Returns numbers that are to be stated as lost: nothing fills them."""
        holds_less = self._journal.at_host.lost(seq, held)
        if holds_less:
            self._cursor = self._looked = 0
            self._short = None
        self._journal.heard(seq, spans_of(self._window.arrived(held)), holds_less)
        self._window.heard(self._journal.at_host, now)
        return self._find_unfilled(now)

    def held(self) -> Held:
        """What waits for better times, for receipts of what left before it, or beside the window."""
        first, last = self._done + 1, self._journal.next_seq - 1
        there = self._journal.at_host.count(first, last) + len(self._window.flying(first))
        tokens = max(0, last - first + 1 - there) + len(self._window.aside)
        return Held(tokens, self._journal.receipted + 1) if tokens else Held(0, None)

    @property
    def _done(self) -> int:
        return max(self._cursor, self._journal.receipted)

    def _backlog_room(self) -> Tuple[int, int]:
        """Tokens and bytes that may leave of what is not new: beside it there must be room for what is."""
        tokens, size = self._window.room()
        return tokens - self._limits.fresh_tokens, size - self._limits.fresh_bytes

    def _fits(self, last: int) -> bool:
        """Whether there is room for everything that waits: then it leaves in its order."""
        room = self._backlog_room()[0] + len(self._window.flying(self._done + 1))
        for first, end in self._journal.at_host.lacking(self._done + 1, last):
            room -= end - first + 1
            if room < 0:
                return False
        return True

    def _is_short(self, last: int, now: float) -> bool:
        """Whether nothing has changed since a modem's bytes did not suffice: then the journal need not be read."""
        if self._short is None or not self.on_modem or self._is_overdue(last, now):
            return False
        newest, size = self._short
        return newest == last and not self._allowance.allows(size, now)

    def _is_overdue(self, last: int, now: float) -> bool:
        return last > self._highest and now - self._fresh_sent >= self._limits.modem_alive_s

    def _newest(self, last: int, now: float) -> Iterator[Leaving]:
        """Newest first. Over a modem a small one now and then in any case: so the host sees that we live."""
        count = self._limits.fresh_tokens
        newest = list(self._unsent(max(self._done, last - count) + 1, last, *self._window.room()))
        alive = 0
        if self.on_modem and self._is_overdue(last, now):
            small = [stored.seq for stored in newest if len(stored.token) <= self._limits.modem_alive_bytes]
            alive = max(small or [stored.seq for stored in newest], default=0)
        for stored in reversed(newest):
            yield from self._send(stored, now, in_any_case=stored.seq == alive)

    def _of_interest(self, last: int, now: float) -> Iterator[Leaving]:
        """What is of interest does not wait for the bytes of what is not."""
        for stored in self._unsent(max(self._looked, self._done) + 1, last, *self._window.room()):
            self._looked = stored.seq
            if stored.of_interest:
                yield from self._send(stored, now)

    def _oldest(self, last: int, now: float) -> Iterator[Leaving]:
        """The backlog in its order."""
        tokens, size = self._backlog_room()
        if tokens <= 0 or size <= 0:
            return
        seq = last  # when nothing is found
        for stored in self._unsent(self._done + 1, last, tokens, size):
            sent = list(self._send(stored, now))
            if not sent:
                return
            yield from sent
            self._cursor = seq = stored.seq
        self._cursor = seq

    def _unsent(self, first: int, last: int, tokens: int, size: int) -> Iterator[Stored]:
        """Tokens of these numbers that are neither at the host nor on their way, the oldest first."""
        while tokens > 0 and size > 0:
            first = self._next_unsent(first)
            found = self._journal.read(first, last, tokens, size) if first <= last else []
            if not found:
                return
            for stored in found:
                first = stored.seq + 1
                if self._next_unsent(stored.seq) == stored.seq:
                    tokens, size = tokens - 1, size - len(stored.token)
                    yield stored

    def _next_unsent(self, seq: int) -> int:
        seq = self._journal.at_host.next_lacking(seq)
        while seq in self._window:
            seq = self._journal.at_host.next_lacking(seq + 1)
        return seq

    def _read(self, seq: int) -> Optional[Stored]:
        found = self._journal.read(seq, seq, 1, 1)
        return found[0] if found else None

    def _send(self, stored: Stored, now: float, in_any_case: bool = False) -> Iterator[Leaving]:
        leaving = packed(stored)
        # What is older must not take the bytes that something newer waits for.
        waits = self._short is not None and not leaving.of_interest
        if not in_any_case and (waits or not self._may(leaving, now)):
            self._short = self._short or (self._journal.next_seq - 1, self._cost(leaving))
            return
        self._window.add(leaving, now)
        if stored.seq > self._highest:
            self._highest, self._fresh_sent = stored.seq, now
        yield self._charged(leaving, now)

    def _cost(self, leaving: Leaving) -> int:
        return len(leaving.message) + self._overhead

    def _may(self, leaving: Leaving, now: float) -> bool:
        return not self.on_modem or leaving.of_interest or self._allowance.allows(self._cost(leaving), now)

    def _charged(self, leaving: Leaving, now: float) -> Leaving:
        if self.on_modem:
            self._allowance.charge(self._cost(leaving), now)
        return leaving

    def _find_unfilled(self, now: float) -> List[Gap]:
        """The first numbers that the host lacks, when nothing that is still to leave can fill or explain them."""
        last = self._journal.next_seq - 1
        if self._stated > self._journal.receipted and now - self._said >= self._limits.resend_last_s:
            self._stated = 0  # the host waits all the same: what stated those numbers was lost itself
        first = max(self._journal.receipted, self._stated) + 1
        if first > self._cursor or first in self._window:
            return []
        if self._unfilled[0] != first:
            self._unfilled = first, last
        newest = self._unfilled[1]
        # Some of what was made before we knew may say itself what became of them.
        if self._cursor < newest or any(seq <= newest for seq in self._window.flying(0)):
            return []
        end = self._journal.at_host.next_held(first, newest) - 1
        end = min([seq - 1 for seq in self._window.aside if seq > first] + [end])
        given_up = self._journal.read(first, end, self._limits.found_gaps, self._limits.in_flight_bytes)
        if given_up and given_up[0].seq == first:
            gaps = gaps_of(given_up, "the host did not take it, however often it was sent")[:1]
        else:
            end = given_up[0].seq - 1 if given_up else end
            gaps = self._journal.missing(first, end)
        if gaps:
            self._stated, self._said = max([self._stated] + [gap.to_seq or 0 for gap in gaps]), now
        return gaps
