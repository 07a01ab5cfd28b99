"""Real receivers on loopback: one that takes webhooks, one that takes mail, one that takes lines."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Hook:
    """What a webhook receiver got. `answer`: status, headers and body of what it says, by the path asked for."""

    port: int
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[str], tuple[int, dict[str, str], bytes]] = lambda path: (204, {}, b"")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ids(self) -> list[str]:
        """Ids of the messages, as they came."""
        return [headers["webhook-id"] for _, headers, _ in self.got]


@contextlib.contextmanager
def webhooks(port: int = 0, hook: Hook | None = None) -> Iterator[Hook]:
    """A receiver of webhooks; `hook`: it goes on counting where an earlier one was."""
    made = hook or Hook(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.got.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            status, headers, said = made.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *words: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Mailbox:
    """What an SMTP server was handed, and what it says to it."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """aiosmtpd's hook."""
        if self.answer.startswith("250"):
            self.mails.append(envelope.content.decode("utf-8", "replace"))
        return self.answer


@contextlib.contextmanager
def mail(port: int, box: Mailbox) -> Iterator[Mailbox]:
    """An SMTP server on a port."""
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@contextlib.contextmanager
def lines(got: list[bytes], wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain) -> Iterator[int]:
    """A collector of lines: reads a connection to its end, then ends it. Yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), wrap(plain) as stream:
                stream.settimeout(5)
                read = b""
                while piece := stream.recv(65536):
                    read += piece
                got.append(read)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
