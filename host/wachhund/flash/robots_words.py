"""What a robot says over SSH, taken as bytes that anybody may have written: bounded, decoded, made fit for people."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wachhund.flash.outcome import INSTALLERS
from wachhund.judge.wording import shown
from wachhund_evidence import RejectedEvidence, strict_json

MAX_LINE_BYTES = 64 << 10  # the doctor's whole report, the longest, has some 20 KiB
MAX_TEXT_CHARS = 400  # of one sentence of the installer
STATES = frozenset({"begun", "done", "already", "undone", "note", "failed"})
_STEP = re.compile("[a-z-]{1,20}")
_FIELD = re.compile(r"([a-z0-9_]{1,20}) ?([^\n]*)")


@dataclass
class Lines:
    """Bytes in pieces, out in whole lines; what is too long is cut, and never grows beyond that."""

    _rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes end."""
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:MAX_LINE_BYTES]
        return [line[:MAX_LINE_BYTES].rstrip(b"\r") for line in whole]


@dataclass(frozen=True)
class Step:
    """A line of the installer. `status`: of the last one, else None."""

    step: str
    state: str
    text: str
    status: int | None


def text(data: bytes, limit: int = MAX_TEXT_CHARS) -> str:
    """For a terminal."""
    return shown(data[: 4 * limit].decode("utf-8", "replace").strip(), limit)


def last_line(data: bytes) -> str:
    """The last words on standard error; empty when there are none."""
    lines = [line for line in data.splitlines() if line.strip()]
    return text(lines[-1]) if lines else ""


def step(line: bytes) -> Step | None:
    """A line of `--json`; None when it is something else."""
    try:
        found = strict_json.parse_object(line)
    except RejectedEvidence:
        return None
    name, state, said, status = (found.get(key) for key in ("step", "state", "text", "status"))
    if not isinstance(name, str) or not _STEP.fullmatch(name) or not isinstance(said, str):
        return None
    if not isinstance(state, str) or state not in STATES:
        return None
    if name != "end":
        return Step(name, state, shown(said, MAX_TEXT_CHARS), None)
    if type(status) is not int or status not in INSTALLERS | {0}:
        return None
    return Step(name, state, shown(said, MAX_TEXT_CHARS), status)


def fields(lines: Iterable[bytes]) -> Mapping[str, str]:
    """Of lines "name value"; of a name that comes twice the first counts."""
    found: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line.decode("utf-8", "replace"))
        if match:
            found.setdefault(match[1], match[2].strip())
    return found


def number(value: str | None, most: int = 2**53) -> int | None:
    """A whole number; None when it is none, or beyond `most`."""
    if value is None or not re.fullmatch("[0-9]{1,16}", value) or int(value) > most:
        return None
    return int(value)
