"""Who looks through a camera behind a real nginx, from flows as the real senses tell them."""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.ports import free_port
from tests.waiting import until
from wachhund_agent.rounds import Rounds
from wachhund_agent.sensing import Sensing
from wachhund_agent.sensors.camera_view import CameraViewSense, View
from wachhund_evidence import Observation

NANO = "127.0.0.2"  # stands for another board
_CONFIG = """
worker_processes 1; daemon off; master_process on; pid {folder}/pid; error_log {folder}/error; {user}
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port};
    location /cam1 {{ proxy_pass http://{nano}:{camera}/; proxy_buffering off; }}
    location / {{ return 200 "page"; }}
  }}
}}
"""


class Camera:
    """A camera that streams parts of changing size to whoever asks, until they go."""

    def __init__(self) -> None:
        self._listener = socket.create_server((NANO, 0))
        self.port = int(self._listener.getsockname()[1])
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        self._listener.settimeout(0.1)
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                taken, _ = self._listener.accept()
                thread = threading.Thread(target=self._stream, args=(taken,))
                self._threads.append(thread)
                thread.start()

    def _stream(self, taken: socket.socket) -> None:
        with taken, contextlib.suppress(OSError):
            taken.settimeout(5)
            taken.recv(4096)
            taken.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n")
            number = 0
            while not self._ended.wait(0.01):
                number += 1
                picture = b"\xff\xd8" + b"p" * (3000 + number * 37 % 2000) + b"\xff\xd9"
                taken.sendall(b"--x\r\nContent-Type: image/jpeg\r\n\r\n" + picture + b"\r\n")

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()


class Viewer:
    """A browser: one connection, one page or picture at a time."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.address = list(self._socket.getsockname())
        self._reader: threading.Thread | None = None

    def page(self) -> None:
        self._socket.sendall(b"GET / HTTP/1.1\r\nHost: robot\r\n\r\n")
        assert b"page" in self._socket.recv(4096)

    def watch(self) -> None:
        self._socket.sendall(b"GET /cam1 HTTP/1.1\r\nHost: robot\r\n\r\n")
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while self._socket.recv(65536):
                pass

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._reader is not None:
            self._reader.join(10)
        self._socket.close()


class Scene:
    """A camera, nginx before it, and the senses of the robot that runs nginx."""

    def __init__(self, folder: Path) -> None:
        self.camera, self.port = Camera(), free_port()
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        user = "user root;" if folder.stat().st_uid == 0 else ""
        config = folder / "nginx.conf"
        config.write_text(_CONFIG.format(folder=folder, port=self.port, nano=NANO, camera=self.camera.port, user=user))
        self.proxy = subprocess.Popen(
            [nginx, "-e", str(folder / "error"), "-p", str(folder), "-c", str(config)], stderr=subprocess.DEVNULL
        )
        until(lambda: self._listens(), 10, "nginx listens")
        self.told: list[Observation] = []
        self._ended = False
        self.sensing = Sensing(self.told.extend)
        views = [View("head", NANO, (self.camera.port,), "proxy")]
        self.sensing._rounds = Rounds([CameraViewSense(lambda: self.sensing._tcp.flows, views)])
        self._thread = threading.Thread(target=self.sensing.run, args=(lambda: self._ended,))
        self._thread.start()
        until(lambda: any(fact.kind == "coverage" for fact in self.told), 20, "the senses are awake")

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def of(self, kind: str) -> list[Observation]:
        return [fact for fact in list(self.told) if fact.kind == kind]

    def wait(self, kind: str, count: int) -> list[Observation]:
        until(lambda: len(self.of(kind)) >= count, 14, f"{count} {kind}")
        return self.of(kind)

    def end(self) -> None:
        self._ended = True
        self._thread.join(20)
        self.camera.end()
        self.proxy.terminate()
        self.proxy.wait(10)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.end()


def test_two_viewers_at_once_are_told_apart(scene: Scene) -> None:
    """The one who connected first asks last: time alone would name the wrong one. A third only reads the page."""
    first, second, reader = Viewer(scene.port), Viewer(scene.port), Viewer(scene.port)
    try:
        first.page()
        reader.page()
        second.watch()
        time.sleep(0.6)  # how far their views are apart is what tells them apart
        first.watch()
        # Where the agent polls, both may be heard of in one look; whose view ends tells whether they were mixed up.
        opened = {tuple(fact.fields["viewer"]): fact for fact in scene.wait("camera.open", 2)}
        assert opened.keys() == {tuple(first.address), tuple(second.address)}
        for fact in opened.values():
            assert (fact.fields["camera"], fact.fields["via"]) == ("head", "proxy")
            assert fact.fields["exe"].endswith("nginx") and fact.fields["puid"] is not None
        second.end()
        (closed,) = scene.wait("camera.close", 1)
        assert closed.fields["viewer"] == second.address and closed.fields["duration_s"] > 0
        began = opened[tuple(second.address)]
        assert closed.fields["flow"] == began.fields["flow"]
        assert closed.fields["client_flow"] == began.fields["client_flow"] is not None
        first.end()
        scene.wait("camera.close", 2)
    finally:
        for viewer in (first, second, reader):
            viewer.end()
    assert len(scene.of("camera.open")) == len(scene.of("camera.close")) == 2


@pytest.mark.thorough
def test_a_program_of_the_robot_that_looks_itself_has_no_viewer(scene: Scene) -> None:
    with socket.create_connection((NANO, scene.camera.port), timeout=5) as camera:
        camera.sendall(b"GET / HTTP/1.0\r\n\r\n")
        (opened,) = scene.wait("camera.open", 1)
        assert opened.fields["viewer"] is None and opened.fields["why"] and opened.fields["client_flow"] is None
    scene.wait("camera.close", 1)
