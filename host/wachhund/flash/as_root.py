"""A command as root on a robot: through sudo, whose password goes to its standard input and nowhere else.

sudo asks by a prompt that we choose; the password is sent when it was heard, once. Where sudo wants none it is never
sent: the command behind it would read it. So each script says first that it runs.
"""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator

from wachhund.flash import robots_words
from wachhund.flash.logging_in import Password
from wachhund.flash.outcome import LOST, NO_SUDO, FlashRefused
from wachhund.flash.ssh_channel import MAX_OUTPUT_BYTES, Channel, Running

_PROMPT = b"wachhund-flash: password of sudo"
_RUNS = b"wachhund-flash: root"
_BEGIN = "printf 'wachhund-flash: root\\n'; "
_MAX_GREETING = 100  # lines
_ANSWER_S = 60.0  # sudo waits some seconds after a wrong password
_TYPING_S = 600.0  # all of it, with somebody who looks for the password


def command(user: str, script: str, *words: str) -> str:
    """The line for the robot's shell. `script` is fixed, `words` are its arguments, each quoted."""
    line = ["sh", "-c", _BEGIN + script, "wachhund-flash", *words]
    if user != "root":
        # -k: what sudo remembers of an earlier password does not count, so that it asks, or never asks.
        line = ["env", "LC_ALL=C", "sudo", "-k", "-S", "-p", _PROMPT.decode(), "--", *line]
    return shlex.join(line)


@contextlib.asynccontextmanager
async def started(
    channel: Channel, password: Password, within_s: float, script: str, *words: str, most: int = MAX_OUTPUT_BYTES
) -> AsyncIterator[Running]:
    """A script that runs as root, and its lines after the first, `most` bytes. Raises FlashRefused."""
    async with channel.started(command(channel.target.user, script, *words), _TYPING_S, most) as running:
        first = asyncio.create_task(_begin(running))
        try:
            line = await _first_line(channel, running, first, password)
        finally:
            first.cancel()
            await asyncio.wait([first])
        if line != _RUNS:
            said = robots_words.last_line(running.errors.replace(_PROMPT, b"\n")) or "no word"
            raise FlashRefused(NO_SUDO, f"{channel.target}: can't become root there ({said}): give a user who may")
        running.allow(within_s)
        yield running


async def _begin(running: Running) -> bytes | None:
    """The first line that is the script's: a vendor's .bashrc may say something before."""
    for _ in range(_MAX_GREETING):
        line = await running.line()
        if line is None or line == _RUNS:
            return line
    return None


async def _first_line(
    channel: Channel, running: Running, first: "asyncio.Task[bytes | None]", password: Password
) -> bytes | None:
    """What comes when sudo has been satisfied, or has given up. Raises FlashRefused."""
    if await _asks(running, first, 1):
        given = await password()
        if given is None:
            raise FlashRefused(NO_SUDO, f"{channel.target}: sudo there wants a password, and none was given")
        await running.send(given.encode() + b"\n")
        if await _asks(running, first, 2):
            raise FlashRefused(NO_SUDO, f"{channel.target}: sudo there does not take this password")
    return await first


async def _asks(running: Running, first: "asyncio.Task[bytes | None]", times: int) -> bool:
    """Whether sudo asks, so often. Raises FlashRefused when it says nothing."""
    heard = asyncio.create_task(running.heard(_PROMPT, times))
    try:
        await asyncio.wait([first, heard], timeout=_ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        heard.cancel()
        await asyncio.wait([heard])
    if not first.done() and heard.cancelled():
        raise FlashRefused(LOST, f"sudo did not answer within {_ANSWER_S:g} s: say the same again")
    return not first.done()
