"""What of a command line leaves the robot: bounded, without secrets, and with both of its ends."""

import pytest

from wachhund_agent.sensors.shown_argv import ARGV_BYTES, ARGV_ITEMS, shown_argv

BACK = [b"-R", b"2222:localhost:22", b"x@203.0.113.7"]


@pytest.mark.parametrize(
    "filling",
    [[b"-v"] * 70, [b"-v"] * 30_000, [b"x" * 9_000], [b"x" * 3_000] * 10, [b"\xff" * 4_000] * 2, [b"\xff" * 100] * 60],
    ids=["many", "very many", "one long", "long ones", "not text", "not text, short"],
)
def test_whoever_fills_the_front_of_a_command_line_does_not_hide_its_end(filling: "list[bytes]") -> None:
    """ssh takes any number of -v before the -R that opens the robot to the other side."""
    told, _, cut = shown_argv([b"ssh", *filling, *BACK])
    assert told[0] == "ssh" and told[-3:] == ["-R", "2222:localhost:22", "x@203.0.113.7"]
    assert cut
    assert len(told) <= ARGV_ITEMS and sum(len(word.encode()) for word in told) <= ARGV_BYTES


@pytest.mark.parametrize("number", [1, 2, 3, 63, 64])
def test_what_has_room_is_told_whole(number: int) -> None:
    """In its order, and not as cut."""
    argv = ["a{}".format(place) for place in range(number)]
    assert shown_argv([word.encode() for word in argv]) == (argv, 0, False)


@pytest.mark.parametrize("number", [64, 65, 66, 100, 200])
def test_a_secret_whose_option_is_not_told_is_not_told_either(number: int) -> None:
    """The first of the last words may be a password; what says so stands before it."""
    for place in range(1, number):
        argv = [b"tool"] + [b"word"] * number
        argv[place : place + 2] = [b"--password", b"hunter2"]
        assert "hunter2" not in shown_argv(argv)[0]


def test_an_empty_command_line_is_empty() -> None:
    assert shown_argv([]) == ([], 0, False)
