"""A fleet comes back after its broker was gone: each robot at a moment of its own, and none gives up."""

import contextlib
import socket
import threading
import time
from pathlib import Path
from typing import Iterator, List

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent.config import Broker, Config, Limits
from wachhund_agent.mqtt_wire import MqttWire

ROBOTS = 40


class Door:
    """Listens where a broker would, and notes when somebody comes. Nobody is answered."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(2 * ROBOTS)
        self.port = self._listener.getsockname()[1]
        self._inside: List[socket.socket] = []
        self.came: List[float] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._listener.accept()
                self._inside.append(one)
                self.came.append(time.monotonic())

    def throw_all_out(self) -> float:
        inside, self._inside = self._inside, []
        self.came = []
        for one in inside:
            one.close()
        return time.monotonic()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.throw_all_out()


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.close()


def until_came(door: Door, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(door.came) < ROBOTS:
        assert time.monotonic() < deadline, f"only {len(door.came)} of {ROBOTS} came"
        time.sleep(0.01)


def test_robots_whose_broker_was_gone_do_not_all_come_back_in_one_moment(tmp_path: Path, door: Door) -> None:
    """And later from time to time: each waits twice as long as before, up to a bound of its own."""
    host = Ed25519PrivateKey.generate().public_key()
    config = Config("abcdefghij", (Broker("127.0.0.1", door.port),), "c", "u", "p", host, "n", tmp_path, tmp_path)
    wires = [MqttWire(config, Limits(), lambda line: None) for _ in range(ROBOTS)]
    try:
        for wire in wires:
            wire.start()
        until_came(door, 10)
        waited = []
        for longest in (3.0, 6.0):
            gone = door.throw_all_out()
            until_came(door, 2 * longest)
            waited.append(sorted(came - gone for came in door.came))
            assert waited[-1][0] > 0.8
            tenths = [int(10 * one) for one in waited[-1]]
            assert max(tenths.count(tenth) for tenth in tenths) < ROBOTS / 2, "spread, not at once"
        assert waited[1][ROBOTS // 2] > 1.5 * waited[0][ROBOTS // 2], "later each time"
    finally:
        for wire in wires:
            wire.stop()
