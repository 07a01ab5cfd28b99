"""Uploads a file so slowly that it lasts as long as the test wants. Usage: ADDRESS PORT."""

import os
import socket
import sys

from tests.robots.go1.programs.held import tell, until_input_ends

_FILE_BYTES = 4096


def main() -> None:
    address, port = sys.argv[1], int(sys.argv[2])
    with socket.create_connection((address, port), timeout=10) as line:
        head = f"POST /upload HTTP/1.1\r\nHost: {address}\r\nContent-Length: {_FILE_BYTES}\r\n\r\n"
        line.sendall(head.encode() + os.urandom(_FILE_BYTES - 1))
        tell("uploading", address=line.getsockname())
        until_input_ends()
        line.sendall(b"!")
        status = line.recv(4096).split()[1:2]
        if status != [b"200"]:
            raise SystemExit(f"upload: {status}")


if __name__ == "__main__":
    main()
