"""What the scenes' programs say to each other. Runs on its own: beside it lies nothing but the standard library.

*Ask*: a message says how long it is and how long an answer it wants, and gets that. Sessions of every kind (keys and
echoes, pages, file copies) are drawn as lists of asks.
*Tunnel*: how a relay's two outer ends wrap bytes: plain, or in frames with padding, or compressed, or in TLS.
"""

import os
import random
import socket
import ssl
import struct
import zlib

ASK = struct.Struct(">II")
FRAME = struct.Struct(">HH")


def receive(sock, size):
    """Exactly so many bytes. Raises EOFError at an early end."""
    data = bytearray()
    while len(data) < size:
        part = sock.recv(min(65536, size - len(data)))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def ask(sock, size, wanted):
    sock.sendall(ASK.pack(max(size, ASK.size), wanted) + os.urandom(max(size, ASK.size) - ASK.size))
    if wanted:
        receive(sock, wanted)


def answer(sock, before_answer=lambda: None):
    """Read one ask, answer it. Returns the bytes that moved. Raises EOFError when the asker has gone."""
    size, wanted = ASK.unpack(receive(sock, ASK.size))
    receive(sock, size - ASK.size)
    before_answer()
    if wanted:
        sock.sendall(os.urandom(wanted))
    return size + wanted


class Tunnel:
    """Wraps a connected socket. `how`: {"frame": bool, "padding": most bytes, "compress": bool}."""

    def __init__(self, sock, how, seed=0):
        self.sock, self._how, self._rng = sock, how, random.Random(seed)
        self._pack = zlib.compressobj(6) if how.get("compress") else None
        self._unpack = zlib.decompressobj() if how.get("compress") else None

    def send(self, data):
        if self._pack is not None:
            data = self._pack.compress(data) + self._pack.flush(zlib.Z_SYNC_FLUSH)
        if not self._how.get("frame"):
            self.sock.sendall(data)
            return
        for at in range(0, len(data), 32768):
            part = data[at : at + 32768]
            padding = self._rng.randint(0, self._how.get("padding", 0))
            self.sock.sendall(FRAME.pack(len(part), padding) + part + bytes(padding))

    def receive(self, buffer):
        """Some bytes, b"" at the end."""
        if self._how.get("frame"):
            try:
                size, padding = FRAME.unpack(receive(self.sock, FRAME.size))
                data = receive(self.sock, size + padding)[:size]
            except EOFError:
                return b""
        else:
            data = self.sock.recv(buffer)
        if self._unpack is not None and data:
            data = self._unpack.decompress(data) or self.receive(buffer)
        return data


def tls_client(sock):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(sock)


def tls_server(sock, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context.wrap_socket(sock, server_side=True)


def dial(address, port, seconds=10.0):
    sock = socket.create_connection((address, port), timeout=seconds)
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def listen(address, port=0):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(16)
    return sock
