"""The agent's side of the wire to a witness, over a real pseudo-terminal: it carries, and reads nothing."""

import contextlib
import os
import pty
import tty
from typing import Iterator, Tuple

import pytest

from tests.robots.serial_noise import STATEMENT
from tests.robots.serial_noise import heard as heard_noise
from tests.waiting import until
from wachhund_agent.witness_wire import WitnessWire
from wachhund_evidence import MAX_LINE_BYTES, LineReader, frame


@pytest.fixture
def ends() -> Iterator[Tuple[int, str]]:
    """The witness's end of a serial line, and the path of the agent's."""
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    for end in (ours, theirs):
        with contextlib.suppress(OSError):
            os.close(end)


def opened(wire: WitnessWire) -> None:
    """Start it, and wait for the port: what came before it is opened is thrown away."""
    wire.start()
    until(lambda: wire.trouble == "nothing heard yet", 20, "the port is open")


def heard(ours: int, wanted: int) -> str:
    reader, texts = LineReader(), []  # type: ignore[var-annotated]
    while len(texts) < wanted:
        texts += reader.feed(os.read(ours, 4096))
    return " ".join(texts)


def test_a_statement_is_carried_whole_and_beats_and_confirmations_leave(ends: Tuple[int, str]) -> None:
    wire = WitnessWire(ends[1])
    wire.beat("h" * 43)
    wire.confirm("c.c.c")
    opened(wire)
    try:
        os.write(ends[0], b"\xff\x00noise\n" + frame(STATEMENT))
        taken = []
        until(lambda: taken.append(wire.take()) or taken[-1] is not None, 20, "it came")
        assert taken[-1] == STATEMENT
        assert wire.trouble is None
        assert heard(ends[0], 2) == "B {} R c.c.c".format("h" * 43)
        assert wire.take() is None
    finally:
        wire.stop()


def test_a_port_that_is_not_there_is_said_and_tried_again(ends: Tuple[int, str]) -> None:
    tried = []

    def open_at(path: str) -> object:
        tried.append(path)
        raise FileNotFoundError(2, "No such file or directory")

    wire = WitnessWire("/dev/no-such-port", open_at)
    wire.start()
    try:
        until(lambda: len(tried) > 1, 20, "it was tried again")
        assert wire.trouble == "no such device"
    finally:
        wire.stop()


def test_what_is_no_statement_is_counted_and_not_carried(ends: Tuple[int, str]) -> None:
    """Another device, another speed: nothing of it reaches a host."""
    wire = WitnessWire(ends[1])
    opened(wire)
    try:
        os.write(ends[0], frame("AT+CSQ") + b"OK\r\n" + frame("B " + "h" * 43))
        until(lambda: wire.bad >= 3, 20, "all were counted")
        assert wire.take() is None
        assert wire.trouble is not None
    finally:
        wire.stop()


def test_noise_is_never_believed_and_takes_no_more_room_than_a_line() -> None:
    """Damaged, cut, doubled and endless lines; `make firmware` gives each side a million."""
    found = heard_noise(20_000, 1)
    assert found.believed == found.whole > 1_000
    assert found.bad == found.lines - found.whole
    assert found.held <= MAX_LINE_BYTES
