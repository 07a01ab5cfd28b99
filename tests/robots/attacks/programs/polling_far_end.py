"""The web server that polling_relay.py asks. Usage: polling_far_end.py ADDRESS PORT DOOR. Tells "open"."""

import contextlib
import http.server
import socket
import sys
import threading

from tests.robots.attacks.programs.polling_relay import CLOSED, PIECE, VISITOR
from tests.robots.go1.programs.held import tell, until_input_ends


class Door:
    """Who stands at it; one at a time."""

    def __init__(self, address: str, port: int) -> None:
        self._listener = socket.create_server((address, port))
        self._listener.setblocking(False)
        self._caller: socket.socket | None = None

    def exchange(self, told: bytes, closed: bool) -> tuple[bytes, bool]:
        """Give what the robot says; returns what the visitor says, and whether one is there."""
        if self._caller is None:
            with contextlib.suppress(BlockingIOError):
                self._caller = self._listener.accept()[0]
        if self._caller is None:
            return b"", False
        try:
            self._caller.sendall(told)
            said = self._caller.recv(PIECE, socket.MSG_DONTWAIT)
            closed = closed or not said
        except BlockingIOError:
            said = b""
        except OSError:
            said, closed = b"", True
        if closed:
            self._caller.close()
            self._caller = None
        return said, not closed


def answering(door: Door) -> type[http.server.BaseHTTPRequestHandler]:
    class Asked(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said, there = door.exchange(told, CLOSED in self.headers)
            self.send_response(200)
            self.send_header(VISITOR, str(int(there)))
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: object) -> None:
            return

    return Asked


def main() -> None:
    address, port, door = sys.argv[1], int(sys.argv[2]), Door(sys.argv[1], int(sys.argv[3]))
    server = http.server.HTTPServer((address, port), answering(door))  # one request at a time
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tell("open")
    until_input_ends()


if __name__ == "__main__":
    main()
