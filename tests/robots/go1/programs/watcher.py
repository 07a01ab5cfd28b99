"""Looks at a camera through the robot's web server until it is told to stop. Usage: ADDRESS PORT PATH."""

import socket
import sys
import threading

from tests.robots.go1.programs.held import tell, until_input_ends

_FIRST_PICTURE = b"\xff\xd8"


def main() -> None:
    address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with socket.create_connection((address, port), timeout=10) as view:
        view.sendall(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        seen = b""
        while _FIRST_PICTURE not in seen:
            piece = view.recv(65536)
            if not piece:
                raise SystemExit(f"no picture: {seen[:200]!r}")
            seen += piece
        tell("looking", address=view.getsockname())
        threading.Thread(target=_swallow, args=(view,), daemon=True).start()
        until_input_ends()
        view.shutdown(socket.SHUT_RDWR)


def _swallow(view: socket.socket) -> None:
    try:
        while view.recv(65536):
            continue
    except OSError:
        pass  # closed by main


if __name__ == "__main__":
    main()
