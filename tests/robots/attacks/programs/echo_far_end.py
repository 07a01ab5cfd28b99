"""The other end of echo_relay.py. Usage: echo_far_end.py ADDRESS DOOR. Tells "open"."""

import contextlib
import socket
import sys
import threading

from tests.robots.attacks.programs.echo_relay import ANSWER, ASKS, GONE, HERE, PIECE, REQUEST, TELLS, echo, opened
from tests.robots.go1.programs.held import tell, until_input_ends


def serve(address: str, door: int) -> None:
    """One visitor at a time."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ear.bind((address, 0))
    listener = socket.create_server((address, door))
    listener.setblocking(False)
    tell("open")
    caller: socket.socket | None = None
    while True:
        packet, peer = ear.recvfrom(65536)
        asked = opened(packet, REQUEST, ASKS)
        if asked is None:
            continue
        number, sequence, message = asked
        if caller is None:
            with contextlib.suppress(BlockingIOError):
                caller = listener.accept()[0]
        data = b""
        if caller is not None:
            try:
                caller.sendall(message[1:])
                with contextlib.suppress(BlockingIOError):
                    data = caller.recv(PIECE, socket.MSG_DONTWAIT)
                    if not data:
                        raise OSError("the visitor has gone")
            except OSError:
                message = GONE
            if message[:1] == GONE:
                caller.close()
                caller = None
        ear.sendto(echo(ANSWER, number, sequence, TELLS + (GONE if caller is None else HERE) + data), peer)


def main() -> None:
    threading.Thread(target=serve, args=(sys.argv[1], int(sys.argv[2])), daemon=True).start()
    until_input_ends()


if __name__ == "__main__":
    main()
