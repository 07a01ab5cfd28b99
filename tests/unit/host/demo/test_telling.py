"""What the demo prints."""

from wachhund.demo import telling


def test_a_program_name_cannot_command_the_terminal() -> None:
    """The name of a program is chosen by whoever started it."""
    said = telling.incident({"level": "high", "title": "tunnel \x1b[2J\u202eevil\n"})
    assert said == "  [high] tunnel \\u001b[2J\\u202eevil\\u000a"


def test_a_poll_is_said_to_be_a_poll() -> None:
    """An ordinary user's demo sees less, and the demo has to say so."""
    said = telling.coverage({"process": "poll", "tcp": "event"})
    assert said == "agent looks at: process by polling, tcp by kernel events"
