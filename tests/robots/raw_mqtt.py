"""MQTT 3.1.1 by the byte, for clients that do what no library lets them do (OASIS mqtt-v3.1.1, chapter 3)."""

import contextlib
import socket
import ssl
import struct

from wachhund.demo.crowd_wire import CONNACK, PUBACK, PUBLISH, SUBACK, packet, text

__all__ = ["CONNACK", "DENIED", "PINGRESP", "PUBACK", "PUBLISH", "SUBACK", "Cut", "RawMqtt", "packet", "text"]

PINGRESP = 0xD0
DENIED = 0x80  # a return code in a SUBACK


class Cut(Exception):
    """The broker ended the connection, or did not take it."""


class RawMqtt:
    """One connection. What the broker sends of messages is kept in `heard`. Raises Cut once it is ended."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, timeout: float = 10.0) -> None:
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout)
        if tls is not None:
            try:
                self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
            except OSError as error:
                raise self._cut(str(error)) from None
        self.heard: list[tuple[bytes, bytes]] = []
        self._data = b""

    def _cut(self, why: str) -> Cut:
        self.close()
        return Cut(why)

    def close(self) -> None:
        """Without a word: as a cut wire."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def send(self, data: bytes) -> None:
        """Any bytes."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise self._cut(str(error)) from None

    def connect(
        self, client_id: bytes, user: bytes | None = None, password: bytes | None = None, clean: bool = True,
        will: tuple[bytes, bytes, int, bool] | None = None, level: int = 4,
    ) -> int:  # fmt: skip
        """Say who we are. `will`: topic, message, QoS, retain. Returns the broker's code; 0: let in."""
        flags = 0x02 * clean | 0x80 * (user is not None) | 0x40 * (password is not None)
        body = text(client_id)
        if will is not None:
            flags |= 0x04 | will[2] << 3 | 0x20 * will[3]
            body += text(will[0]) + text(will[1])
        body += b"".join(text(word) for word in (user, password) if word is not None)
        self.send(packet(0x10, text(b"MQTT") + bytes([level, flags]) + struct.pack(">H", 60) + body))
        return self.wait(CONNACK)[1]

    def publish(self, topic: bytes, message: bytes = b"x", qos: int = 1, retain: bool = False) -> None:
        """Send a message; the answer, if there is one, comes with a later `wait`."""
        number = struct.pack(">H", 1) if qos else b""
        self.send(packet(0x30 | qos << 1 | retain, text(topic) + number + message))

    def subscribe(self, topic: bytes, qos: int = 1) -> int:
        """Ask for a topic. Returns the broker's code: the QoS granted, or DENIED."""
        self.send(packet(0x82, struct.pack(">H", 7) + text(topic) + bytes([qos])))
        return self.wait(SUBACK)[2]

    def ping(self) -> None:
        """Ask whether the broker is still there: what was sent before is done then."""
        self.send(b"\xc0\x00")
        self.wait(PINGRESP)

    def drain(self) -> None:
        """Throw away what has come, without waiting."""
        timeout = self.socket.gettimeout()
        self.socket.settimeout(0)
        try:
            while self.socket.recv(65536):
                pass
            raise self._cut("ended by the broker")
        except (BlockingIOError, ssl.SSLWantReadError):
            self.socket.settimeout(timeout)
        except OSError as error:
            raise self._cut(str(error)) from None

    def wait(self, kind: int) -> bytes:
        """The body of the next packet of that kind."""
        while True:
            found, body = self._packet()
            if found & 0xF0 == PUBLISH:
                size = struct.unpack(">H", body[:2])[0]
                rest = body[2 + size :]
                self.heard.append((body[2 : 2 + size], rest[2:] if found & 0x06 else rest))
            if found & 0xF0 == kind:
                return body

    def _packet(self) -> tuple[int, bytes]:
        kind, size, shift = self._bytes(1)[0], 0, 0
        while True:
            low = self._bytes(1)[0]
            size |= (low & 0x7F) << shift
            shift += 7
            if not low & 0x80:
                return kind, self._bytes(size)

    def _bytes(self, count: int) -> bytes:
        while len(self._data) < count:
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError("the broker neither answers nor ends the connection") from None
            except OSError as error:
                raise self._cut(str(error)) from None
            if not piece:
                raise self._cut("ended by the broker")
            self._data += piece
        found, self._data = self._data[:count], self._data[count:]
        return found
