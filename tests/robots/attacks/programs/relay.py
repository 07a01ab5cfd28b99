"""A relay that nobody has heard of: dials out, waits, and carries who comes in to a port inside. One visit at a time.

Usage: relay.py TRANSPORT HOST PORT INNER_HOST INNER_PORT [split] [padded] [eager]; TRANSPORT is tcp, tls, ws or udp.
Runs by the robot's Python 3.7 and the standard library. `split`: two processes, joined by a socket pair. `eager`: opens
the inner connection as soon as it has dialled, for services that speak first.
"""

import contextlib
import os
import select
import socket
import ssl
import struct
import sys
import time

PIECE, DATAGRAM = 16384, 1200
HELLO = b"\0hello"
AGAIN_S = 0.2


class Line:
    """A stream of bytes, with or without padding: each message is 4 bytes of length, bytes, rubbish."""

    def __init__(self, sock, padded=False):
        self.sock, self.padded, self._rest = sock, padded, b""

    def fileno(self):
        return self.sock.fileno()

    def ready(self):
        """Something is there that select(2) does not know of."""
        return bool(isinstance(self.sock, ssl.SSLSocket) and self.sock.pending())

    def send(self, data):
        if self.padded:
            rubbish = os.urandom(data[0] % 64 if data else 0)
            data = struct.pack(">HH", len(data), len(rubbish)) + data + rubbish
        self.sock.sendall(data)

    def receive(self):
        """Bytes, b"" for none yet, None at the end."""
        data = self.sock.recv(PIECE)
        if not data:
            return None
        if not self.padded:
            return data
        self._rest += data
        out = b""
        while len(self._rest) >= 4:
            size, rubbish = struct.unpack(">HH", self._rest[:4])
            if len(self._rest) < 4 + size + rubbish:
                break
            out, self._rest = out + self._rest[4 : 4 + size], self._rest[4 + size + rubbish :]
        return out

    def close(self):
        self.sock.close()


class Frames(Line):
    """Binary frames of RFC 6455, masked by the one who dialled."""

    def __init__(self, sock, masked):
        Line.__init__(self, sock)
        self._masked, self._bytes = masked, b""

    def send(self, data):
        for start in range(0, len(data), 65000):
            piece = data[start : start + 65000]
            size = len(piece)
            head = bytes([0x82]) + (
                bytes([size | self._masked]) if size < 126 else struct.pack(">BH", 126 | self._masked, size)
            )
            if self._masked:
                key = os.urandom(4)
                piece = key + bytes(byte ^ key[place % 4] for place, byte in enumerate(piece))
            self.sock.sendall(head + piece)

    def receive(self):
        data = self.sock.recv(PIECE)
        if not data:
            return None
        self._bytes += data
        out = b""
        while len(self._bytes) >= 2:
            size, start = self._bytes[1] & 0x7F, 2
            if size == 126:
                if len(self._bytes) < 4:
                    break
                size, start = struct.unpack(">H", self._bytes[2:4])[0], 4
            key = b""
            if self._bytes[1] & 0x80:
                key, start = self._bytes[start : start + 4], start + 4
            if len(self._bytes) < start + size:
                break
            piece = self._bytes[start : start + size]
            out += bytes(byte ^ key[place % 4] for place, byte in enumerate(piece)) if key else piece
            self._bytes = self._bytes[start + size :]
        return out


class Datagrams(Line):
    """One datagram a message; an empty one ends the visit. Nothing gets lost on a cable of a test."""

    def send(self, data):
        for start in range(0, len(data), DATAGRAM):
            self.sock.send(data[start : start + DATAGRAM])

    def receive(self):
        return self.sock.recv(PIECE) or None

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.send(b"")
        self.sock.close()


def dial(transport, host, port, padded):
    """The outer line, standing."""
    if transport == "udp":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect((host, port))
        sock.send(HELLO)
        return Datagrams(sock)
    sock = socket.create_connection((host, port))
    if transport == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = context.wrap_socket(sock, server_hostname=host)
    if transport == "ws":
        ask = "GET /feed HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        sock.sendall((ask.format(host) + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n").encode())
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += sock.recv(1)
        return Frames(sock, 0x80)
    return Line(sock, padded)


def pump(left, right):
    """Carry both ways until one of them ends."""
    ends = {left: right, right: left}
    while True:
        waiting = [end for end in ends if end.ready()] or select.select(list(ends), [], [])[0]
        for end in waiting:
            data = end.receive()
            if data is None:
                return
            if data:
                ends[end].send(data)


def visit(outer, inner, split, eager):
    """Somebody is there: carry them until they go."""
    first = b""
    while not first and not eager:
        first = outer.receive()
        if first is None:
            return
    if not split:
        service = Line(socket.create_connection(inner))
        service.send(first)
        pump(outer, service)
        service.close()
        return
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        outer.sock.close()
        here.close()
        pump(Line(there), Line(socket.create_connection(inner)))
        os._exit(0)
    there.close()
    carried = Line(here)
    carried.send(first)
    pump(outer, carried)
    carried.close()
    os.waitpid(child, 0)


def main():
    transport, host, port, inner_host, inner_port = sys.argv[1:6]
    more = sys.argv[6:]
    while True:
        try:
            outer = dial(transport, host, int(port), "padded" in more)
            visit(outer, (inner_host, int(inner_port)), "split" in more, "eager" in more)
            outer.close()
        except OSError:
            pass
        time.sleep(AGAIN_S)


if __name__ == "__main__":
    main()
