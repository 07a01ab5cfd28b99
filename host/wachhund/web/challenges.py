"""Challenges that browsers are given to sign."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from wachhund.people.passkeys import CHALLENGE_BYTES
from wachhund.web.held_once import MOST, HeldOnce

HOLDS_S = 300.0  # a person may have to fetch the key from another room


@dataclass(frozen=True)
class Challenge:
    """`title` and `handle`: of the passkey that is to be made; empty for a login."""

    value: bytes
    title: str = ""
    handle: str = ""


class Challenges:
    """Each for one holder, for one answer. Safe to use from several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._held = HeldOnce[Challenge](HOLDS_S, most, monotonic)

    def new(self, holder: str, title: str = "", handle: str = "") -> Challenge:
        """A challenge for that holder."""
        made = Challenge(secrets.token_bytes(CHALLENGE_BYTES), title, handle)
        self._held.put(holder, made)
        return made

    def take(self, holder: str) -> Challenge | None:
        """The holder's challenge, used up by that; None: there is none, or it is old."""
        return self._held.take(holder)
