"""Logging in to a robot whose SSH host key is pinned (docs/decisions/0045).

No settings of ~/.ssh/config count, no agent, port or X11 is forwarded, and only plain host keys are taken.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from wachhund.flash.known_robots import changed
from wachhund.flash.outcome import NO_LOGIN, STRANGE, UNREACHABLE, FlashRefused
from wachhund.flash.ssh_channel import CONNECT_S, Channel, reason
from wachhund.flash.target import Target
from wachhund_evidence import MisuseError

_LOGIN_S = 120.0  # somebody types a password meanwhile; sshd waits as long
_KEEPALIVE_S, _KEEPALIVES = 5.0, 4  # a lost connection is noticed after 20 s
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
async def connected(target: Target, pinned: str, way: Way) -> AsyncIterator[Channel]:
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
            f"{target.where}: not reached by SSH ({reason(error)}): is the robot on, and this machine in its network?",
        ) from None


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
