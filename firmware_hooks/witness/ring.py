"""What happened, until the host has confirmed that it holds it: a ring that drops the oldest, and counts them."""

import json

SIZE = 64  # events kept
_REMEMBERED = 32  # statements of which it is known how far they told


class Ring:
    """Events are numbered from 1 in each boot, and kept as the JSON that leaves: `[number, up_ms, what, value]`.

    `lost`: events that were overwritten before the host confirmed them; it never falls within a boot.
    """

    def __init__(self) -> None:
        self._slots = [""] * SIZE
        self._first = 1  # the oldest that is kept
        self._next = 1
        self._told_n = [0] * _REMEMBERED
        self._told_to = [0] * _REMEMBERED
        self.confirmed_n = 0
        self.lost = 0

    def put(self, up_ms: int, what: str, value: object) -> None:
        """Something happened."""
        if self._next - self._first == SIZE:
            self._first += 1
            self.lost += 1
        self._slots[self._next % SIZE] = json.dumps([self._next, up_ms, what, value], separators=(",", ":"))
        self._next += 1

    def waiting(self) -> int:
        """How many are not confirmed."""
        return self._next - self._first

    def oldest(self, room: int) -> list[str]:
        """The oldest that are not confirmed, as many as `room` characters hold with a comma after each."""
        texts = []
        for number in range(self._first, self._next):
            text = self._slots[number % SIZE]
            room -= len(text) + 1
            if room < 0:
                break
            texts.append(text)
        return texts

    def told(self, n: int, count: int) -> None:
        """Statement `n` told the `count` oldest."""
        self._told_n[n % _REMEMBERED] = n
        self._told_to[n % _REMEMBERED] = self._first + count

    def confirm(self, n: int) -> bool:
        """The host holds statement `n`: what it told is forgotten.

        False where `n` is not newer than what was confirmed, was never made, or is too long ago to know what it told:
        then nothing changes.
        """
        slot = n % _REMEMBERED
        if n <= self.confirmed_n or n < 1 or self._told_n[slot] != n:
            return False
        self.confirmed_n = n
        for number in range(self._first, self._told_to[slot]):
            self._slots[number % SIZE] = ""
        self._first = max(self._first, self._told_to[slot])
        return True
