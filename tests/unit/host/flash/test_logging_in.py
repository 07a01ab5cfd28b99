"""Logging in to a robot: its key decides who it is, and nothing is told to another one."""

import asyncio
import socket
import subprocess
from pathlib import Path

import asyncssh
import pytest

from tests.robots.ssh_robot import PASSWORD, SshRobot, given, open_channel, refused, the_password
from wachhund.flash.known_robots import fingerprint
from wachhund.flash.logging_in import Way, connected, meet
from wachhund.flash.outcome import CHANGED_KEY, NO_LOGIN, UNREACHABLE
from wachhund.flash.target import Target
from wachhund_evidence import MisuseError


def test_the_key_that_a_robot_shows_is_seen_before_anything_is_told_to_it(tmp_path: Path) -> None:
    """A password that went to somebody in between is his."""

    async def act() -> None:
        async with SshRobot(tmp_path) as robot:
            assert await meet(robot.target) == robot.pinned
            assert robot.passwords == [] and robot.commands == []
            async with open_channel(robot) as channel:
                assert await channel.run("echo eins; echo zwei", 10) == [b"eins", b"zwei"]
            assert robot.passwords == [PASSWORD]

    asyncio.run(act())


def test_a_robot_with_another_key_gets_no_password(tmp_path: Path) -> None:
    """And the line names both keys."""
    other = SshRobot(tmp_path).pinned
    seen = []

    async def act() -> None:
        async with SshRobot(tmp_path) as robot:
            seen.append(robot)
            async with connected(robot.target, other, Way(the_password)):
                pass

    error = refused(act)
    assert error.status == CHANGED_KEY
    assert fingerprint(other) in str(error) and fingerprint(seen[0].pinned) in str(error)
    assert seen[0].passwords == []


def test_keys_of_every_usual_kind_are_taken_and_asked_for_again(tmp_path: Path) -> None:
    """A robot that has three shows the same one each time, or it would seem to have changed."""

    async def act() -> None:
        for kind in ("ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"):
            async with SshRobot(tmp_path, key=asyncssh.generate_private_key(kind)) as robot:
                assert await meet(robot.target) == robot.pinned
                async with open_channel(robot):
                    pass

    asyncio.run(act())


@pytest.mark.parametrize("password", ["wrong", None])
def test_a_wrong_password_is_tried_once(tmp_path: Path, password: str | None) -> None:
    """Robots lock out whoever tries often."""
    robots = []

    async def act() -> None:
        async with SshRobot(tmp_path) as robot:
            robots.append(robot)
            async with connected(robot.target, robot.pinned, Way(given(password))):
                pass

    error = refused(act)
    assert error.status == NO_LOGIN and "pi@" in str(error)
    assert robots[0].passwords == ([password] if password else [])


def test_a_key_opens_it_without_a_password(tmp_path: Path) -> None:
    """`--identity`; nobody is asked."""
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    mine = asyncssh.read_private_key(path)

    async def never() -> str | None:
        raise AssertionError("asked")

    async def act() -> None:
        async with (
            SshRobot(tmp_path, authorized=mine) as robot,
            connected(robot.target, robot.pinned, Way(never, path)) as channel,
        ):
            assert await channel.run("echo in", 10) == [b"in"]

    asyncio.run(act())


def test_an_identity_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    """Also one with a passphrase: that is what an ssh-agent is for."""
    (tmp_path / "junk").write_text("junk")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(tmp_path / "locked")], check=True)

    async def act(name: str) -> None:
        async with (
            SshRobot(tmp_path) as robot,
            connected(robot.target, robot.pinned, Way(the_password, tmp_path / name)),
        ):
            pass

    for name in ("junk", "locked", "none"):
        with pytest.raises(MisuseError, match="--identity"):
            asyncio.run(act(name))


def test_where_nobody_listens_and_where_something_else_does(tmp_path: Path) -> None:
    """One line with the reason."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = refused(lambda: meet(Target("pi", "127.0.0.1", closed.getsockname()[1])))
        assert error.status == UNREACHABLE and "refused" in str(error)
    assert refused(lambda: meet(Target("pi", "nowhere.invalid"))).status == UNREACHABLE

    async def junk() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            await meet(Target("pi", "127.0.0.1", server.sockets[0].getsockname()[1]))

    assert refused(junk).status == UNREACHABLE
