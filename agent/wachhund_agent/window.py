"""What left and has no receipt yet: bounded, sent again when it takes too long (protocol.md, Delivery). Pure.

A token that the host leaves out again and again, while receipts for others come, gives way: it waits beside the window,
is tried now and then, and is given up at last. Else 32 of them would hold up everything behind them.
"""

from collections import OrderedDict
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.at_host import AtHost, Span
from wachhund_agent.config import Limits
from wachhund_agent.journal import Stored
from wachhund_evidence import pack_message, token_hash


class Leaving(NamedTuple):
    """One token on its way. `hash`: of the token; `message`: what is published."""

    seq: int
    hash: str
    message: bytes
    of_interest: bool


def packed(stored: Stored) -> Leaving:
    """A token of the journal as it leaves."""
    return Leaving(stored.seq, token_hash(stored.token), pack_message(stored.token), stored.of_interest)


class _Flight(NamedTuple):
    """`refused`: how often it had to be sent again although receipts for others came."""

    leaving: Leaving
    sent: float
    wait_s: float
    refused: int = 0


class _Aside(NamedTuple):
    sent: float
    refused: int


class Window:
    """Times are monotonic seconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._flying: "OrderedDict[int, _Flight]" = OrderedDict()
        self._aside: Dict[int, _Aside] = {}
        self._heard_at = float("-inf")

    def __contains__(self, seq: int) -> bool:
        """Whether that token is on its way, or waits beside the window."""
        return seq in self._flying or seq in self._aside

    def clear(self) -> None:
        """A connection ended: nothing is on its way."""
        self._flying.clear()
        self._aside.clear()

    def room(self) -> Tuple[int, int]:
        """How many tokens, and bytes of them, may leave beside those that wait for a receipt."""
        flying = sum(len(flight.leaving.message) for flight in self._flying.values())
        return self._limits.in_flight_tokens - len(self._flying), self._limits.in_flight_bytes - flying

    def flying(self, first: int) -> List[int]:
        """The numbers from `first` on that are in the window."""
        return [seq for seq in self._flying if seq >= first]

    @property
    def aside(self) -> List[int]:
        """The numbers that wait beside it."""
        return list(self._aside)

    def add(self, leaving: Leaving, now: float) -> None:
        """This leaves for the first time in this connection."""
        self._flying[leaving.seq] = _Flight(leaving, now, self._limits.resend_first_s)

    def arrived(self, held: Sequence[Span]) -> List[int]:
        """Those that a receipt with these ranges says are at the host, in the order of their numbers."""
        return sorted(seq for seq in (*self._flying, *self._aside) if any(first <= seq <= last for first, last in held))

    def heard(self, at_host: AtHost, now: float) -> None:
        """A receipt came at `now`: what is at the host waits no longer."""
        self._heard_at = now
        for seq in [seq for seq in self._flying if at_host.holds(seq)]:
            del self._flying[seq]
        for seq in [seq for seq in self._aside if at_host.holds(seq)]:
            del self._aside[seq]

    def again(self, now: float, may: Callable[[Leaving], bool]) -> Iterator[Leaving]:
        """What had no receipt for too long, and `may` leave again now."""
        for seq, flight in list(self._flying.items()):
            if now - flight.sent < flight.wait_s:
                continue
            refused = flight.refused + (self._heard_at > flight.sent)
            if refused >= self._limits.refused_tries:
                del self._flying[seq]
                self._aside[seq] = _Aside(flight.sent, refused)
                if len(self._aside) > self._limits.aside_tokens:
                    del self._aside[next(iter(self._aside))]  # given up
            elif may(flight.leaving):
                wait_s = min(flight.wait_s * 2, self._limits.resend_last_s)
                self._flying[seq] = flight._replace(sent=now, wait_s=wait_s, refused=refused)
                yield flight.leaving

    def beside(
        self, now: float, read: Callable[[int], Optional[Stored]], may: Callable[[Leaving], bool]
    ) -> Iterator[Leaving]:
        """What waits beside the window, and is tried and `may` leave again now: a few at a time.

        `read`: a token of the journal, while it is there.
        """
        left = self._limits.fresh_tokens
        for seq, aside in list(self._aside.items()):
            if now - aside.sent < self._limits.resend_last_s or left == 0:
                continue
            refused = aside.refused + (self._heard_at > aside.sent)
            stored = read(seq) if refused < self._limits.give_up_tries else None
            if stored is None:
                del self._aside[seq]  # given up
            elif may(packed(stored)):
                self._aside[seq] = _Aside(now, refused)
                left -= 1
                yield packed(stored)
