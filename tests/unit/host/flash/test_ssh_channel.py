"""Commands on a robot: whatever it says is bounded, and a lost connection is never the end of one."""

from pathlib import Path

from tests.robots.ssh_robot import SshRobot, open_channel, refused
from wachhund.flash.outcome import LOST, STRANGE
from wachhund.flash.ssh_channel import MAX_OUTPUT_BYTES


def test_a_connection_that_is_lost_in_the_middle_is_told_as_that(tmp_path: Path) -> None:
    """And never taken for the end of a command."""

    async def act() -> None:
        async with (
            SshRobot(tmp_path) as robot,
            open_channel(robot) as channel,
            channel.started("echo begun; exec sleep 100", 30) as running,
        ):
            assert await running.line() == b"begun"
            robot.cut()
            await running.line()

    error = refused(act)
    assert error.status == LOST and "say the same again" in str(error)


def test_a_robot_that_talks_for_ever_is_not_listened_to_for_ever(tmp_path: Path) -> None:
    """Neither in bytes nor in time."""

    async def floods() -> None:
        async with SshRobot(tmp_path, answer=b"y\n" * MAX_OUTPUT_BYTES) as robot, open_channel(robot) as channel:
            await channel.run("x", 30)

    assert refused(floods).status == STRANGE

    async def hangs() -> None:
        async with SshRobot(tmp_path) as robot, open_channel(robot) as channel:
            await channel.run("exec sleep 100", 0.3)

    error = refused(hangs)
    assert error.status == LOST and "0.3 s" in str(error)
