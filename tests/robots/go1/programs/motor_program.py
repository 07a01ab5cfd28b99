"""The motor controller: answers every low-level command with a state. Usage: motor_program.py ADDRESS PORT."""

import os
import socket
import sys

STATE_BYTES = 771


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind((sys.argv[1], int(sys.argv[2])))
        while True:
            _, peer = door.recvfrom(2048)
            door.sendto(os.urandom(STATE_BYTES), peer)


if __name__ == "__main__":
    main()
