"""Sends datagrams at a steady rate and reads the answers. Usage: chatter.py OWN_PORT ADDRESS PORT HERTZ."""

import os
import socket
import sys
import time

COMMAND_BYTES = 610


def main() -> None:
    own_port, address, port, period = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), 1 / float(sys.argv[4])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.bind(("", own_port))
        mouth.setblocking(False)
        due = time.monotonic()
        while True:
            try:
                mouth.sendto(os.urandom(COMMAND_BYTES), (address, port))
                while True:
                    mouth.recv(2048)
            except OSError:
                pass  # nothing more to read, or nobody there to hear
            due += period
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
