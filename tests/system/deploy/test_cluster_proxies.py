"""HAProxy and nginx as deploy/cluster sets them up, one behind the other: a web is told who really came."""

import contextlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.robots.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.thorough
PROXIES = Path(__file__).resolve().parents[3] / "deploy" / "cluster" / "proxy"
BALANCER, VISITOR = "127.0.0.1", "127.0.0.2"


class Web(BaseHTTPRequestHandler):
    """Answers with what it was told of who came."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        said = f"{self.headers['X-Forwarded-For']} {self.headers['X-Forwarded-Proto']} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def changed(name: str, places: dict[str, str]) -> str:
    text = (PROXIES / name).read_text(encoding="utf-8")
    for theirs, ours in places.items():
        assert theirs in text, f"{name}: {theirs} is not in it"
        text = text.replace(theirs, ours)
    return text


@contextlib.contextmanager
def running(argv: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as stream, subprocess.Popen(argv, stdout=stream, stderr=stream) as process:
        try:
            until(lambda: listens(port) or process.poll() is not None, 20, f"{argv[0]} listens")
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
            process.wait(20)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((BALANCER, port), timeout=1):
        return True
    return False


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[int]:
    """The port where people come: HAProxy's, before nginx, before two webs of which one is away."""
    for program in ("nginx", "haproxy"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
         "-subj", "/CN=wachhund.example.org", "-keyout", "pages.key", "-out", "pages.pem"],
        cwd=tmp_path, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    public, told, direct, robots, away = (free_port() for _ in range(5))
    web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    serving = threading.Thread(target=web.serve_forever)
    serving.start()
    server = changed("nginx.conf", {
        "/etc/ssl/wachhund": str(tmp_path), "listen 443 ": f"listen 127.0.0.1:{direct} ",
        "listen 4443 ": f"listen 127.0.0.1:{told} ", "10.20.0.5": BALANCER, "10.20.0.6": BALANCER,
        "127.0.0.1:8380": f"127.0.0.1:{away}", "127.0.0.1:8381": f"127.0.0.1:{web.server_port}",
    })  # fmt: skip
    kept = "".join(
        f"{one}_temp_path {tmp_path}/{one};\n" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"{user}daemon off;\npid {tmp_path}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{kept}{server}}}\n"
    )
    balancer = changed("haproxy.cfg", {
        "bind :443": f"bind {BALANCER}:{public}", "bind :8883": f"bind {BALANCER}:{robots}",
        "maxconn 50000": "maxconn 200", "a.example.org:4443": f"127.0.0.1:{told}",
    })  # fmt: skip
    (tmp_path / "haproxy.cfg").write_text(balancer)
    nginx = ["nginx", "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    try:
        with (
            running(nginx, told, tmp_path / "nginx.log"),
            running(["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")], public, tmp_path / "haproxy.log"),
        ):
            yield public
    finally:
        web.shutdown()
        serving.join()
        web.server_close()


def asked(port: int) -> str:
    """What the web was told of a visitor who says that he is somebody else."""
    unchecked = ssl._create_unverified_context()  # whose certificate it is, is not asked here
    client = http.client.HTTPSConnection(BALANCER, port, source_address=(VISITOR, 0), context=unchecked, timeout=20)
    with contextlib.closing(client):
        client.request("GET", "/", headers={"Host": "wachhund.example.org", "X-Forwarded-For": "198.51.100.9"})
        return client.getresponse().read().decode()


def test_a_web_is_told_who_came_and_not_what_he_says(pages: int) -> None:
    """Guessed passwords count by that address. One web is away, which nobody notices."""
    for _ in range(4):
        assert asked(pages) == f"{VISITOR} https wachhund.example.org"
