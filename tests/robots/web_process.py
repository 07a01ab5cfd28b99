"""A running `wachhund web`, and a browser that a load balancer may send to another one with each request."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.robots.ports import free_port
from tests.robots.served_host import read_until_ready

NAME = "wachhund.example.org"
ORIGIN = f"https://{NAME}"
# What a load balancer says, which opens TLS and hands on the name that was asked for.
FORWARDED = {"host": NAME, "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7"}


class WebProcess:
    """One process on a data folder, at a port of its own."""

    def __init__(self, data: Path, *more: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wachhund", "web", "--data", str(data), "--listen", f"127.0.0.1:{self.port}",
             "--pages-at", ORIGIN, *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.printed: list[str] = []

    def wait_ready(self) -> "WebProcess":
        """Read until the ready line."""
        read_until_ready(self.process, self.printed)
        return self

    def client(self) -> httpx.Client:
        """Somebody who comes by the load balancer; it holds no cookies of others."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20, headers={**FORWARDED})

    def stop(self) -> tuple[int, str]:
        """Exit status and what it said on standard error; also of one that has ended."""
        if self.process.poll() is None:
            self.process.terminate()
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


class Browser:
    """One person's browser: its cookies go to whichever process is asked."""

    def __init__(self, *processes: WebProcess) -> None:
        self._clients = [one.client() for one in processes]
        self.cookies: dict[str, str] = {}

    def ask(self, at: int, method: str, path: str, **more: object) -> httpx.Response:
        """A request to the process of that number, as a form of our own page sends it."""
        answer = self._clients[at].request(method, path, **self._dressed(method, more))  # type: ignore[arg-type]
        self._keep(answer)
        return answer

    def get(self, at: int, path: str, **more: object) -> httpx.Response:
        """A page."""
        return self.ask(at, "GET", path, **more)

    def post(self, at: int, path: str, **data: str) -> httpx.Response:
        """A form."""
        return self.ask(at, "POST", path, data=data)

    @contextmanager
    def stream(self, at: int, path: str, last_id: str = "") -> Iterator[Iterator[str]]:
        """The lines of an event stream."""
        headers = {"last-event-id": last_id} if last_id else {}
        with self._clients[at].stream("GET", path, **self._dressed("GET", {"headers": headers})) as answer:  # type: ignore[arg-type]
            assert answer.status_code == 200, answer.read()
            yield answer.iter_lines()

    def close(self) -> None:
        """End its connections."""
        for client in self._clients:
            client.close()

    def _dressed(self, method: str, more: dict[str, object]) -> dict[str, object]:
        headers = dict(more.pop("headers", None) or {})  # type: ignore[call-overload]
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method != "GET":
            headers["origin"] = ORIGIN
        return {**more, "headers": headers}

    def _keep(self, answer: httpx.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            value = value.strip('"')
            if value and "max-age=0" not in line.lower():
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
