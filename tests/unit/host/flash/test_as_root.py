"""Root on a robot: the password goes to sudo when sudo asks, and never anywhere else."""

import asyncio
from pathlib import Path

import pytest

from tests.robots.ssh_robot import PASSWORD, SshRobot, given, the_password
from wachhund.flash import as_root
from wachhund.flash.logging_in import Password, Way, connected
from wachhund.flash.outcome import LOST, NO_SUDO, FlashRefused


def said(
    folder: Path, sudo: str, password: Password = the_password, programs: dict[str, str] | None = None
) -> list[bytes]:
    """What a script says that tells its arguments and its input."""

    async def act() -> list[bytes]:
        async with (
            SshRobot(folder, sudo, programs) as robot,
            connected(robot.target, robot.pinned, Way(the_password)) as channel,
            as_root.started(
                channel, password, 10, 'printf "%s|" "$@"; echo; cat', "a b", "'; rm x", "$HOME"
            ) as running,
        ):
            assert PASSWORD not in " ".join(robot.commands)
            await running.send(b"the token\n")
            running.end_input()
            return await running.rest()

    return asyncio.run(act())


def test_sudo_gets_the_password_and_the_command_gets_the_rest(tmp_path: Path) -> None:
    """And arguments arrive as they are, whatever a shell would make of them."""
    assert said(tmp_path, "asks") == [b"a b|'; rm x|$HOME|", b"the token"]


def test_where_sudo_asks_nothing_the_password_is_not_sent(tmp_path: Path) -> None:
    """The command would read it, and take it for a token."""

    async def never() -> str | None:
        raise AssertionError("asked")

    assert said(tmp_path, "free", never) == [b"a b|'; rm x|$HOME|", b"the token"]


def test_a_vendors_greeting_is_no_answer(tmp_path: Path) -> None:
    """Some robots' start-up files talk."""
    greeting = f"#!/bin/sh\necho 'ros:melodic(1) noetic(2) ?'\nexec {tmp_path}/bin/real-sudo \"$@\"\n"
    SshRobot(tmp_path)
    (tmp_path / "bin" / "sudo").rename(tmp_path / "bin" / "real-sudo")
    assert said(tmp_path, "asks", programs={"sudo": greeting}) == [b"a b|'; rm x|$HOME|", b"the token"]


@pytest.mark.parametrize(
    ("sudo", "password", "words"),
    [
        ("asks", "wrong", "does not take this password"),
        ("asks", None, "none was given"),
        ("refuses", PASSWORD, "not in the sudoers file"),
    ],
)
def test_who_may_not_become_root_is_told_so_in_one_line(
    tmp_path: Path, sudo: str, password: str | None, words: str
) -> None:
    """With sudo's own reason."""
    with pytest.raises(FlashRefused, match=words) as refused:
        said(tmp_path, sudo, given(password))
    assert refused.value.status == NO_SUDO and PASSWORD not in str(refused.value)


def test_a_robot_without_sudo_is_told_so(tmp_path: Path) -> None:
    """Some images have none."""
    with pytest.raises(FlashRefused, match="not found") as refused:
        said(tmp_path, "asks", programs={"sudo": "#!/bin/sh\necho 'sudo: not found' >&2; exit 127\n"})
    assert refused.value.status == NO_SUDO


def test_a_sudo_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may wait for a finger on a sensor."""
    monkeypatch.setattr(as_root, "_ANSWER_S", 0.3)
    with pytest.raises(FlashRefused, match="did not answer") as refused:
        said(tmp_path, "silent")
    assert refused.value.status == LOST
