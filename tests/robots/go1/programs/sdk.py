"""A laptop with the vendor's development kit: high-level commands by UDP. Usage: OWN_PORT ADDRESS PORT HERTZ."""

import os
import socket
import sys

from tests.robots.go1.programs.held import input_ended, tell

_COMMAND_BYTES = 129


def main() -> None:
    own_port, address, port, hertz = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    ended = input_ended()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.bind(("", own_port))
        mouth.settimeout(1)
        mouth.connect((address, port))
        told = False
        while not ended.wait(1 / hertz):
            mouth.send(os.urandom(_COMMAND_BYTES))
            mouth.recv(2048)
            if not told:
                tell("moving", address=mouth.getsockname())
                told = True


if __name__ == "__main__":
    main()
