"""Looks at a shared desktop (RFC 6143, no password) and moves its pointer. Usage: ADDRESS PORT."""

import socket
import struct
import sys
import time

from tests.robots.go1.programs.held import input_ended, tell


def _exactly(line: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        piece = line.recv(size - len(got))
        if not piece:
            raise SystemExit("the desktop has gone")
        got += piece
    return got


def main() -> None:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as line:
        line.sendall(_exactly(line, 12))
        _exactly(line, _exactly(line, 1)[0])
        line.sendall(b"\x01")
        if _exactly(line, 4) != bytes(4):
            raise SystemExit("the desktop refuses")
        line.sendall(b"\x01")
        width, height = struct.unpack(">HH", _exactly(line, 24)[:4])
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
