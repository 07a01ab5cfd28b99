"""What a person is asked, and how a program answers in his place."""

import asyncio
import io
import os
import pty
import termios
from pathlib import Path

import pytest

from wachhund.flash.asking import Asking
from wachhund_evidence import MisuseError


def test_the_password_is_asked_for_once_and_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Login and sudo want the same, and so do all robots of a file."""
    asking = Asking(input=io.StringIO("secret\nother\n"))

    async def act() -> list[str | None]:
        return list(await asyncio.gather(asking.password(), asking.password()))

    assert asyncio.run(act()) == ["secret", "secret"]
    assert "secret" not in repr(asking) + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("said", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_only_a_yes_is_a_yes(said: str, agreed: bool) -> None:
    """The end of input is none."""
    assert asyncio.run(Asking(input=io.StringIO(said)).is_agreed("Go on?")) == agreed


def test_yes_beforehand_answers_all_but_who_the_robot_is() -> None:
    """Whoever stands in between would be glad of it."""
    asking = Asking(yes=True, input=io.StringIO(""))
    assert asyncio.run(asking.is_agreed("Go on?"))
    assert not asyncio.run(asking.is_agreed("Is it this robot's?", in_any_case=True))


def test_a_terminal_does_not_show_the_password_and_is_as_before_afterwards_also_when_interrupted() -> None:
    """A shell without echo is a riddle to whoever pressed Ctrl-C."""
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "r") as terminal:
            before = termios.tcgetattr(theirs)
            asking = Asking(input=terminal)

            async def interrupted() -> None:
                asked = asyncio.create_task(asking.password())
                while termios.tcgetattr(theirs)[3] & termios.ECHO:
                    await asyncio.sleep(0)
                asked.cancel()
                await asyncio.wait([asked])

            async def answered() -> str | None:
                asked = asyncio.create_task(asking.password())
                while termios.tcgetattr(theirs)[3] & termios.ECHO:
                    await asyncio.sleep(0)
                os.write(ours, b"secret\n")
                return await asked

            asyncio.run(interrupted())
            assert termios.tcgetattr(theirs) == before
            assert asyncio.run(answered()) == "secret"
            assert termios.tcgetattr(theirs) == before
            os.write(ours, b"y\n")
            assert b"secret" not in os.read(ours, 4096)
            assert asyncio.run(asking.is_agreed("Go on?"))
    finally:
        os.close(ours)


def test_what_can_be_no_password_is_told(tmp_path: Path) -> None:
    """In one line, before a robot is asked."""
    path = tmp_path / "answers"
    path.write_bytes(b"\xff\xfe\n")
    with path.open(encoding="utf-8", errors="surrogateescape") as answers, pytest.raises(MisuseError, match="UTF-8"):
        asyncio.run(Asking(input=answers).password())
