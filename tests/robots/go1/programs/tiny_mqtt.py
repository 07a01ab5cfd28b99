"""MQTT 3.1.1 with QoS 0 and nothing more: the robot's Python has no client library (OASIS mqtt-v3.1.1, chapter 3)."""

import socket
import struct


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class TinyMqtt:
    """One connection to a broker on this board."""

    def __init__(self, port: int, name: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        # Keep-alive 0: the broker waits for ever.
        self._send(0x10, _text("MQTT") + bytes([4, 2, 0, 0]) + _text(name))
        if self._packet()[0] != 0x20:
            raise OSError("the broker refuses")

    def publish(self, topic: str, payload: bytes) -> None:
        self._send(0x30, _text(topic) + payload)

    def subscribe(self, topic: str) -> None:
        self._send(0x82, b"\x00\x01" + _text(topic) + b"\x00")

    def message(self) -> tuple:  # type: ignore[type-arg]
        """The next (topic, payload). Raises OSError when the broker has gone."""
        while True:
            kind, body = self._packet()
            if kind & 0xF0 == 0x30:
                size = struct.unpack(">H", body[:2])[0]
                return body[2 : 2 + size].decode(), body[2 + size :]

    def _send(self, kind: int, body: bytes) -> None:
        size, length = len(body), b""
        while True:
            size, low = divmod(size, 128)
            length += bytes([low | (0x80 if size else 0)])
            if not size:
                break
        self._socket.sendall(bytes([kind]) + length + body)

    def _packet(self) -> tuple:  # type: ignore[type-arg]
        kind, size, shift = self._bytes(1)[0], 0, 0
        while True:
            low = self._bytes(1)[0]
            size |= (low & 0x7F) << shift
            shift += 7
            if not low & 0x80:
                return kind, self._bytes(size)

    def _bytes(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self._socket.recv(count - len(found))
            if not piece:
                raise OSError("the broker has gone")
            found += piece
        return found
