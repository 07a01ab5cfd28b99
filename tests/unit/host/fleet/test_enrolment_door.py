"""The door itself, over real TLS: what is too large, too slow or too often costs it nothing, and is counted."""

import datetime
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from wachhund.fleet import enrolment_door
from wachhund.fleet.authority import Authority
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.enrolling import MAX_REQUEST_BYTES, Enrolment
from wachhund.fleet.enrolment_door import EnrolmentDoor
from wachhund.ledger import Ledger, LedgerError


class Doorstep:
    """A door on loopback whose answers the test sets."""

    def __init__(self, folder: Path) -> None:
        data = DataFolder(folder).make()
        authority = Authority.load_or_create(data, ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
        self.ledger = Ledger.open(data.ledger)
        self.asked: list[bytes] = []
        self.broken = False
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._trust = ssl.create_default_context(cadata=authority.certificate)
        self._door = EnrolmentDoor(listener, authority, self.ledger, self._answer)
        self._door.start()

    def _answer(self, body: bytes) -> Enrolment:
        self.asked.append(body)
        if self.broken:
            raise LedgerError("ledger: the disk is full")
        return Enrolment(403, b'{"error":"no"}', "used", "key x")

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self._trust)

    def ask(self, body: bytes, method: str = "POST", path: str = "/enrol") -> tuple[int, str]:
        with closing(self.connect()) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            data = response.read()
        return response.status, json.loads(data)["error"] if data.startswith(b"{") else ""

    def counted(self) -> dict[str, int]:
        return {reason: one.count for (_, reason), one in self.ledger.rejections().items()}

    def close(self) -> None:
        self._door.stop()
        self.ledger.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Doorstep]:
    made = Doorstep(tmp_path / "host")
    yield made
    made.close()


def test_a_refusal_is_one_line_and_counted(door: Doorstep) -> None:
    assert door.ask(b"{}") == (403, "no")
    assert door.counted() == {"enrol-used": 1} and door.asked == [b"{}"]


def test_what_is_too_large_is_not_even_looked_at(door: Doorstep) -> None:
    assert door.ask(b"x" * (MAX_REQUEST_BYTES + 1))[0] == 413
    assert door.asked == [] and door.counted() == {"enrol-oversize": 1}


def test_nothing_else_is_behind_the_door(door: Doorstep) -> None:
    assert door.ask(b"", "GET")[0] == 405 and door.ask(b"", path="/")[0] == 404 and door.asked == []


def test_who_speaks_too_slowly_is_sent_away_and_others_get_in_meanwhile(
    door: Doorstep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment_door, "_BODY_SECONDS", 0.5)
    with closing(door.connect()) as slow:
        slow.putrequest("POST", "/enrol")
        slow.putheader("Content-Length", "100")
        slow.endheaders(b"{")
        assert door.ask(b"{}")[0] == 403
        assert slow.getresponse().status == 408


def test_a_flood_is_turned_away_and_counted(door: Doorstep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolment_door, "_A_SECOND", 0.0)
    found = [door.ask(b"{}")[0] for _ in range(int(enrolment_door._AT_ONCE) + 3)]
    assert found.count(429) == 3 and len(door.asked) == enrolment_door._AT_ONCE
    assert door.counted()["enrol-quota"] == 3


def test_a_ledger_that_cannot_be_written_says_try_again(door: Doorstep) -> None:
    door.broken = True
    status, said = door.ask(b"{}")
    assert status == 503 and "try again" in said


def test_bytes_that_are_no_tls_end_nothing(door: Doorstep) -> None:
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 300, b""):
        with socket.create_connection(("127.0.0.1", door.port), 10) as plain:
            plain.sendall(rubbish)
    threads = [threading.Thread(target=door.ask, args=(b"{}",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(door.asked) == 8
