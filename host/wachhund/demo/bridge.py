"""A door between two network namespaces: connections to a unix socket are carried to a TCP port on this side.

An agent in a namespace of its own cannot reach the broker's loopback port, but it can reach a file.
"""

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType

MAX_CONNECTIONS = 4  # the agent holds one; a second may overlap while it reconnects
PIECE = 65_536  # bytes carried at a time
CONNECT_SECONDS = 5.0


class Bridge:
    """Carries connections while its `with` block lasts. Two threads a connection, at most MAX_CONNECTIONS of them."""

    def __init__(self, path: Path, address: str, port: int) -> None:
        self._path, self._target = path, (address, port)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open: set[socket.socket] = set()
        self._free = threading.Semaphore(MAX_CONNECTIONS)

    def __enter__(self) -> "Bridge":
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._listener.listen(MAX_CONNECTIONS)
        threading.Thread(target=self._accept, name="bridge", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in (self._listener, *tuple(self._open)):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            self._free.acquire()
            try:
                near = self._listener.accept()[0]
            except OSError:
                return  # the `with` block has ended
            try:
                far = socket.create_connection(self._target, timeout=CONNECT_SECONDS)
            except OSError:
                # The broker is away: the agent sees its connection close and tries again later.
                near.close()
                self._free.release()
                continue
            far.settimeout(None)
            self._open |= {near, far}
            back = threading.Thread(target=self._carry, args=(far, near), name="bridge-back", daemon=True)
            back.start()
            out = threading.Thread(target=self._carry_and_free, args=(near, far, back), name="bridge-out", daemon=True)
            out.start()

    def _carry_and_free(self, near: socket.socket, far: socket.socket, back: threading.Thread) -> None:
        self._carry(near, far)
        back.join()
        near.close()
        far.close()
        self._open -= {near, far}
        self._free.release()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
