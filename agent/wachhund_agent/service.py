"""What the agent tells a service manager: that it is ready, that it still turns, and one line of state.

The protocol is sd_notify(3): datagrams of `NAME=value` lines to the socket that the environment names. Without such a
socket nothing happens.
"""

import contextlib
import os
import socket
from typing import Mapping, Optional

_BEATS = 3.0  # signs of life in one watchdog interval: two may get lost
SENSING_LATE_S = 20.0  # since the senses turned last; they do each second, and later than this they are as good as none


class Service:
    """`environ`: where the manager says how it is told. Sending never raises and never blocks."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is an abstract one, which has a zero byte there.
        self._address: Optional[str] = ("\0" + path[1:] if path[0] == "@" else path) if path else None
        self._every_s = _watchdog_s(environ) / _BEATS
        self._next = float("-inf")
        self._sensed: Optional[float] = None

    @property
    def is_supervised(self) -> bool:
        """Whether somebody starts us again when we end."""
        return self._address is not None

    def ready(self, now: float) -> None:
        """What waits for us may start."""
        self._sensed = now
        self._send("READY=1")

    def sensing(self, now: float) -> None:
        """The senses have turned. Called by their thread."""
        self._sensed = now

    def turn(self, now: float) -> None:
        """The other thread has turned: together with the senses that is a sign of life, when one is due."""
        if self._every_s and now >= self._next and self._sensed is not None and now - self._sensed < SENSING_LATE_S:
            self._next = now + self._every_s
            self._send("WATCHDOG=1")

    def status(self, line: str) -> None:
        """What `systemctl status` shows."""
        self._send("STATUS=" + line)

    def _send(self, text: str) -> None:
        if self._address is None:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(text.encode("utf-8"), self._address)


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Seconds in which the manager wants a sign of life; 0 when it wants none of us."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    usec = environ.get("WATCHDOG_USEC", "")
    return int(usec) / 1e6 if usec.isdecimal() else 0.0
