"""An open SSH connection to a robot, and commands in it: each bounded in time and in what it may say.

Answers are read in pieces of bounded size.
"""

import asyncio
import collections
import contextlib
import os
from collections.abc import AsyncIterator

import asyncssh

from wachhund.flash import robots_words
from wachhund.flash.outcome import LOST, STRANGE, FlashRefused
from wachhund.flash.target import Target

CONNECT_S = 15.0
_PIECE = 32 << 10
_MAX_ERROR_BYTES = 16 << 10
MAX_OUTPUT_BYTES = 1 << 20  # of one command; the longest, the doctor, says some 20 KiB


class Channel:
    """A connection that is open."""

    def __init__(self, target: Target, connection: asyncssh.SSHClientConnection) -> None:
        self.target, self._connection = target, connection

    @property
    def own_address(self) -> str | None:
        """Where the connection comes from, as this machine knows itself."""
        name = self._connection.get_extra_info("sockname")
        return str(name[0]) if name else None

    @contextlib.asynccontextmanager
    async def started(self, command: str, within_s: float, most: int = MAX_OUTPUT_BYTES) -> AsyncIterator["Running"]:
        """A command, which is ours whole: nothing of it comes from a robot. It may say `most` bytes.

        Raises FlashRefused.
        """
        try:
            process = await self._connection.create_process(command, encoding=None, window=64 << 10)
        except (asyncssh.Error, OSError) as error:
            raise lost(self.target, error) from None
        running = Running(self.target, process, within_s, most)
        try:
            yield running
        finally:
            await running.close()

    async def run(self, command: str, within_s: float) -> list[bytes]:
        """The lines of a short command without input. Raises FlashRefused."""
        async with self.started(command, within_s) as running:
            running.end_input()
            return await running.rest()


class Running:
    """A command that runs. `errors`: the end of what it said on standard error so far."""

    def __init__(self, target: Target, process: "asyncssh.SSHClientProcess[bytes]", within_s: float, most: int) -> None:
        self._target, self._process, self._most = target, process, most
        self.errors = b""
        self._on_errors = asyncio.Event()
        self._errors = asyncio.create_task(self._read_errors())
        self._cut, self._lines, self._seen = robots_words.Lines(), collections.deque[bytes](), 0
        self.allow(within_s)

    def allow(self, within_s: float) -> None:
        """It may take so long from now on."""
        self._within_s, self._until = within_s, asyncio.get_running_loop().time() + within_s

    async def _read_errors(self) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            while data := await self._process.stderr.read(_PIECE):
                self.errors = (self.errors + data)[-_MAX_ERROR_BYTES:]
                self._on_errors.set()

    async def heard(self, text: bytes, times: int) -> None:
        """Returns when standard error has held a text so often; never, when it does not."""
        while self.errors.count(text) < times:
            self._on_errors.clear()
            await self._on_errors.wait()

    async def line(self) -> bytes | None:
        """The next line of standard output; None at its end. Raises FlashRefused: too much, too slow, or cut off."""
        if not self._lines:
            await self._read_more()
        if self._lines:
            return self._lines.popleft()
        # A connection that ends takes its commands along without a word.
        if self._process.exit_status is None and self._process.exit_signal is None:
            raise lost(self._target, None)
        return None

    async def _read_more(self) -> None:
        """Until there is a line, or the end."""
        try:
            async with asyncio.timeout_at(self._until):
                while not self._lines:
                    data = await self._process.stdout.read(_PIECE)
                    self._seen += len(data)
                    if self._seen > self._most:
                        raise FlashRefused(STRANGE, f"{self._target.where}: said more than {self._most} bytes")
                    if not data:
                        self._lines.extend(line for line in self._cut.feed(b"\n") if line)
                        await self._process.wait_closed()
                        await self._errors
                        break
                    self._lines.extend(self._cut.feed(data))
        except (asyncssh.Error, OSError) as error:
            if isinstance(error, TimeoutError):
                why = f"no end within {self._within_s:g} s: look at the robot, say the same again"
                raise FlashRefused(LOST, f"{self._target.where}: {why}") from None
            raise lost(self._target, error) from None

    async def rest(self) -> list[bytes]:
        """All lines that are left."""
        found = []
        while (line := await self.line()) is not None:
            found.append(line)
        return found

    async def close(self) -> None:
        """It is not listened to any more; the robot's sshd closes its pipes."""
        self._errors.cancel()
        self._process.close()
        await asyncio.wait([self._errors])

    @property
    def status(self) -> int | None:
        """Its exit status, when it has ended by itself."""
        return self._process.exit_status

    async def send(self, data: bytes) -> None:
        """To its standard input. Raises FlashRefused."""
        try:
            for start in range(0, len(data), _PIECE):
                self._process.stdin.write(data[start : start + _PIECE])
                await self._process.stdin.drain()
        except (asyncssh.Error, OSError) as error:
            raise lost(self._target, error) from None

    def end_input(self) -> None:
        """It gets no more."""
        with contextlib.suppress(asyncssh.Error, OSError):
            self._process.stdin.write_eof()


def lost(target: Target, error: Exception | None) -> FlashRefused:
    """The connection ended in the middle."""
    why = f" ({reason(error)})" if error is not None else ""
    return FlashRefused(LOST, f"{target.where}: the connection was lost{why}: say the same again, it goes on")


def reason(error: Exception) -> str:
    """What went wrong on the way, for people."""
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_S:g} s"
    if isinstance(error, asyncssh.Error):
        return robots_words.text(error.reason.encode(), 120)
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # asyncio's own text is about its calls
    return robots_words.text(str(getattr(error, "strerror", None) or error).encode(), 120)
