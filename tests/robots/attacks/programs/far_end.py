"""The other end of relay.py, out on the internet: who connects to its door comes out on the robot.

Usage: far_end.py TRANSPORT ADDRESS PORT DOOR CERTIFICATE [padded]. Tells "open", and "robot" when one has dialled.
"""

import contextlib
import queue
import socket
import ssl
import sys
import threading
from typing import Any

from tests.robots.attacks.programs.relay import HELLO, Datagrams, Frames, Line, pump
from tests.robots.go1.programs.held import tell, until_input_ends

_WAIT_S = 15.0


def accepted(transport: str, listener: socket.socket, certificate: str, padded: bool) -> Any:
    """The next line of a robot."""
    sock, _ = listener.accept()
    if transport == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        return Line(context.wrap_socket(sock, server_side=True))
    if transport == "ws":
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += sock.recv(1)
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        return Frames(sock, 0)
    return Line(sock, padded)


def robots(
    transport: str, address: str, port: int, certificate: str, padded: bool, waiting: "queue.Queue[Any]"
) -> None:
    """Put each robot that dials in into the queue."""
    if transport == "udp":
        while True:
            ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ear.bind((address, port))
            said, peer = ear.recvfrom(64)
            if said == HELLO:
                ear.connect(peer)
                waiting.put(Datagrams(ear))
                tell("robot")
                return
    listener = socket.create_server((address, port))
    while True:
        waiting.put(accepted(transport, listener, certificate, padded))
        tell("robot")


def callers(address: str, door: int, waiting: "queue.Queue[Any]") -> None:
    """Lead who comes to the door to the robot that waits."""
    listener = socket.create_server((address, door))
    tell("open")
    while True:
        caller = Line(listener.accept()[0])
        robot = waiting.get(timeout=_WAIT_S)
        with contextlib.suppress(OSError):
            pump(caller, robot)
        caller.close()
        robot.close()


def main() -> None:
    transport, address, port, door, certificate = sys.argv[1:6]
    waiting: queue.Queue[Any] = queue.Queue()
    padded = "padded" in sys.argv[6:]
    for job in (
        lambda: callers(address, int(door), waiting),
        lambda: robots(transport, address, int(port), certificate, padded, waiting),
    ):
        threading.Thread(target=job, daemon=True).start()
    until_input_ends()


if __name__ == "__main__":
    main()
