"""A board on a serial port of this machine, before it is mounted: what it says, and whether it does what it must."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import serial

from wachhund_evidence import (
    LineReader,
    MisuseError,
    RejectedEvidence,
    StatementClaims,
    frame,
    make_nonce,
    read_statement,
    sign_confirm,
)

SPEED = 115200
_READ_S = 0.2
_STATEMENT_S = 25.0  # two are due
_HEAD = "A" * 43  # of a beat that names no token


def open_port(path: str) -> Any:
    """The port, for this program alone. Raises MisuseError."""
    try:
        return serial.Serial(path, SPEED, timeout=_READ_S, write_timeout=2.0, exclusive=True)
    except (OSError, ValueError) as error:
        raise MisuseError(f"PORT: {path}: {error}: give the adapter's serial port, as /dev/ttyUSB0") from None


def statements(port: Any, secret: bytes, ueid: str, until: Callable[[], bool]) -> Iterator[StatementClaims | str]:
    """What comes: a statement, or in words why a line is none."""
    reader = LineReader()
    while not until():
        bad = reader.bad
        for text in reader.feed(port.read(max(1, port.in_waiting))):
            try:
                yield read_statement(text, secret, ueid)
            except RejectedEvidence as refused:
                yield f"a line that is no statement of this witness ({refused.reason}: {refused.detail})"
        if reader.bad > bad:
            yield "bytes that are no line of a witness: another device, or another speed"


def line_of(said: StatementClaims) -> str:
    """One statement as a person reads it while he wires."""
    lines = " ".join(f"{name}={state}({edges})" for name, (state, edges) in sorted(said.lines.items()))
    events = ", ".join(f"{event.what}={event.value}" for event in said.events[-4:])
    heard = f"agent: {said.beats} beats, silent {said.silent_ms / 1000:.0f} s"
    where = f"start {said.bootcount} no. {said.n} up {said.up_ms / 1000:.0f} s"
    return f"{where}; {lines}; {heard}; events: {events or 'none'}"


def check(port: Any, secret: bytes, ueid: str, nonce_secret: bytes) -> Iterator[tuple[str, bool]]:
    """Each thing that a board must do before it is mounted, and whether it did."""
    first = _next(port, secret, ueid)
    yield "it says a statement that its key signed", first is not None
    if first is None:
        return
    port.write(frame("B " + _HEAD))
    heard = _next(port, secret, ueid, lambda said: said.beats > first.beats)
    yield "it hears a beat", heard is not None
    port.write(frame("C 4294967295"))
    kept = _next(port, secret, ueid, lambda said: len(said.events) > 0)
    yield "a command that no host signed empties nothing", kept is not None
    if kept is None:
        return
    nonce = make_nonce(nonce_secret, ueid, int(time.time() * 1_000_000))
    port.write(frame("R " + sign_confirm(secret, ueid, kept.bootcount, kept.n, nonce)))
    emptied = _next(port, secret, ueid, lambda said: said.eat_nonce == nonce)
    yield "the host's confirmation empties its memory", emptied is not None and emptied.waiting < max(1, kept.waiting)
    yield "its flash keeps its counters", (emptied or kept).kept


def _next(
    port: Any, secret: bytes, ueid: str, wanted: Callable[[StatementClaims], bool] = lambda said: True
) -> StatementClaims | None:
    """The next statement that is as wanted; None when none came in time."""
    end = time.monotonic() + _STATEMENT_S
    for said in statements(port, secret, ueid, lambda: time.monotonic() > end):
        if isinstance(said, StatementClaims) and wanted(said):
            return said
    return None
