"""An SSH connection to a robot whose host key is pinned, and commands in it (docs/decisions/0045).

No settings of ~/.ssh/config count, no agent, port or X11 is forwarded, and only plain host keys are taken. Answers are
read in pieces of bounded size.
"""

import asyncio
import collections
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from wachhund.flash import robots_words
from wachhund.flash.known_robots import changed
from wachhund.flash.outcome import LOST, NO_LOGIN, STRANGE, UNREACHABLE, FlashRefused
from wachhund.flash.target import Target
from wachhund_evidence import MisuseError

CONNECT_S = 15.0
_LOGIN_S = 120.0  # somebody types a password meanwhile; sshd waits as long
_KEEPALIVE_S, _KEEPALIVES = 5.0, 4  # a lost connection is noticed after 20 s
_PIECE = 32 << 10
_MAX_ERROR_BYTES = 16 << 10
MAX_OUTPUT_BYTES = 1 << 20  # of one command; the longest, the doctor, says some 20 KiB
_KEY_ALGORITHMS = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-512", "rsa-sha2-256"),
)
# It tells of user names and addresses, and is not ours to word.
logging.getLogger("asyncssh").setLevel(logging.CRITICAL)

Password = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True)
class Way:
    """How to log in. `password`: asked when the robot wants one. `identity`: this key only; None: those of ~/.ssh."""

    password: Password = field(repr=False)
    identity: Path | None = None


class _Client(asyncssh.SSHClient):
    """Takes one host key, and gives the password once."""

    def __init__(self, pinned: str, password: Password) -> None:
        self._pinned, self._password = pinned, password
        self._is_given = False
        self.other_key: str | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        found = _written(key)
        if found != self._pinned:
            self.other_key = found
        return found == self._pinned

    async def _once(self) -> str | None:
        if self._is_given:
            return None
        self._is_given = True
        return await self._password()

    async def password_auth_requested(self) -> str | None:
        return await self._once()

    async def kbdint_auth_requested(self) -> str | None:
        return None if self._is_given else ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        if not prompts:
            return []
        given = await self._once() if len(prompts) == 1 and not prompts[0][1] else None
        return None if given is None else [given]


async def meet(target: Target) -> str:
    """The host key that a robot shows ("ALGORITHM BASE64"); nothing is sent to it. Raises FlashRefused."""
    async with _reaching(target):
        key = await asyncssh.get_server_host_key(
            target.address, target.port, server_host_key_algs=_KEY_ALGORITHMS, config=None,
            options=asyncssh.SSHClientConnectionOptions(config=None, connect_timeout=CONNECT_S, login_timeout=_LOGIN_S),
        )  # fmt: skip
        if key is None:
            raise FlashRefused(UNREACHABLE, f"{target.where}: showed no SSH host key")
        return _written(key)


@contextlib.asynccontextmanager
async def connected(target: Target, pinned: str, way: Way) -> AsyncIterator["Channel"]:
    """A connection to the robot that has the pinned key. Raises FlashRefused, MisuseError (the identity file)."""
    client = _Client(pinned, way.password)
    kind = pinned.split(" ")[0]
    mine = [name for name in _KEY_ALGORITHMS if name == kind or (kind == "ssh-rsa" and name.startswith("rsa-"))]
    others = [name for name in _KEY_ALGORITHMS if name not in mine]
    chosen = {"client_keys": [_identity(way.identity)], "agent_path": None} if way.identity else {}
    async with _reaching(target, client, pinned):
        connection = await asyncssh.connect(
            target.address, target.port, username=target.user, client_factory=lambda: client, config=None,
            # An empty tuple would mean ~/.ssh/known_hosts: these are three empty lists, and `client` decides.
            known_hosts=([], [], []), server_host_key_algs=[*mine, *others], gss_host=None, x509_trusted_certs=None,
            preferred_auth=("publickey", "keyboard-interactive", "password"), connect_timeout=CONNECT_S,
            login_timeout=_LOGIN_S, keepalive_interval=_KEEPALIVE_S, keepalive_count_max=_KEEPALIVES, **chosen,
        )  # fmt: skip
    try:
        yield Channel(target, connection)
    finally:
        connection.abort()
        await connection.wait_closed()


@contextlib.asynccontextmanager
async def _reaching(target: Target, client: _Client | None = None, pinned: str = "") -> AsyncIterator[None]:
    """Turns what goes wrong on the way to a connection into one line."""
    try:
        yield
    except asyncssh.HostKeyNotVerifiable:
        if client is None or client.other_key is None:
            raise FlashRefused(STRANGE, f"{target.where}: shows an SSH host key that can't be read") from None
        raise changed(target, pinned, client.other_key) from None
    except asyncssh.PermissionDenied:
        raise FlashRefused(
            NO_LOGIN, f"{target}: not let in: wrong password, or another user (give USER@ADDRESS, or --identity FILE)"
        ) from None
    except asyncssh.KeyExchangeFailed:
        raise FlashRefused(UNREACHABLE, f"{target.where}: its SSH is too old: no key exchange that both know") from None
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise FlashRefused(
            UNREACHABLE,
            f"{target.where}: not reached by SSH ({_reason(error)}): is the robot on, and this machine in its network?",
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_S:g} s"
    if isinstance(error, asyncssh.Error):
        return robots_words.text(error.reason.encode(), 120)
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # asyncio's own text is about its calls
    return robots_words.text(str(getattr(error, "strerror", None) or error).encode(), 120)


def _identity(path: Path) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(path)
    except OSError as error:
        raise MisuseError(f"--identity: {path}: {error.strerror}: give a private key's file") from None
    except (asyncssh.KeyImportError, ValueError):
        raise MisuseError(f"--identity: {path}: not a key without passphrase: add it to ssh-agent instead") from None


def _written(key: asyncssh.SSHKey) -> str:
    """Without its comment."""
    return " ".join(key.export_public_key("openssh").decode("ascii").split()[:2])


class Channel:
    """A connection that is open."""

    def __init__(self, target: Target, connection: asyncssh.SSHClientConnection) -> None:
        self.target, self._connection = target, connection

    @contextlib.asynccontextmanager
    async def started(self, command: str, within_s: float) -> AsyncIterator["Running"]:
        """A command, which is ours whole: nothing of it comes from a robot. Raises FlashRefused."""
        try:
            process = await self._connection.create_process(command, encoding=None, window=64 << 10)
        except (asyncssh.Error, OSError) as error:
            raise lost(self.target, error) from None
        running = Running(self.target, process, within_s)
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

    def __init__(self, target: Target, process: "asyncssh.SSHClientProcess[bytes]", within_s: float) -> None:
        self._target, self._process = target, process
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
        try:
            async with asyncio.timeout_at(self._until):
                while not self._lines:
                    data = await self._process.stdout.read(_PIECE)
                    self._seen += len(data)
                    if self._seen > MAX_OUTPUT_BYTES:
                        raise FlashRefused(STRANGE, f"{self._target.where}: said more than {MAX_OUTPUT_BYTES} bytes")
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
        if self._lines:
            return self._lines.popleft()
        # A connection that ends takes its commands along without a word.
        if self._process.exit_status is None and self._process.exit_signal is None:
            raise lost(self._target, None)
        return None

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
    why = f" ({_reason(error)})" if error is not None else ""
    return FlashRefused(LOST, f"{target.where}: the connection was lost{why}: say the same again, it goes on")
