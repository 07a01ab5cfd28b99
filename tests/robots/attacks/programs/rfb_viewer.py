"""Looks at a shared desktop (RFC 6143, no password) and moves its pointer. Usage: ADDRESS PORT [called].

`called`: it waits there for the desktop to call, and tells "waiting"; else it goes there, and tells "looking".
"""

import socket
import struct
import sys
import time

from tests.robots.go1.programs.held import input_ended, tell

_CALL_S = 5.0


def _exactly(line: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        piece = line.recv(size - len(got))
        if not piece:
            raise SystemExit("the desktop has gone")
        got += piece
    return got


def _met(address: str, port: int, called: bool) -> socket.socket:
    if not called:
        return socket.create_connection((address, port), timeout=10)
    with socket.create_server((address, port)) as listener:
        listener.settimeout(_CALL_S)
        tell("waiting")
        line, _ = listener.accept()
        line.settimeout(10)
        return line


def main() -> None:
    called = "called" in sys.argv[3:]
    with _met(sys.argv[1], int(sys.argv[2]), called) as line:
        line.sendall(_exactly(line, 12))
        _exactly(line, _exactly(line, 1)[0])
        line.sendall(b"\x01")
        if _exactly(line, 4) != bytes(4):
            raise SystemExit("the desktop refuses")
        line.sendall(b"\x01")
        width, height = struct.unpack(">HH", _exactly(line, 24)[:4])
        if not called:
            tell("looking", address=line.getsockname())
        ended, step = input_ended(), 0
        line.settimeout(0.2)
        while not ended.is_set():
            step += 1
            line.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
            line.sendall(struct.pack(">BBHH", 5, step % 2, step * 7 % width, step * 5 % height))
            until = time.monotonic() + 0.3
            try:
                while time.monotonic() < until and line.recv(65536):
                    continue
            except TimeoutError:
                continue


if __name__ == "__main__":
    main()
