"""Many robots: each has its result, and none waits for one that is off."""

import asyncio
import datetime
import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.ssh_robot import PASSWORD, SshRobot
from wachhund.flash.asking import Asking
from wachhund.flash.flashing import Flash
from wachhund.flash.host_side import Host
from wachhund.flash.known_robots import KnownRobots, fingerprint
from wachhund.flash.logging_in import Way
from wachhund.flash.outcome import DECLINED, NO_SUDO, UNKNOWN_KEY, UNREACHABLE
from wachhund.flash.results import tell_many, tell_one
from wachhund.flash.target import Target
from wachhund.flash.wish import INSTALL, Wish
from wachhund.fleet.authority import Authority


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    bench = HostBench(tmp_path / "host")
    authority = Authority.load_or_create(bench.data, ["192.0.2.1"], datetime.datetime.now(datetime.UTC))
    yield Host(bench.ledger, KnownRobots(tmp_path / "known"), ("192.0.2.1:8443",), tmp_path, authority, bench.keys)
    bench.close()


def flash_with(host: Host, answers: str, yes: bool = False) -> Flash:
    asking = Asking(yes, io.StringIO(answers))
    return Flash(host, asking, Way(asking.password), "alice")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_each_robot_has_its_line_in_the_files_order_and_its_own_status(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever reads the end of it knows which to walk to."""

    async def act() -> int:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        async with SshRobot(tmp_path / "a", "refuses") as first, SshRobot(tmp_path / "b") as second:
            wishes = [
                (Target("pi", "127.0.0.1", closed_port()), Wish(INSTALL, "off")),
                (first.target, Wish(INSTALL, "no-root", fingerprint=fingerprint(first.pinned))),
                (second.target, Wish(INSTALL, "not-met", fingerprint="SHA256:" + "A" * 43)),
            ]
            return await tell_many(flash_with(host, f"{PASSWORD}\n", yes=True), wishes, 4)

    assert asyncio.run(act()) == 1
    out = capsys.readouterr().out
    results = out.splitlines()[-3:]
    for line, (name, status) in zip(
        results, [("off", UNREACHABLE), ("no-root", NO_SUDO), ("not-met", UNKNOWN_KEY)], strict=True
    ):
        assert line.split()[0] == name and f"failed ({status})" in line
    assert PASSWORD not in out and host.ledger.robots() == []


def test_all_are_asked_about_once_and_a_no_touches_none(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even to look at their keys."""
    wishes = [(Target("pi", "127.0.0.1", closed_port()), Wish(INSTALL, "rex"))]
    assert asyncio.run(tell_many(flash_with(host, "n\n"), wishes, 1)) == DECLINED
    said = capsys.readouterr()
    assert said.out == "" and said.err == "wachhund: nothing was changed\n"


def test_a_fingerprint_that_is_not_the_kept_one_is_refused(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever gives one means that key and no other, whatever was confirmed before."""

    async def act() -> int:
        async with SshRobot(tmp_path) as robot:
            host.known.keep(robot.target, robot.pinned)
            wish = Wish(INSTALL, "rex", fingerprint="SHA256:" + "A" * 43)
            return await tell_one(flash_with(host, f"{PASSWORD}\n"), robot.target, wish)

    assert asyncio.run(act()) == UNKNOWN_KEY
    assert "not SHA256:AAA" in capsys.readouterr().err


def test_a_refusal_is_one_line_on_standard_error_and_its_exit_status(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a confirmed host key stays confirmed for the next time, whatever came after it."""

    async def act() -> int:
        async with SshRobot(tmp_path, "refuses") as robot:
            status = await tell_one(flash_with(host, f"y\n{PASSWORD}\n"), robot.target, Wish(INSTALL, "rex"))
            assert host.known.key(robot.target) == robot.pinned
            return status

    assert asyncio.run(act()) == NO_SUDO
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("wachhund: pi@[127.0.0.1]:") and "not in the sudoers file" in line
