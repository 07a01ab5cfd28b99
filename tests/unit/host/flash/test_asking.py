"""What a person is asked, and how a program answers in his place."""

import asyncio
import io

import pytest

from wachhund.flash.asking import Asking


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
