"""What the host tells the service manager that started it: that it is ready, that it still turns, that it stops.

The protocol is sd_notify(3): a datagram of `NAME=value` lines to the socket that the environment names. Started by hand
there is no such socket, and nothing is sent.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping

_SIGNS = 3  # of life in one interval of the watchdog: two may get lost


def is_managed(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a service manager started us: what we print goes into its log, which others read."""
    return bool(environ.get("NOTIFY_SOCKET"))


def tell(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send `text`, such as READY=1. Never raises and never waits."""
    path = environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    # A name that begins with @ is an abstract one, which has a zero byte there.
    address = "\0" + path[1:] if path[0] == "@" else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto(text.encode("utf-8"), address)


def sign_of_life_s(environ: Mapping[str, str] = os.environ) -> int:
    """Whole seconds between two signs of life (WATCHDOG=1); 0 when the manager wants none of us."""
    usec = environ.get("WATCHDOG_USEC", "")
    if not usec.isdecimal() or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0
    return max(1, int(usec) // (_SIGNS * 1_000_000))


class SignsOfLife:
    """Given by who turns often enough, and sent as often as the manager wants them."""

    def __init__(self) -> None:
        self.every_s = sign_of_life_s()  # whole seconds; 0: it wants none
        self._sent = time.monotonic()

    def give(self, status: Callable[[], str]) -> None:
        """Send one with a word on how it is, if it is time."""
        now = time.monotonic()
        if self.every_s and now - self._sent >= self.every_s:
            self._sent = now
            tell(f"WATCHDOG=1\nSTATUS={status()}")
