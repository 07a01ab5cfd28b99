"""Ports of loopback for what a test starts: nobody else takes one between its choice and its first listener."""

import itertools
import os
import socket

# Below the range from which the kernel takes a port for whoever calls out; each worker of a run has its own part.
FIRST, EACH = 10_240, 2_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_numbers = itertools.count(os.getpid())  # two runs at once begin at different places


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens, and another at each call. Raises OSError where all are taken."""
    for number in itertools.islice(_numbers, EACH):
        port = FIRST + _WORKER * EACH + number % EACH
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"every port from {FIRST + _WORKER * EACH} on is taken")
