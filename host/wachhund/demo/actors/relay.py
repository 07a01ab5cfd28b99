"""The program that no rule knows: dials out, waits, and carries whoever comes in to a local port.

Usage: relay.py ADDRESS PORT. The first line from outside is the local port to open; after that, bytes both ways.
"""

import os
import select
import socket
import sys
import threading

PIECE = 4096  # bytes carried at a time


def end_with_input() -> None:
    """Ends the whole process when standard input ends: nobody is left who wants this relay."""
    while os.read(0, 1024):
        pass
    os._exit(0)


def carry(outer: socket.socket, inner: socket.socket) -> None:
    """Bytes both ways until either side closes."""
    other = {outer: inner, inner: outer}
    while True:
        for side in select.select([outer, inner], [], [])[0]:
            piece = side.recv(PIECE)
            if not piece:
                return
            other[side].sendall(piece)


def main() -> None:
    threading.Thread(target=end_with_input, name="end-with-input", daemon=True).start()
    outer = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
    outer.settimeout(None)
    print('{"fact": "dialled"}', flush=True)
    while True:
        asked = outer.recv(PIECE)
        if not asked:
            return
        with socket.create_connection(("127.0.0.1", int(asked.strip())), timeout=10) as inner:
            inner.settimeout(None)
            carry(outer, inner)


if __name__ == "__main__":
    main()
