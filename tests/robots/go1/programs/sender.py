"""Sends datagrams of made-up bytes until it is told to stop. Usage: FROM_ADDRESS TO_ADDRESS PORT BYTES HERTZ."""

import os
import socket
import sys

from tests.robots.go1.programs.held import input_ended, tell


def main() -> None:
    own, to, port, size, hertz = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    ended = input_ended()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
        mouth.bind((own, 0))
        tell("sending", address=mouth.getsockname())
        while not ended.wait(1 / hertz):
            mouth.sendto(os.urandom(size), (to, port))


if __name__ == "__main__":
    main()
