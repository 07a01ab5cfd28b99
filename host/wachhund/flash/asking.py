"""What the person who flashes is asked: yes or no, and the password, once."""

import asyncio
import contextlib
import os
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from wachhund_evidence import MisuseError

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
            answer = await self._answer(f"{question} [y/N] ", is_shown=True)
        return answer.strip().lower() in ("y", "yes")

    async def password(self) -> str | None:
        """The robots' password, asked for when the first one wants it. None: there is none. Raises MisuseError."""
        async with self._turn:
            if self._password is None:
                self._password = await self._answer("password on the robot, also for sudo: ", is_shown=False)
            if not self._password.isprintable():  # also what was no UTF-8
                raise MisuseError("password: holds what is no text: is this terminal's encoding UTF-8?")
            return self._password or None

    async def _answer(self, prompt: str, is_shown: bool) -> str:
        if not self.input.isatty():
            return self.input.readline(_MAX_CHARS).rstrip("\r\n")
        print(prompt, end="", file=sys.stderr, flush=True)
        # Not in a thread: an interrupt would have to wait for the line, and a connection for the person.
        number, ready, loop = self.input.fileno(), asyncio.Event(), asyncio.get_running_loop()
        with contextlib.nullcontext() if is_shown else _without_echo(number):
            loop.add_reader(number, ready.set)
            try:
                await ready.wait()
            finally:
                loop.remove_reader(number)
            typed = os.read(number, _MAX_CHARS)  # a terminal gives a whole line
        return typed.decode("utf-8", "surrogateescape").rstrip("\r\n")


@contextlib.contextmanager
def _without_echo(number: int) -> Iterator[None]:
    before = termios.tcgetattr(number)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    # What was typed before the question is thrown away with TCSAFLUSH: it is no password.
    termios.tcsetattr(number, termios.TCSAFLUSH, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSANOW, before)
        print(file=sys.stderr, flush=True)
