"""Asking another server for JSON: by https, one address, no redirect, no proxy, a bounded answer in a bounded time."""

import contextlib
import http.client
import json
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_S = 5.0  # for each step
TOGETHER_S = 10.0
MOST_BYTES = 256 * 1024


class NotAnswered(Exception):
    """There was no answer that can be used. Its text says why, in a few words of ours."""


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Whom to believe: the system's authorities, or those of that file only. Raises NotAnswered."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ValueError):
        raise NotAnswered(f"{ca_file}: no certificates") from None


def ask(
    address: str, context: ssl.SSLContext, body: str | None = None, headers: Mapping[str, str] | None = None,
    together_s: float = TOGETHER_S,
) -> object:  # fmt: skip
    """What stands at that https address, or is answered to that body. Raises NotAnswered."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise NotAnswered("no https address")
    connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=TIMEOUT_S, context=context)
    alarm: threading.Timer | None = None
    try:
        connection.connect()
        # Now: of an answer that ends with the connection, the connection forgets its socket.
        alarm = threading.Timer(together_s, _cut, (connection.sock,))
        alarm.daemon = True
        alarm.start()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        method = "GET" if body is None else "POST"
        connection.request(method, path, None if body is None else body.encode(), dict(headers or {}))
        answer = connection.getresponse()
        said = answer.read(MOST_BYTES + 1)
        if answer.status != http.client.OK:
            raise NotAnswered(f"HTTP {answer.status}")
    except ssl.SSLCertVerificationError:
        raise NotAnswered("its certificate is not believed") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotAnswered(f"no answer: {type(error).__name__}") from None
    finally:
        if alarm is not None:
            alarm.cancel()
        connection.close()
    if len(said) > MOST_BYTES:
        raise NotAnswered(f"more than {MOST_BYTES} bytes")
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        raise NotAnswered("no JSON") from None


def _cut(stream: socket.socket) -> None:
    """End what takes too long: each step may be quick, and all together endless."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(stream, socket.SHUT_RDWR)  # not TLS's own, which another thread may be in
