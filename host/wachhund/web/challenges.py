"""Challenges that browsers are given to sign."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from wachhund.ledger.held_once import MOST, HeldOnce
from wachhund.people.passkeys import CHALLENGE_BYTES

HOLDS_S = 300.0  # a person may have to fetch the key from another room
_KIND = "challenge"


@dataclass(frozen=True)
class Challenge:
    """`title` and `handle`: of the passkey that is to be made; empty for a login."""

    value: bytes
    title: str = ""
    handle: str = ""


class Challenges:
    """Each for one holder, for one answer, to whichever process it comes. Safe to use from several threads.

    Every method may raise LedgerError. `clock`: host time.
    """

    def __init__(self, held: HeldOnce, clock: Callable[[], float] = time.time, most: int = MOST) -> None:
        self._held, self._clock, self._most = held, clock, most

    def new(self, holder: str, title: str = "", handle: str = "") -> Challenge:
        """A challenge for that holder."""
        made, now = Challenge(secrets.token_bytes(CHALLENGE_BYTES), title, handle), self._clock()
        body = json.dumps([made.value.hex(), title, handle])
        self._held.put(_KIND, holder, body, until_t=now + HOLDS_S, now=now, most=self._most)
        return made

    def take(self, holder: str) -> Challenge | None:
        """The holder's challenge, used up by that; None: there is none, or it is old."""
        body = self._held.take(_KIND, holder, self._clock())
        if body is None:
            return None
        value, title, handle = json.loads(body)
        return Challenge(bytes.fromhex(value), title, handle)
