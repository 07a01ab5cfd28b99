"""Takes a camera's pictures by datagram until it is told to stop. Usage: PORT."""

import socket
import sys
import threading

from tests.robots.go1.programs.held import tell, until_input_ends


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("", int(sys.argv[1])))
        tell("listening", address=ear.getsockname())
        threading.Thread(target=_swallow, args=(ear,), daemon=True).start()
        until_input_ends()


def _swallow(ear: socket.socket) -> None:
    while ear.recv(65536):
        continue


if __name__ == "__main__":
    main()
