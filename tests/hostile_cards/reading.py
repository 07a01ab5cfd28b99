"""One hostile image read as `wachhund audit image` reads it: in a process of its own, with its bounds."""

import json
import os
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from wachhund.inspection import card_child
from wachhund.inspection.finding import Answer
from wachhund.robot_tree import card_process

ANSWERED, REFUSED, DIED = "answered", "refused", "its process died"
_WITHIN_S = 120.0


@dataclass(frozen=True)
class Read:
    """What came of it. `fault`: what must not be; `seconds` of processor, `kib` of memory at most."""

    outcome: str
    seconds: float
    kib: int
    fault: str | None


def read(image: Path) -> Read:
    """Fork, read, and look at what it did."""
    sys.stdout.flush()  # or the child would print it again
    begun, ours = time.monotonic(), os.pipe()
    before = image.stat()
    pid = os.fork()
    if pid == 0:
        _child(image, *ours)
    os.close(ours[1])
    said, late = b"", False
    while not late:
        late = not select.select([ours[0]], [], [], max(0.0, begun + _WITHIN_S - time.monotonic()))[0]
        data = b"" if late else os.read(ours[0], 1 << 20)
        if not data:
            break
        said += data
    os.close(ours[0])
    if late:
        os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    seconds, kib = used.ru_utime + used.ru_stime, used.ru_maxrss
    after = image.stat()
    touched = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    fault = f"no end within {_WITHIN_S:.0f} s" if late else "the image was written to" if touched else None
    if os.WIFSIGNALED(status):
        return Read(DIED, seconds, kib, fault or f"signal {os.WTERMSIG(status)}")
    return _judged(said, os.waitstatus_to_exitcode(status), seconds, kib, fault)


def _judged(said: bytes, code: int, seconds: float, kib: int, fault: str | None) -> Read:
    text = said.decode("utf-8", "replace")
    if code:
        return Read(DIED, seconds, kib, fault or f"status {code}: {text[-800:]}")
    try:
        told = json.loads(text)
        if "refused" in told:
            lines = str(told["refused"]).splitlines()
            return Read(REFUSED, seconds, kib, fault or (None if len(lines) == 1 else "not one line"))
        list(map(Answer.from_json, told["answers"]))
    except (ValueError, KeyError, TypeError) as error:
        return Read(DIED, seconds, kib, fault or f"no answer: {error}")
    return Read(ANSWERED, seconds, kib, fault)


def _child(image: Path, reader: int, writer: int) -> None:
    """Never returns. What it prints goes to the pipe, its traceback too."""
    try:
        os.close(reader)
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)  # whoever runs us may have put something in its place
        status = card_process.main(card_child.read, str(image))
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  whatever it is, it is told and counted
        os.write(1, traceback.format_exc().encode())
        status = 1
    os._exit(status)
