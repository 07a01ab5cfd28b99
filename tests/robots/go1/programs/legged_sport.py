"""Takes high-level commands by UDP and answers each with a state. Usage: Legged_sport PORT."""

import os
import socket
import sys

STATE_BYTES = 1087


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("", int(sys.argv[1])))
        while True:
            _, peer = door.recvfrom(2048)
            door.sendto(os.urandom(STATE_BYTES), peer)


if __name__ == "__main__":
    main()
