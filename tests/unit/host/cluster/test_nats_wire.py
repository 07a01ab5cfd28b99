"""The wire at a node that breaks off in the middle: played here, because a real one does it once in a long while."""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.waiting import until
from wachhund.cluster.nats_access import NatsAccess
from wachhund.cluster.nats_wire import NatsWire

SECONDS = 30.0
Visit = Callable[[socket.socket], None]


class PlayedNode:
    """The workers' door of a node. `visits`: what becomes of each connection; of all further ones as of the last."""

    def __init__(self, *visits: Visit) -> None:
        self._visits, self.count = visits, 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._door.accept()
                visit = self._visits[min(self.count, len(self._visits) - 1)]
                self.count += 1
                with visitor, contextlib.suppress(OSError):
                    visitor.settimeout(SECONDS)
                    visit(visitor)

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join(SECONDS)


def greet(visitor: socket.socket, tls: bool = False) -> None:
    told = {"server_id": "N", "version": "2.15.1", "proto": 1, "max_payload": 1 << 20, "headers": True,
            "tls_required": tls}  # fmt: skip
    visitor.sendall(b"INFO " + json.dumps(told).encode() + b"\r\n")


def reset(visitor: socket.socket) -> None:
    visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def breaks_off_the_handshake(visitor: socket.socket) -> None:
    greet(visitor, tls=True)
    visitor.recv(1)
    reset(visitor)


@contextlib.contextmanager
def wire_to(node: PlayedNode, tls: ssl.SSLContext | None = None) -> Iterator[NatsWire]:
    scheme = "nats" if tls is None else "tls"
    wire = NatsWire(NatsAccess([f"{scheme}://127.0.0.1:{node.port}"], "worker", "secret", tls), "test")
    wire.start()
    try:
        yield wire
    finally:
        wire.stop()
        node.close()


def test_a_handshake_that_is_broken_off_is_tried_again() -> None:
    """The library would wait for good for the end of a connection that never began."""
    node = PlayedNode(breaks_off_the_handshake)
    with wire_to(node, ssl.create_default_context()) as wire:
        until(lambda: node.count >= 2, SECONDS, "it comes again")
        assert (wire.fault or "").startswith("no node of the cluster is reached: ")


# The library leaves what was broken off to the collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_what_is_sent_after_a_node_broke_off_a_full_connection_arrives() -> None:
    """Much waits to be sent, the node reads nothing and says that it is full: the library gives up without a word."""
    full, read, heard = threading.Event(), threading.Event(), threading.Event()

    def let_in(visitor: socket.socket) -> None:
        greet(visitor)
        said = b""
        while b"PING\r\n" not in said:
            said += visitor.recv(4096)
        visitor.sendall(b"PONG\r\n")

    def is_full(visitor: socket.socket) -> None:
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        let_in(visitor)
        full.wait(SECONDS)
        visitor.sendall(b"-ERR 'Maximum Connections Exceeded'\r\n")
        read.wait(SECONDS)
        reset(visitor)

    def is_well(visitor: socket.socket) -> None:
        let_in(visitor)
        said = b""
        while b"PUB later " not in said:
            said = said[-16:] + visitor.recv(65_536)
        heard.set()
        while visitor.recv(65_536):
            pass

    node = PlayedNode(is_full, is_well)
    with wire_to(node) as wire:
        until(lambda: wire.is_connected, SECONDS, "it is let in")
        for _ in range(16 * 1024):
            wire.publish("earlier", b"x" * 1024)
        until(lambda: len(wire._out) < 8_500, SECONDS, "about all that the library keeps is with it")
        full.set()
        until(lambda: not wire.is_connected, SECONDS, "it has read that")
        read.set()
        until(lambda: node.count >= 2 and wire.is_connected, SECONDS, "it is let in again")
        wire.publish("later", b"")
        assert heard.wait(SECONDS)
