"""A robot's sshd and sudo in this process, for tests of who speaks to them: any answer can be scripted.

Commands are run by a real shell. `sudo` is a stand-in: it asks, as told, on standard error, and reads one line. The
real sshd and sudo are met in tests/system/deploy.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncssh
import pytest

from wachhund.flash.logging_in import Way, connected
from wachhund.flash.outcome import FlashRefused
from wachhund.flash.ssh_channel import Channel
from wachhund.flash.target import Target

PASSWORD = "as on the card"
_SUDO = """#!/bin/sh
while [ "$1" != -- ]; do [ "$1" = -p ] && prompt=$2; shift; done; shift
case %(mode)s in
  free) exec "$@" ;;
  refuses) echo 'pi is not in the sudoers file.' >&2; exit 1 ;;
  silent) exec sleep 1000 ;;
esac
while :; do
  printf '%%s' "$prompt" >&2
  IFS= read -r given || exit 1
  [ "$given" = '%(password)s' ] && exec "$@"
  echo 'Sorry, try again.' >&2
done
"""


class SshRobot:
    """Use it as a context, within a running loop. `sudo`: asks, free, refuses or silent. `programs`: name -> text.

    `answer`: what every command says instead of being run.
    """

    def __init__(
        self, folder: Path, sudo: str = "asks", programs: dict[str, str] | None = None, answer: bytes | None = None,
        key: asyncssh.SSHKey | None = None, authorized: asyncssh.SSHKey | None = None,
    ) -> None:  # fmt: skip
        self._bin, self._answer, self._authorized = folder / "bin", answer, authorized
        self._bin.mkdir(exist_ok=True)
        texts = {"sudo": _SUDO % {"mode": sudo, "password": PASSWORD}, **(programs or {})}
        for name, text in texts.items():
            (self._bin / name).write_text(text)
            (self._bin / name).chmod(0o755)
        self.key = key or asyncssh.generate_private_key("ssh-ed25519")
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.passwords: list[str] = []
        self.commands: list[str] = []

    async def __aenter__(self) -> Self:
        robot = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                robot.connections.append(conn)

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                robot.passwords.append(password)
                return password == PASSWORD

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                return robot._authorized is not None and key == robot._authorized.convert_to_public()

        self._server = await asyncssh.create_server(
            Server, "127.0.0.1", 0, server_host_keys=[self.key], process_factory=self._run, encoding=None,
            line_editor=False, keepalive_interval=0,
        )  # fmt: skip
        return self

    async def _run(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self.commands.append(process.command or "")
        if self._answer is not None:
            process.stdout.write(self._answer)
            process.exit(0)
            return
        environ = {**os.environ, "PATH": f"{self._bin}:{os.environ['PATH']}"}
        child = await asyncio.create_subprocess_shell(
            process.command or "exit 1", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=environ, start_new_session=True,
        )  # fmt: skip
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        given = asyncio.create_task(_carry_in(process.stdin, child.stdin))
        try:
            await asyncio.gather(_carry_out(child.stdout, process.stdout), _carry_out(child.stderr, process.stderr))
            process.exit(await child.wait())
        except (asyncssh.Error, OSError):
            pass  # whoever asked is gone
        finally:
            given.cancel()
            await asyncio.wait([given])
            if child.returncode is None:
                os.killpg(child.pid, 9)
                await child.wait()

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self.connections:
            one.abort()
        self._server.close()
        await self._server.wait_closed()

    @property
    def target(self) -> Target:
        return Target("pi", "127.0.0.1", int(self._server.get_port()))

    @property
    def pinned(self) -> str:
        return " ".join(self.key.export_public_key("openssh").decode().split()[:2])

    def cut(self) -> None:
        """The radio is gone."""
        for one in self.connections:
            one.abort()


async def _carry_in(source: "asyncssh.SSHReader[bytes]", child: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(32768):
            child.write(data)
            await child.drain()
    except (asyncssh.Error, OSError):
        pass
    finally:
        child.close()


async def _carry_out(child: asyncio.StreamReader, target: "asyncssh.SSHWriter[bytes]") -> None:
    while data := await child.read(32768):
        target.write(data)
        await target.drain()


async def the_password() -> str | None:
    return PASSWORD


def given(password: str | None) -> Any:
    """Somebody who is asked and says this."""

    async def say() -> str | None:
        return password

    return say


@contextlib.asynccontextmanager
async def open_channel(robot: SshRobot) -> AsyncIterator[Channel]:
    """To it, with its password."""
    async with connected(robot.target, robot.pinned, Way(the_password)) as channel:
        yield channel


def refused(act: Callable[[], Coroutine[Any, Any, object]]) -> FlashRefused:
    """How an act was refused: in one line."""
    with pytest.raises(FlashRefused) as found:
        asyncio.run(act())
    assert "\n" not in str(found.value)
    return found.value
