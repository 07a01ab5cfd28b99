"""Takes datagrams and forgets them. Usage: ADDRESS PORT."""

import socket
import sys
import threading

from tests.robots.go1.programs.held import tell, until_input_ends


def main() -> None:
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind((sys.argv[1], int(sys.argv[2])))
    tell("listening")

    def swallow() -> None:
        while True:
            ear.recv(65536)

    threading.Thread(target=swallow, daemon=True).start()
    until_input_ends()


if __name__ == "__main__":
    main()
