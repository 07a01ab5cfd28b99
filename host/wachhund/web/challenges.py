"""Challenges that browsers are given to sign: each for one holder, for one answer, for minutes, and not many at a time.

They live in this process: who began before the host was started anew begins again.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from wachhund.people.passkeys import CHALLENGE_BYTES

HOLDS_S = 300.0  # a person may have to fetch the key from another room
MOST = 1024


@dataclass(frozen=True)
class Challenge:
    """`title` and `handle`: of the passkey that is to be made; empty for a login. `until`: of the monotonic clock."""

    value: bytes
    until: float
    title: str = ""
    handle: str = ""


class Challenges:
    """Safe to use from several threads. A holder has one at a time: a new one makes the one before void."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._monotonic, self._most = monotonic, most
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Challenge] = OrderedDict()

    def new(self, holder: str, title: str = "", handle: str = "") -> Challenge:
        """A challenge for that holder. The oldest is forgotten when there are too many."""
        made = Challenge(secrets.token_bytes(CHALLENGE_BYTES), self._monotonic() + HOLDS_S, title, handle)
        with self._lock:
            self._held.pop(holder, None)
            self._held[holder] = made
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return made

    def take(self, holder: str) -> Challenge | None:
        """The holder's challenge, used up by that whatever becomes of it; None: there is none, or it is old."""
        with self._lock:
            held = self._held.pop(holder, None)
        return held if held is not None and self._monotonic() < held.until else None
