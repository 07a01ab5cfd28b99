"""What the person who flashes is asked: yes or no, and the password, once."""

import asyncio
import getpass
import sys
from dataclasses import dataclass, field
from typing import TextIO

_MAX_CHARS = 1024


@dataclass
class Asking:
    """`yes`: questions are not asked, and answered so. Where input is no terminal, answers are its next lines.

    The password is kept while the program runs, shown nowhere and written nowhere.
    """

    yes: bool = False
    input: TextIO = field(default_factory=lambda: sys.stdin)
    _password: str | None = field(default=None, repr=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def is_agreed(self, question: str, in_any_case: bool = False) -> bool:
        """Whether the answer is yes. The end of input is no answer, so it is no. `in_any_case`: also with `yes`."""
        if self.yes and not in_any_case:
            return True
        async with self._turn:
            answer = await asyncio.to_thread(self._read, f"{question} [y/N] ")
        return answer.strip().lower() in ("y", "yes")

    async def password(self) -> str | None:
        """The robots' password, asked for when the first one wants it. None: there is none."""
        async with self._turn:
            if self._password is None:
                self._password = await asyncio.to_thread(self._read_password)
            return self._password or None

    def _read_password(self) -> str:
        if self.input.isatty():
            return getpass.getpass("password on the robot, also for sudo: ")
        return self._line()

    def _read(self, prompt: str) -> str:
        if self.input.isatty():
            print(prompt, end="", flush=True)
        return self._line()

    def _line(self) -> str:
        return self.input.readline(_MAX_CHARS).rstrip("\r\n")
