"""A relay that no rule names: dials out, sits idle, and passes on to a local port whatever comes.

Arguments: outside address, outside port, local port.
"""

import contextlib
import socket
import sys
import threading


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


outer = socket.create_connection((sys.argv[1], int(sys.argv[2])))
first = outer.recv(65536)
inner = socket.create_connection(("127.0.0.1", int(sys.argv[3])))
inner.sendall(first)
threading.Thread(target=pass_on, args=(inner, outer), daemon=True).start()
pass_on(outer, inner)
