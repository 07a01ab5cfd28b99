"""What is asked of a robot before anything is done to it: scripts for a real shell, and answers that may be wild."""

import asyncio
import platform
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.robots.ssh_robot import SshRobot, the_password
from wachhund.flash import as_root, probing
from wachhund.flash.logging_in import Way, connected
from wachhund.flash.outcome import STRANGE, FlashRefused
from wachhund.flash.probing import Installed, Probe


def probed(folder: Path, programs: dict[str, str] | None = None, answer: bytes | None = None) -> Probe:
    async def act() -> Probe:
        async with (
            SshRobot(folder, programs=programs, answer=answer) as robot,
            connected(robot.target, robot.pinned, Way(the_password)) as channel,
        ):
            return await probing.probe(channel)

    return asyncio.run(act())


def test_a_machine_says_what_it_is(tmp_path: Path) -> None:
    """This one does, by the same script."""
    found = probed(tmp_path)
    assert found.machine == platform.machine() and found.kernel == f"Linux {platform.release()}"
    assert found.pythons and found.bits in (32, 64)
    assert found.free_bytes is not None and found.clock is not None and found.clock > 1_700_000_000


def test_what_a_robot_does_not_say_is_unknown_and_what_is_no_number_is_none(tmp_path: Path) -> None:
    """Nothing of it ends the look."""
    silent = "#!/bin/sh\nexit 1\n"
    wild = "#!/bin/sh\nprintf 'x\\033[2J\\nmachine evil\\n'\n"
    programs = {"df": wild, "date": wild, "getconf": silent, "systemctl": wild, "python3": silent}
    found = probed(tmp_path, programs)
    assert (found.machine, found.free_bytes, found.clock, found.bits) == (platform.machine(), None, None, None)
    told = dict(probing.told(found, 1_800_000_000.0))
    assert told["free"] == "unknown" and told["clock"] == "it does not say"
    assert told["systemd"] == "x\\x1b[2J", "made fit for a terminal"


@pytest.mark.parametrize(
    "answer", [b"", b"machine aarch64\n", b"machine ../x\nend yes\n", b"\x00\xff" * 9000, b"end yes\n"]
)
def test_an_answer_that_is_none_is_refused(tmp_path: Path, answer: bytes) -> None:
    """It may be a switch, a camera, or a shell that lets nobody do anything."""
    with pytest.raises(FlashRefused) as refused:
        probed(tmp_path, answer=answer)
    assert refused.value.status == STRANGE


def test_a_clock_of_2021_is_told_beside_ours() -> None:
    """And that it does not matter."""
    found = Probe("aarch64", "Linux", "", 32, ("3.7.3", "3.7.3"), "", 5_000_000, 1_614_556_800)
    told = dict(probing.told(found, 1_800_000_000.0))
    assert told["clock"] == "2021-03-01 00:00 UTC (here it is 2027-01-15 08:00: no matter)"
    assert told["robot"] == "model unknown, aarch64, 32-bit system, Linux" and told["python"] == "3.7.3"


def installed(lines: Sequence[bytes], folder: Path) -> Installed:
    async def act() -> Installed:
        async with (
            SshRobot(folder) as robot,
            connected(robot.target, robot.pinned, Way(the_password)) as channel,
        ):
            return probing.installed(channel, lines)

    return asyncio.run(act())


def test_what_is_installed_is_read_and_a_wild_name_of_it_is_not(tmp_path: Path) -> None:
    """A version's name comes from a link that the robot's root may have made."""
    good = [b"current 0.1.0-abc", b"traces yes", b"enrolled yes", b"certificate QUJD", b"key !!!", b"end yes"]
    assert installed(good, tmp_path) == Installed("0.1.0-abc", False, True, b"ABC", b"")
    for name in (b"..", b"a b", b"\x1b[2J", b"x" * 200, b""):
        assert installed([b"current " + name, b"traces yes", b"end yes"], tmp_path).version is None
    assert installed([b"tunnel disabled", b"end yes"], tmp_path).has_tunnel_backup
    assert not installed([b"tunnel \x1b[2J", b"end yes"], tmp_path).has_tunnel_backup
    with pytest.raises(FlashRefused):
        installed([b"current 1"], tmp_path)


def test_the_look_as_root_ends_well_on_a_machine_without_it(tmp_path: Path) -> None:
    """By the shell that a robot has."""

    async def act() -> Installed:
        async with (
            SshRobot(tmp_path) as robot,
            connected(robot.target, robot.pinned, Way(the_password)) as channel,
            as_root.started(channel, the_password, 20, probing.LOOK) as running,
        ):
            running.end_input()
            return probing.installed(channel, await running.rest())

    found = asyncio.run(act())
    assert (found.is_enrolled, found.certificate, found.key) == (False, b"", b"")


def test_a_host_that_the_robot_does_not_reach_is_found_out_beforehand(tmp_path: Path) -> None:
    """Behind a phone's access point it does not, and would be installed in vain."""

    async def act(addresses: Sequence[str]) -> list[str] | None:
        async with (
            SshRobot(tmp_path) as robot,
            connected(robot.target, robot.pinned, Way(the_password)) as channel,
        ):
            return await probing.unreached(channel, addresses)

    with socket.create_server(("127.0.0.1", 0)) as listens, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        good, bad = (f"127.0.0.1:{one.getsockname()[1]}" for one in (listens, closed))
        assert asyncio.run(act([bad, good])) is None
        reasons = asyncio.run(act([bad, "[::1]:1"]))
    assert reasons is not None and len(reasons) == 2 and reasons[0].startswith(f"{bad}: ") and "refused" in reasons[0]
